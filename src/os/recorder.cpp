#include "os/recorder.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include "kernel/epoll.h"
#include "kernel/poll.h"
#include "os/clock.h"
#include "os/select.h"

namespace weir::os {
namespace {

constexpr std::size_t records_max = 16384;

struct Self {
  std::int32_t process = 0;
  std::int32_t thread = 0;
  std::uint32_t spared_by = 0;  // A recorder's number; 0: none.
};
constinit thread_local Self self;

// How many recorders there have been: the last one has this number.
constinit std::atomic<std::uint32_t> recorders{0};

bool spared() noexcept { return self.spared_by == recorders.load(std::memory_order_relaxed); }

template <class T>
const T* pointer(std::uint64_t word) noexcept {
  return reinterpret_cast<const T*>(std::uintptr_t{word});
}

void keep_bytes(CallRecord& record, const void* bytes, std::size_t count) noexcept {
  if (bytes == nullptr) return;
  record.byte_count = static_cast<std::uint32_t>(std::min(count, record.bytes.size()));
  std::memcpy(record.bytes.data(), bytes, record.byte_count);
}

void keep_slices(CallRecord& record, const msghdr& message) noexcept {
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
    const iovec& slice = message.msg_iov[i];
    const std::size_t room = record.bytes.size() - record.byte_count;
    const std::size_t count = std::min(room, slice.iov_len);
    std::memcpy(record.bytes.data() + record.byte_count, slice.iov_base, count);
    record.byte_count += static_cast<std::uint32_t>(count);
  }
}

CallRecord::Item* add_item(CallRecord& record) noexcept {
  if (record.item_count == record.items.size()) return nullptr;
  return &record.items[record.item_count++];
}

void keep_sets(CallRecord& record, const Call& call, bool before) noexcept {
  const int end = static_cast<int>(call.arguments[0]);
  for (int fd = 0; fd < end; ++fd) {
    const unsigned bits =
        (in_select_set(pointer<void>(call.arguments[1]), fd) ? kernel::event::readable : 0) |
        (in_select_set(pointer<void>(call.arguments[2]), fd) ? kernel::event::writable : 0);
    if (before && bits != 0) {
      if (CallRecord::Item* item = add_item(record)) *item = {fd, bits, 0, 0};
    } else if (!before) {
      for (std::size_t i = 0; i < record.item_count; ++i) {
        if (record.items[i].fd == fd) record.items[i].happened = bits;
      }
    }
  }
}

void keep_poll(CallRecord& record, const Call& call) noexcept {
  const auto* entries = pointer<kernel::PollEntry>(call.arguments[0]);
  record.item_count = 0;
  for (std::size_t i = 0; i < call.arguments[1]; ++i) {
    const kernel::PollEntry& entry = entries[i];
    if (CallRecord::Item* item = add_item(record)) {
      *item = {entry.fd, static_cast<std::uint16_t>(entry.wanted),
               static_cast<std::uint16_t>(call.result > 0 ? entry.happened : 0), 0};
    }
  }
}

// What is there before the call: the kernel may overwrite it, or another thread once it returned.
void look_before(CallRecord& record, const Call& call) noexcept {
  switch (call.kind) {
    case CallKind::send:
      keep_bytes(record, pointer<void>(call.arguments[1]), call.length());
      break;
    case CallKind::sendmsg: keep_slices(record, *pointer<msghdr>(call.arguments[1])); break;
    case CallKind::setsockopt:
      keep_bytes(record, pointer<void>(call.arguments[3]),
                 static_cast<std::size_t>(call.arguments[4]));
      break;
    case CallKind::bind:
    case CallKind::connect:
      keep_bytes(record, pointer<void>(call.arguments[1]),
                 static_cast<std::size_t>(call.arguments[2]));
      break;
    case CallKind::epoll_ctl:
      if (const auto* event = pointer<kernel::Epoll::Event>(call.arguments[3])) {
        *add_item(record) = {static_cast<int>(call.arguments[2]), event->what, 0, event->data};
      }
      break;
    case CallKind::poll: keep_poll(record, call); break;
    case CallKind::select: keep_sets(record, call, true); break;
    case CallKind::nanosleep: keep_bytes(record, pointer<void>(call.arguments[0]), 16); break;
    case CallKind::timerfd_settime:  // Of an itimerspec the second half.
      keep_bytes(record, pointer<std::byte>(call.arguments[2]) + 16, 16);
      break;
    default: break;
  }
}

void look_after(CallRecord& record, const Call& call) noexcept {
  if (call.result < 0) return;
  switch (call.kind) {
    case CallKind::recv:
      keep_bytes(record, pointer<void>(call.arguments[1]), static_cast<std::size_t>(call.result));
      break;
    case CallKind::epoll_wait:
      for (std::int64_t i = 0; i < call.result; ++i) {
        const auto& event = pointer<kernel::Epoll::Event>(call.arguments[1])[i];
        if (CallRecord::Item* item = add_item(record)) *item = {-1, 0, event.what, event.data};
      }
      break;
    case CallKind::poll: keep_poll(record, call); break;
    case CallKind::select: keep_sets(record, call, false); break;
    default: break;
  }
}

}  // namespace

