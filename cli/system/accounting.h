// accounting.h - what the kernel has accounted for a running group of processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::cli {

/// What the processes of a group use from begin() to end(): CPU time to the nanosecond, from each
/// process's own clock (clock_getcpuclockid(3)), and of the children that the leader reaped.
class GroupAccount {
 public:
  /// Looks for the group's processes; later ones are found by end().
  explicit GroupAccount(int leader);

  void begin();
  void end();
  /// CPU time since begin(), of the processes known then.
  std::int64_t used_ns() const;
  std::int64_t cpu_ns() const noexcept { return cpu_ns_; }
  /// The time that passed between the two.
  std::int64_t span_ns() const noexcept { return span_ns_; }

  /// Context switches, so far, of all threads that run now.
  std::uint64_t switches() const;

 private:
  struct Member {
    int pid;
    std::int64_t cpu_ns;
  };

  int leader_;
  std::vector<Member> members_;
  std::int64_t reaped_ns_ = 0;
  std::int64_t span_ns_ = 0;
  std::int64_t cpu_ns_ = 0;
};

/// Memory that the group keeps resident, shared pages counted in proportion (PSS, proc(5)).
std::uint64_t memory_of_group(int leader);

/// The CPUs that this process may run on.
std::vector<unsigned> allowed_cpus();
/// Restricts this process to these CPUs.
void stay_on(const std::vector<unsigned>& cpus);

/// Raises the limit of open descriptors as far as is allowed, also for children; returns it.
std::size_t raise_descriptor_limit() noexcept;

/// A port of 127.0.0.1 that is free now, and not among those that the kernel gives to whoever asks
/// for none (ip_local_port_range, ip(7)): until it is used nobody gets it by chance.
std::uint16_t free_port();
/// Whether somebody listens there.
bool somebody_listens(std::uint16_t port) noexcept;

}  // namespace weir::cli
