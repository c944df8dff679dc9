#include "base/assert.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include <weir/misuse.h>

namespace weir::base {
namespace {

constinit thread_local AssertionContext assertion_context = nullptr;

}  // namespace

AssertionContext exchange_assertion_context(AssertionContext context) noexcept {
  return std::exchange(assertion_context, context);
}

void tell(const char* line) noexcept { std::fprintf(stderr, "%s\n", line); }

void tell_assertion_context() noexcept {
  const AssertionContext context = exchange_assertion_context(nullptr);
  if (context != nullptr) tell(context());
}

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "weir: %s:%d: assertion failed: %s (this is a bug in Weir)\n", file, line,
               condition);
  tell_assertion_context();
  std::abort();
}

}  // namespace weir::base

namespace weir::detail {

void misuse(const char* what, const char* where) noexcept {
  std::fprintf(stderr, "weir: misuse: %s (see %s)\n", what, where);
  base::tell_assertion_context();
  std::abort();
}

}  // namespace weir::detail
