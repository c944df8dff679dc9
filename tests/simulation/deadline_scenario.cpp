// Deadlines: the silent are told, in an hour of virtual time; the others are not kept waiting.
#include <weir/time.h>
#include <weir/when.h>

#include "tests/simulation/handlers.h"
#include "tests/simulation/scenarios.h"

namespace simulation_tests {
namespace {

using std::chrono::seconds;

Task<> be_silent(World& world, SimulatedServer server, seconds patience) {
  const Client client = co_await world.connect(server);
  const auto began = world.now();
  const std::string got = co_await receive_all(*client);
  world.check(got == "late" || !world.intact(), "who is silent is told");
  const bool leapt = world.struck(Fault::clock_leap) > 0;
  // It was accepted before it was told so.
  world.check(leapt || !world.intact() || world.now() - began >= patience - seconds(3),
              "a deadline is never early");
}

Task<> be_prompt(World& world, SimulatedServer server, seconds patience) {
  const Client client = co_await world.connect(server);
  const auto began = world.now();
  for (std::uint64_t left = 1 + world.random(5); left > 0; --left) {
    co_await client->send("x");
    auto answer = weir::within(std::chrono::hours(1), receive_bytes(*client, 2));
    const std::string got = co_await std::move(answer);
    if (got != "ok" && !world.intact()) co_return;
    const bool leapt = world.struck(Fault::clock_leap) > 0;
    world.check(got == "ok" || leapt || got == "la", "who is prompt is answered");
  }
  const bool leapt = world.struck(Fault::clock_leap) > 0;
  world.check(leapt || !world.intact() || world.now() - began < patience + seconds(60),
              "a deadline that is not reached costs no time");
}

Task<> nested(World& world) {
  const auto began = world.now();
  bool late = false;
  try {
    auto inner = weir::within(seconds(3), weir::sleep_for(seconds(10)));
    auto outer = weir::within(seconds(5), std::move(inner));
    co_await std::move(outer);
  } catch (const weir::IoError& error) {
    if (error.code() != std::errc::timed_out) throw;
    late = true;
  }
  world.check(late || world.struck(Fault::clock_leap) > 0, "the shorter of two deadlines counts");
  world.check(world.now() - began >= seconds(3), "a deadline is never early");
}

}  // namespace

Task<> deadline_scenario(World& world) {
  const seconds patience(20 + world.random(3'600));
  const auto handler = [patience](Connection& peer) { return expect_soon(peer, patience); };
  // Its own deadline is longer than the server's for who says nothing at all.
  Serving patient = any_serving(world);
  patient.options.first_byte = patient.options.idle = patient.options.receive = {};
  const SimulatedServer server = world.serve(handler, patient);
  for (std::uint64_t left = world.random(3); left > 0; --left) {
    world.spawn(be_silent(world, server, patience));
  }
  world.spawn(nested(world));
  co_await be_prompt(world, server, patience);
}

}  // namespace simulation_tests
