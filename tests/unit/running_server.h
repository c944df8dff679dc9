// running_server.h - a weir::Server in this process, on a thread of its own.
//
//     RunningServer server(handler, GetParam());
//     support::Client client(server.address());
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>
#include <utility>

#include <weir/server.h>

namespace unit {

class RunningServer {
 public:
  template <class F>
  explicit RunningServer(F handler, weir::Model model = weir::Model::automatic,
                         const weir::Options& options = {})
      : server_(std::move(handler)) {
    server_.model(model).options(options).listen("127.0.0.1:0");
    std::promise<std::string> started;
    auto address = started.get_future();
    thread_ = std::thread([this, promise = std::move(started)]() mutable { serve(promise); });
    address_ = address.get();
  }
  ~RunningServer() { stop(); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  const std::string& address() const { return address_; }
  weir::Server& server() { return server_; }

  /// The exit code.
  int stop() {
    if (!thread_.joinable()) return exit_code_;
    server_.stop(std::chrono::seconds(10));
    thread_.join();
    return exit_code_;
  }

 private:
  void serve(std::promise<std::string>& started) {
    try {
      server_.start();
    } catch (...) {
      started.set_exception(std::current_exception());
      return;
    }
    started.set_value(server_.endpoints().at(0).text());
    exit_code_ = server_.wait();
  }

  weir::Server server_;
  std::string address_;
  int exit_code_ = -1;
  std::thread thread_;
};

}  // namespace unit
