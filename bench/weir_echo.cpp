// weir_echo.cpp - the subject: the echo handler of the README on the model named.
//
//   weir_echo MODEL PORT [--option value]...
#include <weir/weir.h>

#include "weir_subject.h"

static weir::Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

int main(int argc, char** argv) try {
  if (argc < 3) throw std::invalid_argument("usage: weir_echo MODEL PORT [--option value]...");
  weir::Server server(echo);
  return bench::serve(server, argv[1], argv[2], bench::options_from(argv + 3));
} catch (const std::exception& error) {
  std::fprintf(stderr, "weir_echo: %s\n", error.what());
  return 2;
}
