// handlers.h - the handlers under test: the small servers that everybody writes first.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <weir/channel.h>
#include <weir/connection.h>
#include <weir/endpoint.h>
#include <weir/simulation.h>
#include <weir/task.h>

namespace simulation_tests {

/// Sends back what comes.
weir::Task<> echo(weir::Connection& peer);
/// Answers each line with its length and itself.
weir::Task<> answer_lines(weir::Connection& peer);
/// Reads to the end, then answers with all of it, backwards.
weir::Task<> reverse_all(weir::Connection& peer);
/// Sends `count` letters and leaves, reading nothing.
weir::Task<> give_and_leave(weir::Connection& peer, std::size_t count);
/// Passes bytes both ways; connects at once, or when the client has said something.
weir::Task<> proxy(weir::Connection& client, weir::Endpoint upstream, bool at_once);
/// Answers "late" to whoever says nothing for so long, and "ok" to each that does.
weir::Task<> expect_soon(weir::Connection& peer, std::chrono::seconds patience);

/// What a client gets that is too slow for the others: nothing more.
struct Member {
  weir::Channel<std::shared_ptr<const std::string>> inbox{8};
  bool behind = false;
};
struct Room {
  std::vector<Member*> members;  // In the order of coming: a set of pointers would be by chance.
};
constexpr std::size_t chat_outbox_high = 4'000;  // What the server is told.
/// Each line of one goes to all others.
weir::Task<> chat(weir::Connection& peer, Room& room, weir::simulation::World& world);

}  // namespace simulation_tests
