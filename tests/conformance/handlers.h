// handlers.h - the handlers that the conformance suite serves: one for each behaviour.
//
// They know nothing of how they are served, so they run in a process of their own, under any
// model, as well as in a simulated world.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/weir.h>

namespace conformance {

using Handler = std::function<weir::Task<>(weir::Connection&)>;

/// What a test may set about a handler. Must outlive the server.
struct Settings {
  std::size_t size = 1024 * 1024;       ///< sender, flood: bytes; many_awaits: awaits
  std::size_t piece = 64 * 1024;        ///< sender, flood: bytes of one send()
  std::chrono::milliseconds pause{20};  ///< deadline, two_things, slow_consumer, late_echo
  std::string upstream;                 ///< proxy, dial: whom to connect to
  std::string until_file;               ///< blocks: goes on when it is there
  std::function<void(std::string_view line)> report;  ///< what the test can read
  std::function<void()> stop;  ///< stops the server, granting the sessions 20 s
  std::function<void()> restart;
};

struct Entry {
  std::string_view name;
  weir::Task<> (*run)(weir::Connection& peer, const Settings& settings);
};

/// The tables of the handlers_*.cpp.
std::vector<Entry> stream_handlers();
std::vector<Entry> waiting_handlers();
std::vector<Entry> sharing_handlers();
std::vector<Entry> working_handlers();

/// Empty for an unknown name.
Handler handler_named(std::string_view name, const Settings& settings);

}  // namespace conformance
