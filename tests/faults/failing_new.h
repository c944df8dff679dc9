// failing_new.h - an operator new that can be told to fail: this program's own, in every thread and
// forked child but for those that are exempt.
#pragma once

#include <atomic>
#include <cstdint>

namespace faults {

/// Which allocation fails. In memory that forked children share.
class FailingNew {
 public:
  FailingNew();
  ~FailingNew();
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;

  /// The n-th from now on.
  void arm(int nth) noexcept;
  /// Whether it happened.
  bool disarm() noexcept;
  std::uint64_t fired() const noexcept;
};

/// While it lives this thread's allocations neither fail nor count: a test's own, or its clients'.
/// Or, inside of one, they do again.
class Exempt {
 public:
  explicit Exempt(bool on = true) noexcept;
  ~Exempt();
  Exempt(const Exempt&) = delete;
  Exempt& operator=(const Exempt&) = delete;

 private:
  bool before_;
};

}  // namespace faults
