// weir_proxy.cpp - two directions through one handler, on the model named.
//
//   weir_proxy MODEL PORT UPSTREAM_PORT [--option value]...
#include <weir/weir.h>

#include "weir_subject.h"

static weir::Task<> pump(weir::Connection& from, weir::Connection& to) {
  while (weir::Chunk bytes = co_await from.receive()) co_await to.send(std::move(bytes));
  co_await to.finish();
}

int main(int argc, char** argv) try {
  if (argc < 4) throw std::invalid_argument("usage: weir_proxy MODEL PORT UPSTREAM_PORT");
  const auto upstream_address = weir::Endpoint::parse(std::string("127.0.0.1:") + argv[3]);
  const auto proxy = [upstream_address](weir::Connection& client) -> weir::Task<> {
    weir::Client upstream = co_await weir::connect(upstream_address);
    co_await weir::when_all(pump(client, *upstream), pump(*upstream, client));
  };
  weir::Server server(proxy);
  return bench::serve(server, argv[1], argv[2], bench::options_from(argv + 4));
} catch (const std::exception& error) {
  std::fprintf(stderr, "weir_proxy: %s\n", error.what());
  return 2;
}
