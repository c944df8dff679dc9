#include <weir/faults.h>

namespace weir::simulation {
namespace {

struct Row {
  std::string_view name;
  double rate;
  bool breaks;
};

// In the order of the enumerators. docs/TESTING.md shows the rates.
constexpr std::array<Row, fault_count> rows{{
    {"split", 0.2, false},
    {"short-send", 0.05, false},
    {"short-receive", 0.1, false},
    {"delay", 0.2, false},
    {"stall", 0.005, false},
    {"spurious", 0.02, false},
    {"disorder", 0.2, false},
    {"interrupted", 0.02, false},
    {"accept-error", 0.05, false},
    {"buffers-out", 0.05, false},
    {"held-descriptor", 0.1, false},
    {"half-close", 1, false},
    {"clock-leap", 0.0005, false},
    {"reset", 0.001, true},
    {"vanish", 0.002, true},
    {"refused", 0.005, true},
    {"connect-timeout", 0.002, true},
    {"receive-error", 0.0005, true},
    {"send-error", 0.0005, true},
    {"memory", 0, true},
    {"stop", 0, true},
    {"worker-death", 0.00005, true},
}};

}  // namespace

std::string_view name(Fault fault) noexcept { return rows[static_cast<std::size_t>(fault)].name; }
bool breaks(Fault fault) noexcept { return rows[static_cast<std::size_t>(fault)].breaks; }

Faults::Faults() noexcept {
  for (std::size_t i = 0; i < fault_count; ++i) rates_[i] = rows[i].rate;
}

Faults Faults::hostile() noexcept {
  Faults faults;
  faults[Fault::memory] = 0.0005;
  faults[Fault::stop] = 0.00005;
  return faults;
}

Faults Faults::none() noexcept {
  Faults faults;
  faults.rates_.fill(0);
  return faults;
}

Faults Faults::harmless() noexcept {
  Faults faults;
  for (std::size_t i = 0; i < fault_count; ++i) {
    if (rows[i].breaks) faults.rates_[i] = 0;
  }
  return faults;
}

}  // namespace weir::simulation