struct Recorder::Memory {
  std::atomic<bool> recording{true};
  std::atomic<std::uint32_t> claimed{0};
  std::atomic<std::uint32_t> returned{0};
  std::array<CallRecord, records_max> records;
};

Recorder::Recorder() {
  void* place = system_call(CallKind::mmap, ::mmap, nullptr, sizeof(Memory),
                            PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  memory_ = new (place) Memory;
  recorders.fetch_add(1);
  install(this);
}

Recorder::~Recorder() {
  install(nullptr);
  system_call(CallKind::munmap, ::munmap, memory_, sizeof(Memory));
}

void Recorder::spare_this_thread() noexcept { self.spared_by = recorders.load(); }

CallRecord* Recorder::claim(const Call& call) noexcept {
  if (self.process == 0) self = {getpid(), gettid(), self.spared_by};
  const std::uint32_t place = memory_->claimed.fetch_add(1);
  if (place >= records_max) return nullptr;
  CallRecord& record = memory_->records[place];
  record.call = call;
  record.process = self.process;
  record.thread = self.thread;
  record.begin = monotonic_clock().now();
  return &record;
}

bool Recorder::before(Call& call) noexcept {
  call.note = 0;
  if (spared() || !memory_->recording.load()) return false;
  CallRecord* record = claim(call);
  if (record == nullptr) return false;
  look_before(*record, call);
  record->begun.store(true);
  call.note = reinterpret_cast<std::uintptr_t>(record);
  if (call.kind == CallKind::exit) finish(*record, call);  // Nobody will be there after it.
  return false;
}

void Recorder::after(Call& call) noexcept {
  auto* record = reinterpret_cast<CallRecord*>(std::uintptr_t{call.note});
  if (call.kind == CallKind::fork && call.result == 0) {
    // The child: a process of its own, whose parent writes the record of the call.
    self = {0, 0, self.spared_by};
    if (record != nullptr) record = claim(call);
  } else if (call.kind == CallKind::completion && !spared() && memory_->recording.load()) {
    record = claim(call);
  }
  if (record != nullptr) finish(*record, call);
}

void Recorder::finish(CallRecord& record, const Call& call) noexcept {
  record.call.result = call.result;
  look_after(record, call);
  record.end = monotonic_clock().now();
  record.begun.store(true);
  record.returned.store(memory_->returned.fetch_add(1) + 1);
}

void Recorder::stop() noexcept { memory_->recording.store(false); }

std::size_t Recorder::returned() const noexcept { return memory_->returned.load(); }

std::size_t Recorder::lost() const noexcept {
  const std::size_t claimed = memory_->claimed.load();
  return claimed - std::min(claimed, records_max);
}

std::span<const CallRecord> Recorder::records() const noexcept {
  return {memory_->records.data(), std::min<std::size_t>(memory_->claimed.load(), records_max)};
}

}  // namespace weir::os
