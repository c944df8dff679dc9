// Behind a proxy: headers of every kind, cut anywhere, some of them damaged. Who the client is
// comes from the header, and what follows it reaches the handler, each byte once.
#include <algorithm>

#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

using namespace std::string_literals;

Task<> say_who_and_echo(Connection& peer) {
  const std::string who = peer.peer().text();
  co_await peer.send(who, "\n");
  co_await echo(peer);
}

struct Sample {
  std::string header;
  std::string who;  ///< empty: as the socket has it
};

std::string binary(char command, char family, const std::string& block) {
  const char size[] = {static_cast<char>(block.size() >> 8), static_cast<char>(block.size())};
  return "\r\n\r\n\0\r\nQUIT\n"s + command + family + std::string(size, 2) + block;
}

Sample any_header(World& world) {
  const std::string block = "\xc0\0\2\7\xc6\x33\x64\2\x04\x57\x01\xbb"s;
  const std::string padding(world.random(world.random(4) == 0 ? 4000 : 20), '\0');
  const char sizes[] = {static_cast<char>(padding.size() >> 8),
                        static_cast<char>(padding.size())};
  const std::string tlv = "\4" + std::string(sizes, 2) + padding;
  switch (world.random(6)) {
    case 0: return {"PROXY TCP4 192.0.2.7 198.51.100.2 1111 443\r\n", "192.0.2.7:1111"};
    case 1: return {"PROXY TCP6 2001:db8::7 2001:db8::2 1 2\r\n", "[2001:db8::7]:1"};
    case 2: return {"PROXY UNKNOWN as you like\r\n", ""};
    case 3: return {binary(0x20, 0, tlv), ""};
    case 4: return {binary(0x21, 0x11, block), "192.0.2.7:1111"};
    default: return {binary(0x21, 0x11, block + tlv), "192.0.2.7:1111"};
  }
}

// In small pieces, so that it is cut anywhere, also between two bytes of what follows.
Task<> send_crumbled(World& world, Connection& peer, std::string_view text) {
  const std::uint64_t largest = 1 + world.random(3) * world.random(50);
  while (!text.empty()) {
    const std::size_t size = std::min<std::size_t>(text.size(), 1 + world.random(largest));
    co_await peer.send(text.substr(0, size));
    text.remove_prefix(size);
    const bool pauses = text.size() < 200 && world.random(3) == 0;
    if (pauses) co_await weir::sleep_for(std::chrono::microseconds(world.random(20'000)));
  }
  co_await peer.finish();
}

Task<> converse(World& world, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  const std::string socket = client->local().text();
  const Sample sample = any_header(world);
  const std::string sent = world.text(world.random(world.random(4) == 0 ? 20'000 : 100));
  const std::string all = sample.header + sent;
  auto both = weir::when_all(send_crumbled(world, *client, all), receive_all(*client));
  const auto [done, got] = co_await std::move(both);
  const std::string whole = (sample.who.empty() ? socket : sample.who) + "\n" + sent;
  world.check(whole.starts_with(got), "the header names the client, and no byte is lost or new");
  world.check(got == whole || !world.intact(), "all of it comes back");
}

// Whoever sends no header never reaches the handler, which would say who he is.
Task<> lie(World& world, SimulatedServer server) {
  const Client client = co_await world.connect(server);
  std::string header = any_header(world).header;
  const std::size_t at = world.random(9);  // Further on a bit may make another address.
  header[at] = static_cast<char>(header[at] ^ (1 << world.random(8)));
  try {
    const std::string all = header + world.text(200);
    auto both = weir::when_all(send_crumbled(world, *client, all), receive_all(*client));
    const auto [done, got] = co_await std::move(both);
    world.check(got.empty(), "nobody is served who was not introduced");
  } catch (const weir::IoError&) {}  // It is reset.
}

}  // namespace

Task<> introduction_scenario(World& world) {
  Serving serving = any_serving(world);
  serving.options.proxy_from = {weir::Network::parse("10.0.0.0/8"),
                                weir::Network::parse("unix:")};
  // On a slow network a header takes its time.
  serving.options.proxy_header = std::chrono::minutes(world.random(2) * 30);
  serving.options.first_byte = serving.options.idle = {};
  const SimulatedServer server = world.serve(say_who_and_echo, serving);
  for (std::uint64_t others = world.random(4); others > 0; --others) {
    world.spawn(world.random(3) == 0 ? lie(world, server) : converse(world, server));
  }
  co_await converse(world, server);
  if (!world.intact() || server.stopped()) co_return;
  const weir::Statistics statistics = server.statistics();
  world.check(statistics.accepted >= statistics.closed,
              "nothing is closed that was not accepted");
  world.check(statistics.proxy_invalid <= statistics.failed, "who lies has failed");
}

}  // namespace simulation_tests
