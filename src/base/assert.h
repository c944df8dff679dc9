// assert.h - our own bugs end the process, in every build.
//
// So do mistakes of those who use the library, which they find described: <weir/misuse.h>.
#pragma once

namespace weir::base {

/// What to say beside a failed assertion: which simulated run it was. This thread's; may be null.
using AssertionContext = const char* (*)() noexcept;
AssertionContext exchange_assertion_context(AssertionContext context) noexcept;
/// A line to stderr, as one that ends the process says it. From a signal handler it has to wait for
/// a thread that is just writing there.
void tell(const char* line) noexcept;
/// Says it, once.
void tell_assertion_context() noexcept;

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace weir::base

#define ASSERT(condition)       \
  (static_cast<bool>(condition) \
       ? static_cast<void>(0)   \
       : ::weir::base::assertion_failed(#condition, __FILE__, __LINE__))
