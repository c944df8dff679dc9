#include "tests/faults/sweeping.h"

#include <cerrno>
#include <cstdio>
#include <limits>

#include "tests/support/sandbox.h"

namespace faults {
namespace {

using weir::os::CallKind;

constexpr std::size_t index(CallKind kind) noexcept { return static_cast<std::size_t>(kind); }

/// Of all tests of this process.
FaultTap::Counts all_seen{}, all_failed{};

// On the edge an EAGAIN or a part says that the kernel will tell when there is more. Where there
// was more all the time it never does: that is no fault of a kernel, but another kernel.
bool is_false(const Fault& fault) noexcept {
  if (EveryShape::GetParam().model != weir::Model::epoll_et) return false;
  const bool moves = fault.kind == CallKind::accept4 || fault.kind == CallKind::recv ||
                     fault.kind == CallKind::send || fault.kind == CallKind::sendmsg;
  return moves && (fault.error == EAGAIN || fault.error == 0);
}

template <class Table>
bool has(const Table& table, CallKind kind) {
  return std::ranges::any_of(table, [&](const auto& line) { return line.kind == kind; });
}

/// What holds when every test has run: there was no kind of call that nobody thought of.
class Books final : public testing::Environment {
 public:
  void TearDown() override {
    std::uint64_t sum = 0;
    bool all_ran = testing::GTEST_FLAG(filter) == "*";
    for (const weir::ModelInfo& info : weir::models()) {
      all_ran = all_ran && weir::availability(info.model).available;
    }
    for (std::size_t i = 0; i < weir::os::call_kinds; ++i) {
      const auto kind = static_cast<CallKind>(i);
      sum += all_failed[i];
      if (has(do_not_occur(), kind)) {
        EXPECT_EQ(all_seen[i], 0U) << name(kind) << " occurs";
        continue;
      }
      // Without descriptors a thread could not report what a sanitizer finds (os/thread.cpp).
      const bool spared = kind == CallKind::close_range && support::sanitized();
      if (!all_ran || spared) continue;
      EXPECT_GT(all_seen[i], 0U) << name(kind) << " does not occur";
      if (has(sweeps(), kind)) { EXPECT_GT(all_failed[i], 0U) << name(kind) << " never failed"; }
    }
    std::printf("sweep: %llu calls failed, were shortened or interrupted, of %zu kinds\n",
                static_cast<unsigned long long>(sum),
                static_cast<std::size_t>(
                    std::ranges::count_if(all_failed, [](auto n) { return n != 0; })));
    if (all_ran && support::full()) { EXPECT_GE(sum, 20'000U); }
  }
};
[[maybe_unused]] const auto* const books =
    testing::AddGlobalTestEnvironment(new Books);  // GoogleTest deletes it.

TEST(Kinds_of_calls, Are_each_failed_or_spared_with_a_reason) {
  for (std::size_t i = 0; i < weir::os::call_kinds; ++i) {
    const auto kind = static_cast<CallKind>(i);
    const int places =
        has(sweeps(), kind) + has(cannot_be_failed(), kind) + has(do_not_occur(), kind);
    EXPECT_EQ(places, 1) << name(kind) << " belongs in one table of tests/faults/errors.cpp";
  }
}

}  // namespace

Sweeping::~Sweeping() {
  const FaultTap::Counts seen = tap_.seen();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    all_seen[i] += seen[i];
    all_failed[i] += failed_[i];
  }
}

void Sweeping::sweep(const Extent& extent, const Attempt& attempt) {
  const FaultTap::Counts before = tap_.seen_armed();
  constexpr Fault nothing{CallKind::exit, ECANCELED};
  attempt(nothing, std::numeric_limits<int>::max());
  std::vector<bool> done(sweeps().size());
  // What fails makes calls of kinds that did not occur before.
  for (bool first = true, more = true; more; first = false) {
    more = false;
    for (std::size_t i = 0; i < done.size(); ++i) {
      const Sweep& what = sweeps()[i];
      if (done[i] || tap_.seen_armed()[index(what.kind)] == before[index(what.kind)]) continue;
      done[i] = more = true;
      if (first) ++planned_kinds_;
      for (const Fault& fault : faults_of(what, extent.step)) {
        const bool is_short =
            fault.error == 0 && fault.length >= tap_.longest_armed()[index(fault.kind)];
        if (is_false(fault) || is_short) continue;
        if (first) ++planned_faults_;
        sweep_one(extent, fault, attempt);
        if (HasFailure()) return;
      }
    }
  }
}

void Sweeping::sweep_one(const Extent& extent, const Fault& fault, const Attempt& attempt) {
  for (int nth = 1; nth <= extent.calls; ++nth) {
    SCOPED_TRACE(std::string(name(fault.kind)) + " no. " + std::to_string(nth) + ", error " +
                 std::to_string(fault.error) + ", length " + std::to_string(fault.length));
    bool happened = attempt(fault, nth);
    // Whether there is one at all can be chance: who ends first calls shutdown(2), say.
    constexpr int patience = 10;
    for (int i = 0; nth == 1 && !happened && !HasFailure() && i < patience; ++i) {
      happened = attempt(fault, nth);
    }
    if (happened) {
      ++happened_;
      ++failed_[index(fault.kind)];
    }
    if (HasFailure() || !happened) return;
  }
}

void Sweeping::account(const std::string& when, std::uint64_t at_least) {
  EXPECT_EQ(tap_.fired(), happened_);
  EXPECT_GE(happened_, at_least);
  RecordProperty("injections", std::to_string(happened_));
  std::string kinds;
  for (std::size_t i = 0; i < failed_.size(); ++i) {
    if (failed_[i] == 0) continue;
    kinds += ' ' + std::string(name(static_cast<CallKind>(i))) + ':' + std::to_string(failed_[i]);
  }
  std::printf("%s, %s: %llu calls failed, were shortened or interrupted:%s\n",
              GetParam().name().c_str(), when.c_str(), static_cast<unsigned long long>(happened_),
              kinds.c_str());
}

}  // namespace faults
