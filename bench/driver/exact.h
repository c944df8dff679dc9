// exact.h - what can be counted rather than timed.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "process.h"
#include "subject.h"

namespace bench {

struct Counting {
  // Fewer requests and connections, no verdict, and a count that cannot be taken throws.
  bool smoke = false;
  int server_cpu = 0;
};

/// Counts for the subjects with these names, prints a table, and returns it.
nlohmann::json count_exactly(const std::vector<std::string>& subjects, const Counting& counting);

/// How often something happens for one request, and how that was found out.
struct Count {
  double per_request = 0;
  std::string source;
};

/// User-space instructions for a 64 B echo over one connection, counted by callgrind between two
/// points in one run, so that starting, warming up and stopping are not part of it.
Count count_instructions(const Subject& subject, const Counting& counting);

/// System calls for a 64 B echo over 64 connections. By a perf tracepoint, at full speed, where
/// that is permitted; else under strace, which slows the server down so that its batches grow.
Count count_system_calls(const Subject& subject, const Counting& counting);
/// The second way alone. Throws when strace has not counted.
Count count_calls_by_strace(const Subject& subject, const Counting& counting);

/// Heap allocations for a 64 B echo over 64 connections, after warm-up.
Count count_allocations(const Subject& subject, const Counting& counting);

/// What 10,000 silent connections take, each.
struct IdleMemory {
  int connections = 0;
  double user_bytes = 0;  // Anonymous memory of the server and its children.
  // Growth of all the kernel's slabs: sockets, files, inodes, items of epoll, requests of a ring;
  // of both ends, and of whatever else the machine does. The client's end is the same for all.
  double kernel_bytes = 0;
};
IdleMemory measure_idle_memory(const Subject& subject, const Counting& counting);

}  // namespace bench
