#include "tests/support/clock.h"

#include <ctime>

namespace support {

namespace {

Simulation* installed = nullptr;

}  // namespace

Simulation* Simulation::current() { return installed; }
void Simulation::install(Simulation* simulation) { installed = simulation; }

Clock::time_point Clock::now() {
  if (installed != nullptr) return time_point(installed->now());
  return time_point(std::chrono::steady_clock::now().time_since_epoch());
}

void rest(std::chrono::milliseconds duration) {
  if (installed != nullptr) return installed->rest(duration);
  const timespec time{duration.count() / 1000, (duration.count() % 1000) * 1'000'000};
  nanosleep(&time, nullptr);
}

}  // namespace support
