#include "server/report.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>

#include <weir/server.h>

#include "os/line.h"

namespace weir {
namespace {

/// A line of text of bounded length.
class Line {
 public:
  explicit Line(std::string_view text) noexcept {
    constexpr std::string_view prefix = "weir: ";
    end_ = std::copy(prefix.begin(), prefix.end(), bytes_.begin());
    const auto room = static_cast<std::size_t>(bytes_.end() - end_) - 1;  // A newline ends it.
    // What came from elsewhere stays one line, and moves no terminal's cursor.
    end_ = std::replace_copy_if(
        text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), room)),
        end_, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    *end_++ = '\n';
  }
  std::string_view text() const noexcept { return {bytes_.data(), end_}; }

 private:
  std::array<char, os::line_size_max> bytes_;
  char* end_;
};

constinit std::atomic<unsigned> lost{0};

void tell_lost(unsigned count) noexcept {
  std::array<char, 80> text;
  std::snprintf(text.data(), text.size(), "%u lines were lost, because nobody read them", count);
  if (!os::write_line(os::standard_error, Line(text.data()).text())) lost += count;
}

}  // namespace

// A log that nobody reads must not hold up those who are served.
void log_to_stderr(LogLevel /*level*/, std::string_view line) noexcept {
  if (const unsigned count = lost.exchange(0); count > 0) tell_lost(count);
  if (!os::write_line(os::standard_error, Line(line).text())) ++lost;
}

namespace detail {

// It waits: nobody is served any more, and nobody would say later what was left out.
void report(const char* line) noexcept { std::fprintf(stderr, "weir: %s\n", line); }

}  // namespace detail
}  // namespace weir
