// trace.h - what happened in a world, as a hash always and as lines when they are wanted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::simulated {

/// Kinds of entries; trace.cpp has a line for each.
enum class Entry : std::uint8_t {
  note,
  log,
  fault,
  listening,
  connecting,
  connected,
  connect_failed,
  accepted,
  accept_failed,
  sent,
  send_failed,
  arrived,
  received,
  receive_failed,
  fin_sent,
  fin_arrived,
  reset_sent,
  reset_arrived,
  closed,
  vanished,
  timed_out,
  turn,
  woken,
  stop,
  died,
  failed,
};

class Trace {
 public:
  explicit Trace(bool keep) noexcept : keep_(keep) {}

  void add(std::int64_t now, Entry entry, std::uint64_t a = 0, std::uint64_t b = 0) {
    mix(static_cast<std::uint64_t>(now) ^ (static_cast<std::uint64_t>(entry) << 56));
    mix(a ^ (b << 32));
    if (keep_) rows_.push_back({now, entry, a, b});
  }
  void add_text(std::int64_t now, Entry entry, std::string_view text);

  /// Why the run fails, at the moment when it does. The first time counts.
  void add_failure(std::int64_t now, std::string_view what);

  std::uint64_t hash() const noexcept { return hash_; }
  /// One line for each entry that a reader wants to see.
  std::vector<std::string> lines() const;
  /// How many of these lines there are up to that of the failure; 0: there is none.
  std::size_t lines_to_failure() const;
  /// What was logged, without the rest; if the trace is kept.
  std::vector<std::string> logged() const;

 private:
  struct Row {
    std::int64_t time;
    Entry entry;
    std::uint64_t a, b;
  };

  void mix(std::uint64_t word) noexcept {
    hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15;
    hash_ ^= hash_ >> 29;
  }
  /// Calls `see(row)` for each that a reader wants to see.
  template <class See>
  void for_each_shown(See see) const;
  static std::string line(const Row& row, const std::vector<std::string>& texts);

  bool keep_;
  bool has_failed_ = false;
  std::uint64_t hash_ = 0;
  std::vector<Row> rows_;
  std::vector<std::string> texts_;
};

/// The same text on one line, and harmless to a terminal: control bytes as \x0a.
std::string one_line(std::string_view text);

/// "server 3": of a connection, which has two, the end with this name.
std::string end_name(std::uint64_t end);

/// "ECONNRESET", for the errors that the simulation knows.
std::string_view error_name(int error_number) noexcept;

}  // namespace weir::simulated
