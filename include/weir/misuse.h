// misuse.h - mistakes of the program that uses Weir end it, in every build, with one line.
//
// Part of the engine room. What a broken connection or a wrong option comes to are exceptions.
#pragma once

namespace weir::detail {

/// Prints "weir: misuse: WHAT (see WHERE)", WHERE being what documents the rule, and aborts.
[[noreturn, gnu::cold]] void misuse(const char* what, const char* where) noexcept;

}  // namespace weir::detail
