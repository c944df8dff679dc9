#include "cli/explain/conversation.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <weir/client.h>
#include <weir/error.h>
#include <weir/server.h>
#include <weir/time.h>

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

// Calls that bring the server no further: nobody was there.
bool in_vain(const TracedCall& call) {
  return call.name == "nanosleep" || call.name == "waitid" ||
         (call.can_wait && (call.result < 0 || (call.told.empty() && call.fd < 0))) ||
         (call.name == "epoll_wait" && call.told.empty());
}

/// Leads the clients through the conversation. Each act begins when the server rests again after
/// the one before, so that every call belongs to the act that caused it.
class Script {
 public:
  Script(const Trace& trace, Model model, Endpoint server)
      : trace_(trace), model_(model), server_(std::move(server)) {}

  Task<> run();
  std::vector<Act> acts;

 private:
  bool one_at_a_time() const { return model_ == Model::iterative; }

  void begin(std::string title) { acts.push_back({std::move(title), trace_.returned()}); }
  Task<> exchange(Client& client, std::string_view name, std::string_view words);
  static Task<> hear(Client& client, std::size_t count);
  /// Learns what the server has done since the last look.
  void look();
  /// Waits until `count` calls as `what` says have returned.
  template <class What>
  Task<> until(std::size_t count, What what);
  Task<> accepted(std::size_t count);
  Task<> left(std::size_t count);
  Task<> at_rest();

  std::vector<TracedCall> returned_;
  std::size_t useful_ = 0;  // Of these: not in vain.
  bool sleeps_ = false;     // Somebody is in a call that may wait.
  const Trace& trace_;
  Model model_;
  Endpoint server_;
};

Task<> Script::run() {
  begin("the server starts");
  co_await at_rest();
  begin("A connects");
  Client a = co_await connect(server_);
  co_await accepted(1);
  co_await exchange(a, "A", "hello");
  begin("B connects");
  Client b = co_await connect(server_);
  if (!one_at_a_time()) co_await accepted(2);
  co_await at_rest();
  if (one_at_a_time()) {
    begin("B sends \"good day\", and waits in the backlog");
    co_await b->send("good day");
    co_await at_rest();
  } else {
    co_await exchange(b, "B", "good day");
  }
  begin("A leaves early");
  a.close();
  co_await left(1);
  if (one_at_a_time()) co_await hear(b, 8);
  co_await at_rest();
  co_await exchange(b, "B", "bye");
  begin("B leaves");
  b.close();
  co_await left(2);
  co_await at_rest();
}

Task<> Script::exchange(Client& client, std::string_view name, std::string_view words) {
  co_await at_rest();
  begin(fmt::format("{} sends \"{}\"", name, words));
  co_await client->send(words);
  co_await hear(client, words.size());
  co_await at_rest();
}

Task<> Script::hear(Client& client, std::size_t count) {
  while (count > 0) {
    const Chunk bytes = co_await client->receive();
    if (!bytes) throw std::runtime_error("the server left before it had answered");
    count -= std::min(count, bytes.size());
  }
}

void Script::look() {
  sleeps_ = false;
  for (TracedCall& call : trace_.calls(returned_.size())) {
    if (!call.returned) {
      sleeps_ = sleeps_ || call.can_wait;
    } else if (call.order == returned_.size() + 1) {  // Else the next time, after the one before.
      useful_ += in_vain(call) ? 0 : 1;
      returned_.push_back(std::move(call));
    }
  }
}

template <class What>
Task<> Script::until(std::size_t count, What what) {
  for (;;) {
    look();
    const auto so_far = std::count_if(returned_.begin(), returned_.end(), what);
    if (static_cast<std::size_t>(so_far) >= count) co_return;
    co_await sleep_for(1ms);
  }
}

Task<> Script::accepted(std::size_t count) {
  co_await until(count, [](const TracedCall& call) { return call.accepted; });
  co_await at_rest();
}

// The server has seen the end of the stream, and reclaimed what served it.
Task<> Script::left(std::size_t count) {
  co_await until(count, [](const TracedCall& call) {
    return (call.name == "recv" || call.name == "cqe:recv") && call.result == 0;
  });
  if (model_ == Model::fork) {
    co_await until(
        count, [](const TracedCall& call) { return call.name == "waitpid" && call.result > 0; });
  }
  if (model_ == Model::threads) {
    co_await until(count, [](const TracedCall& call) { return call.name == "pthread_join"; });
  }
}

// At rest: for a while nothing but calls in vain. How long is a matter of order only, not of
// right or wrong: what comes later is told under the next act.
Task<> Script::at_rest() {
  constexpr int while_ms = 20;
  std::size_t known = 0;
  for (int quiet = 0; quiet < while_ms; ++quiet) {
    co_await sleep_for(1ms);
    look();
    if (useful_ != known || (!sleeps_ && model_ != Model::nonblocking)) quiet = 0;
    known = useful_;
  }
}

Task<int> bounded(Script& script) {
  co_await within(20s, script.run());
  co_return 0;
}

}  // namespace

Conversation converse(Model model, bool literal) {
  Trace trace;
  Options options;
  options.send_when_writable = literal;
  // A process of its own, so that the children of `fork` do not hold the clients' sockets.
  options.worker_kind = WorkerKind::process;
  options.stall_after = {};  // A thread of the server's that is none of the model's.
  // Nor are deadlines: the timer that ends sleeps for them is no step of any recipe, and when it
  // strikes depends on the clock.
  options.first_byte = options.idle = options.receive = options.send = options.connection = {};
  Server server(echo);
  server.listen("127.0.0.1:0").model(model).options(options);
  server.start();
  Trace::spare_this_thread();
  std::thread parent([&] {
    Trace::spare_this_thread();
    server.wait();
  });
  Script script(trace, model, server.endpoints().front());
  const int code = run(bounded(script), Model::poll);
  trace.stop();
  server.stop();
  parent.join();
  if (code != 0) throw std::runtime_error("the conversation did not come to its end");
  return {model, std::move(script.acts), trace.calls()};
}

}  // namespace weir::cli
