// proxy.cpp - passes bytes both ways between each client and a server.
//
// Shows connect(), within() as a deadline on it, when_all for two directions at once, and
// finish(): when one side has finished sending, the other is told, and may still answer.
//
// Try it:  examples/proxy 127.0.0.1:8000 127.0.0.1:7000  in front of examples/echo, then
// nc 127.0.0.1 8000. WEIR_MODEL=iterative and every other model will do.
#include <chrono>
#include <cstdio>

#include <weir/weir.h>

namespace {

using namespace std::chrono_literals;

// One direction. A chunk that is moved into send() is not copied. While `to` takes nothing,
// send() waits, and so nothing more is received: `from` is slowed down to what `to` can take.
weir::Task<> pass_on(weir::Connection& from, weir::Connection& to) {
  while (weir::Chunk bytes = co_await from.receive()) co_await to.send(std::move(bytes));
  co_await to.finish();
}

// A server that refuses, or does not answer within 5 s, throws: that ends this session only. One
// side's failure is the other's, too: an orderly end would tell him that he has it all.
weir::Task<> proxy(weir::Connection& client, weir::Endpoint upstream) {
  weir::Client server = co_await weir::within(5s, weir::connect(upstream));
  try {
    co_await weir::when_all(pass_on(client, *server), pass_on(*server, client));
  } catch (const weir::IoError&) {
    client.reset();
    server->reset();
    throw;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const char* address = argc > 1 ? argv[1] : "127.0.0.1:8000";
  const auto upstream = weir::Endpoint::parse(argc > 2 ? argv[2] : "127.0.0.1:7000");
  const auto handler = [upstream](weir::Connection& client) { return proxy(client, upstream); };
  return weir::Server(handler).listen(address).handle_signals().on_log(weir::log_to_stderr).run();
} catch (const weir::StartError& error) {
  std::fprintf(stderr, "proxy: %s\n", error.what());
  return 2;
}
