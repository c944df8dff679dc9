// proc.h - what proc(5) tells about a server: its processes, CPU time, memory, descriptors.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace support {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';  ///< 'Z': a zombie
  std::chrono::milliseconds cpu{0};
};

/// The processes of a group: a server and its children.
std::vector<Process> processes(pid_t group);

/// CPU time used by all the processes of a group that live; precision 10 ms.
std::chrono::milliseconds cpu_time(pid_t group);
/// Memory of its own that all the processes of a group hold (RssAnon), in bytes.
std::size_t memory(pid_t group);
/// Of the group, but for those whose parent died first: they are init's to reap.
std::size_t zombies(pid_t group);
std::size_t threads(pid_t process);
/// A line of /proc/PID/task/TID/status, as "Cpus_allowed_list", of each thread of each process of
/// the group that lives: what stands behind its colon, without spaces around it.
std::vector<std::string> of_each_thread(pid_t group, const std::string& name);
std::size_t descriptors(pid_t process);
/// How many connections of whoever listens at this port of IPv4 were accepted and have nothing
/// unread.
std::size_t connections_taken(unsigned port);
/// The number that the next descriptor of a process gets.
std::size_t lowest_free_descriptor(pid_t process);
/// RLIMIT_NOFILE of a process that runs: it gets no descriptor of this number or above.
void allow_descriptors(pid_t process, std::size_t limit);
/// Descriptors from 3 on, in any process of the group, that an exec would hand on.
std::vector<std::string> descriptors_without_cloexec(pid_t group);

}  // namespace support
