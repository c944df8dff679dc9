// client.cpp - the other side: sends words to an echo server, one by one, and checks each answer.
//
// Shows connect() and run() in a program that is no server, Reader for a known number of bytes,
// and within() as a deadline for a whole exchange.
//
// Try it:  examples/client 127.0.0.1:7000 some words  beside examples/echo.
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <weir/weir.h>

namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

// Sends a word and says whether it came back.
weir::Task<bool> ask(weir::Connection& server, weir::Reader& reader, std::string_view word) {
  co_await server.send(word);
  const auto echoed = co_await reader.exactly(word.size());
  co_return echoed == word;
}

// The exit code: 0 if every word came back.
weir::Task<int> talk(std::string address, Words words) {
  weir::Client server = co_await weir::within(2s, weir::connect(address));
  weir::Reader reader(*server);
  int lost = 0;
  for (const std::string& word : words) {
    const bool same = co_await weir::within(2s, ask(*server, reader, word));
    std::printf("%s: %s\n", word.c_str(), same ? "came back" : "came back wrong");
    if (!same) ++lost;
  }
  co_await server->finish();
  co_return lost == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : "127.0.0.1:7000";
  const Words words = argc > 2 ? Words(argv + 2, argv + argc) : Words{"hello", "world"};
  return weir::run(talk(address, words));
}
