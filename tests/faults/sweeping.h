// sweeping.h - fails the first calls of each kind, with each error, one at a time; and the books.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/faults/errors.h"
#include "tests/faults/fault_tap.h"
#include "tests/faults/shapes.h"

namespace faults {

/// How much of it: all of it takes minutes.
struct Extent {
  int calls;         ///< the first so many of each kind
  std::size_t step;  ///< between the lengths that calls are shortened to
};

class Sweeping : public EveryShape {
 protected:
  ~Sweeping() override;

  /// Makes the conversation, start or stop in which the nth call is to fail; whether it did.
  using Attempt = std::function<bool(const Fault&, int nth)>;

  /// Attempts all faults of all kinds of call that occur: when none fails, or when one has.
  void sweep(const Extent& extent, const Attempt& attempt);
  /// Of the kinds of call that occur when none fails: how many, and all that was to happen to them.
  std::uint64_t planned_kinds() const noexcept { return planned_kinds_; }
  std::uint64_t planned_faults() const noexcept { return planned_faults_; }
  /// Prints how many calls failed, and expects that they were at least so many.
  void account(const std::string& when, std::uint64_t at_least);

  FaultTap tap_;

 private:
  void sweep_one(const Extent& extent, const Fault& fault, const Attempt& attempt);

  std::uint64_t planned_kinds_ = 0, planned_faults_ = 0, happened_ = 0;
  FaultTap::Counts failed_{};  // By kind.
};

}  // namespace faults
