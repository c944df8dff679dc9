// scratch.h - a place for the files that a tool leaves while it counts.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "posix.h"

namespace bench {

/// A directory for one run's files, removed with them.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "weir-bench-XXXXXX";
    if (!::mkdtemp(name.data())) fail("mkdtemp");
    path_ = name;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace bench
