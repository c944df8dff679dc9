// limits.h - what the system allows this process, and which of its calls it refuses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::os {

/// A limit of the process; "unlimited" is the largest number.
struct Limit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
Limit descriptor_limits() noexcept;
Limit process_limits() noexcept;

/// A number under /proc/sys, by its name as sysctl(8) has it ("net.core.somaxconn"), or the one
/// at `index` of several; nothing if it cannot be read.
std::optional<std::uint64_t> kernel_setting(std::string_view name, unsigned index = 0);
/// "6.18.5"
std::string kernel_release();
/// Whether a seccomp(2) filter watches this process, as containers set one up.
bool is_filtered();

/// System calls that a server makes, tried: by name, with what happened, 0 or -errno.
struct TriedCall {
  std::string_view name;
  std::string_view use;
  int error = 0;
};
std::vector<TriedCall> try_calls();

}  // namespace weir::os
