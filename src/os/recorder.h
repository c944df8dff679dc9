// recorder.h - a tap that writes down every call, in memory shared with forked children.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/tap.h"

namespace weir::os {

/// What one call was: fixed in size, written without lock or allocation.
struct CallRecord {
  struct Item {  // A descriptor asked about or reported.
    std::int32_t fd;
    std::uint32_t wanted;  // Bits of poll(2), which those of epoll are too.
    std::uint32_t happened;
    std::uint64_t data;  // epoll only.
  };
  static constexpr std::size_t items_max = 8, bytes_max = 32;

  Call call{};
  std::int32_t process = 0;
  std::int32_t thread = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint32_t item_count = 0;
  std::uint32_t byte_count = 0;
  std::array<Item, items_max> items{};
  std::array<unsigned char, bytes_max> bytes{};
  /// Place in the order of returning, from 1; 0: has not returned. Written last.
  std::atomic<std::uint32_t> returned{0};
  /// Whether what was known before the call has been written.
  std::atomic<bool> begun{false};
};

class Recorder final : public Tap {
 public:
  /// Throws std::system_error when there is no memory.
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// This thread's calls are not recorded.
  static void spare_this_thread() noexcept;

  bool before(Call& call) noexcept override;
  void after(Call& call) noexcept override;

  void stop() noexcept;
  std::size_t returned() const noexcept;
  std::size_t lost() const noexcept;
  /// Those that have been claimed; look at `begun` and `returned`.
  std::span<const CallRecord> records() const noexcept;

 private:
  struct Memory;
  CallRecord* claim(const Call& call) noexcept;
  void finish(CallRecord& record, const Call& call) noexcept;

  Memory* memory_;
};

}  // namespace weir::os
