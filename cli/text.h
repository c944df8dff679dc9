// text.h - numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace weir::cli {

/// 1234567 as "1,234,567".
std::string with_commas(std::uint64_t number);
/// Rounded to a whole number, with commas.
std::string whole(double number);
/// Three significant figures and a unit: "512 ns", "34.1 us", "1.20 ms", "3.00 s".
std::string duration_text(std::int64_t nanoseconds);
/// "64 B", "16 KiB", "1.5 MiB".
std::string size_text(double bytes);

}  // namespace weir::cli
