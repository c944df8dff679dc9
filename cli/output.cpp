#include "cli/output.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

#include "cli/commands.h"

namespace weir::cli {

void check_writable(const std::string& path) {
  std::error_code ignored;
  const bool was_there = std::filesystem::exists(path, ignored);
  errno = 0;
  const bool opened = std::ofstream(path, std::ios::app).is_open();
  const int reason = errno;
  if (!opened) {
    throw UsageError(
        fmt::format("cannot write '{}': {}", path, std::generic_category().message(reason)));
  }
  if (!was_there) std::filesystem::remove(path, ignored);
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file) throw std::runtime_error(fmt::format("cannot write '{}'", path));
}

}  // namespace weir::cli
