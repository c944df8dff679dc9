// clock.h - the time by which a test waits: the machine's, or a simulated world's.
#pragma once

#include <chrono>
#include <string>

namespace support {

class Line;
struct LineOptions;

/// A world that stands in for the machine: its time passes only while somebody rests in it, and
/// clients connect over its network. One at a time; what makes it installs it.
class Simulation {
 public:
  virtual ~Simulation() = default;
  virtual std::chrono::nanoseconds now() = 0;
  virtual void rest(std::chrono::nanoseconds duration) = 0;
  virtual Line* connect(const std::string& address, const LineOptions& options) = 0;

  /// nullptr: tests use the machine itself.
  static Simulation* current();
  static void install(Simulation* simulation);
};

struct Clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
  static time_point now();
};

/// Lets the others run for a moment between two looks at a condition.
void rest(std::chrono::milliseconds duration = std::chrono::milliseconds(2));

}  // namespace support
