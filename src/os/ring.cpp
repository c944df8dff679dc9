#include "os/ring.h"

#include <liburing.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/counters.h"
#include "os/signals.h"
#include "os/tap.h"
#include "os/thread.h"

namespace weir::os {
namespace {

constexpr int buffer_group = 0;

[[noreturn]] void fail(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

// liburing returns -errno; system_call() knows errno.
int told(int result) noexcept {
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

/// sendmsg's header and slices, which the kernel reads when it takes the request.
struct Gathered {
  msghdr message;
  iovec slices[slices_max];
};

}  // namespace

struct Ring::State {
  io_uring ring{};
  io_uring_buf_ring* buffer_ring = nullptr;
  std::size_t buffer_ring_bytes = 0;
  std::byte* memory = nullptr;
  std::size_t memory_bytes = 0;
  std::uint32_t buffer_size = 0;
  unsigned mask = 0;
  bool has_ring = false;
  // One for each submission slot: reused only after what used it was handed over.
  std::vector<Gathered> gathered;
  unsigned gathered_used = 0;
  // What a tap has decided of requests that are in the kernel as ones that do nothing.
  struct Decided {
    std::uint64_t data;
    std::int32_t result;
  };
  std::vector<Decided> decided;

  ~State() {
    if (has_ring) io_uring_queue_exit(&ring);
    unmap(buffer_ring, buffer_ring_bytes);
    unmap(memory, memory_bytes);
  }

  io_uring_sqe& next_sqe() noexcept {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    while (sqe == nullptr) {
      // Full: hand over early. The kernel refuses (EBUSY) only while completions overflow, and
      // then frees them first.
      submit(0, 0);
      sqe = io_uring_get_sqe(&ring);
    }
    return *sqe;
  }

  void submit(unsigned wanted, std::int64_t nanoseconds) noexcept {
    ++base::counters.calls_wait;
    const auto enter = [this](unsigned /*submitted*/, unsigned wanted_, std::int64_t bound) {
      if (wanted_ == 0) return told(io_uring_submit_and_get_events(&ring));
      if (bound < 0) return told(io_uring_submit_and_wait(&ring, wanted_));
      __kernel_timespec time{bound / 1'000'000'000, bound % 1'000'000'000};
      io_uring_cqe* first = nullptr;
      return told(io_uring_submit_and_wait_timeout(&ring, &first, wanted_, &time, nullptr));
    };
    system_call(CallKind::io_uring_enter, enter, io_uring_sq_ready(&ring), wanted, nanoseconds);
    // What was not handed over, which may be a part, still needs its header.
    if (io_uring_sq_ready(&ring) == 0) gathered_used = 0;
  }

  static void unmap(void* place, std::size_t bytes) noexcept {
    if (place != nullptr) system_call(CallKind::munmap, ::munmap, place, bytes);
  }
  void map_buffers(const Options& options);
  void tell_request(io_uring_sqe& sqe) noexcept;
  void tell_completion(Tap& tap, Completion& completion) noexcept;
};

// A request is complete: its data is set. A tap may look at it, shorten it, or decide how it ends.
void Ring::State::tell_request(io_uring_sqe& sqe) noexcept {
  Tap* tap = detail::installed();
  if (tap == nullptr) [[likely]]
    return;
  Call call{CallKind::request,
            {detail::word(sqe.fd), sqe.opcode, sqe.len, sqe.user_data, sqe.ioprio},
            0};
  if (!tap->before(call)) {
    const auto size = static_cast<unsigned>(call.arguments[2]);
    if (size != sqe.len) sqe.flags &= static_cast<std::uint8_t>(~IOSQE_CQE_SKIP_SUCCESS);
    sqe.len = size;
  } else {
    const std::uint64_t data = sqe.user_data;
    io_uring_prep_nop(&sqe);
    io_uring_sqe_set_data64(&sqe, data);
    decided.push_back({data, static_cast<std::int32_t>(call.result)});
  }
  tap->after(call);
}

void Ring::State::tell_completion(Tap& tap, Completion& completion) noexcept {
  const auto found = std::find_if(decided.begin(), decided.end(), [&](const Decided& each) {
    return each.data == completion.data && completion.result == 0 && !completion.more;
  });
  if (found != decided.end()) {
    completion.result = found->result;
    decided.erase(found);
  }
  const std::uint64_t flags = (completion.more ? 1 : 0) | (completion.has_buffer ? 2 : 0);
  Call call{CallKind::completion, {completion.data, flags}, completion.result};
  tap.after(call);
  completion.result = static_cast<std::int32_t>(call.result);
}

void Ring::State::map_buffers(const Options& options) {
  buffer_size = options.buffer_size;
  mask = options.buffers - 1;
  memory_bytes = std::size_t{options.buffers} * options.buffer_size;
  buffer_ring_bytes = options.buffers * sizeof(io_uring_buf);
  const auto map = [](std::size_t size) {
    void* place = system_call(CallKind::mmap, ::mmap, nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) fail(errno, "mmap of the buffers");
    return place;
  };
  buffer_ring = static_cast<io_uring_buf_ring*>(map(buffer_ring_bytes));
  memory = static_cast<std::byte*>(map(memory_bytes));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring);
  registration.ring_entries = options.buffers;
  registration.bgid = buffer_group;
  ++base::counters.calls_other;
  const auto enrol = [&](unsigned /*what*/, unsigned /*count*/) {
    return told(io_uring_register_buf_ring(&ring, &registration, 0));
  };
  const unsigned what = IORING_REGISTER_PBUF_RING;
  if (system_call(CallKind::io_uring_register, enrol, what, 1u) != 0) {
    fail(errno, "io_uring_register_buf_ring");
  }
  io_uring_buf_ring_init(buffer_ring);
}

Ring::Ring(const Options& options) : state_(std::make_unique<State>()) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                 IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
  if (options.shows_work) params.flags |= IORING_SETUP_TASKRUN_FLAG;
  params.cq_entries = options.completions;
  ++base::counters.calls_other;
  const auto set_up = [&](unsigned entries, unsigned /*flags*/) {
    return told(io_uring_queue_init_params(entries, &state_->ring, &params));
  };
  if (system_call(CallKind::io_uring_setup, set_up, options.entries, params.flags) != 0) {
    fail(errno, "io_uring_setup");
  }
  state_->has_ring = true;
  // Saves looking up the descriptor in every enter; only a saving, so failure is no matter.
  const auto enrol = [&](unsigned /*what*/, unsigned /*count*/) {
    return told(io_uring_register_ring_fd(&state_->ring));
  };
  const unsigned what = IORING_REGISTER_RING_FDS;
  system_call(CallKind::io_uring_register, enrol, what, 1u);
  state_->gathered.resize(std::min(options.entries, 64u));
  state_->map_buffers(options);
  for (unsigned id = 0; id < options.buffers; ++id) give_back(static_cast<std::uint16_t>(id));
}

Ring::~Ring() = default;

void Ring::accept_multishot(int listener, std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_multishot_accept(&sqe, listener, nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

void Ring::accept_once(int listener, std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_accept(&sqe, listener, nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

void Ring::receive_multishot(int fd, std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_recv_multishot(&sqe, fd, nullptr, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = buffer_group;
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

// No MSG_WAITALL: with it a send tells of nothing until all was taken, however long that lasts, and
// a peer that takes it slowly looks like one that takes nothing.
void Ring::send(int fd, const void* bytes, std::size_t size, std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_send(&sqe, fd, bytes, size, MSG_NOSIGNAL);
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

void Ring::send(int fd, const Slice* slices, std::size_t count, std::uint64_t data) noexcept {
  while (state_->gathered_used == state_->gathered.size()) state_->submit(0, 0);
  io_uring_sqe& sqe = state_->next_sqe();
  Gathered& gathered = state_->gathered[state_->gathered_used++];
  std::memcpy(gathered.slices, slices, count * sizeof(Slice));
  gathered.message = msghdr{};
  gathered.message.msg_iov = gathered.slices;
  gathered.message.msg_iovlen = count;
  io_uring_prep_sendmsg(&sqe, fd, &gathered.message, MSG_NOSIGNAL);
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

// MSG_DONTWAIT: the kernel tries it when it is handed over, and never parks it (REQ_F_NOWAIT).
// MSG_WAITALL: a part counts as a failure, and so is not silent.
void Ring::send_at_once(int fd, const void* bytes, std::size_t size,
                        std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_send(&sqe, fd, bytes, size, MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

void Ring::poll_once(int fd, bool writable, std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  constexpr unsigned readable_bits = 0x001, writable_bits = 0x004;  // POLLIN, POLLOUT
  io_uring_prep_poll_add(&sqe, fd, writable ? writable_bits : readable_bits);
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

void Ring::close(int fd, std::uint64_t data) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_close(&sqe, fd);
  io_uring_sqe_set_data64(&sqe, data);
  state_->tell_request(sqe);
}

void Ring::cancel(std::uint64_t target) noexcept {
  io_uring_sqe& sqe = state_->next_sqe();
  io_uring_prep_cancel64(&sqe, target, IORING_ASYNC_CANCEL_ALL);
  io_uring_sqe_set_data64(&sqe, 0);
  state_->tell_request(sqe);
}

void Ring::submit_and_wait(unsigned wanted, std::int64_t nanoseconds) noexcept {
  state_->submit(nanoseconds == 0 ? 0 : wanted, nanoseconds);
}

std::size_t Ring::reap(std::span<Completion> completions) noexcept {
  std::size_t count = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&state_->ring, head, cqe) {
    if (count == completions.size()) break;
    completions[count++] = {cqe->user_data,
                            cqe->res,
                            (cqe->flags & IORING_CQE_F_MORE) != 0,
                            (cqe->flags & IORING_CQE_F_BUFFER) != 0,
                            static_cast<std::uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
                            (cqe->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0};
  }
  io_uring_cq_advance(&state_->ring, static_cast<unsigned>(count));
  if (Tap* tap = detail::installed(); tap != nullptr) [[unlikely]] {
    for (std::size_t i = 0; i < count; ++i) state_->tell_completion(*tap, completions[i]);
  }
  return count;
}

bool Ring::handed_over() noexcept { return io_uring_sq_ready(&state_->ring) == 0; }
bool Ring::overflowed() noexcept { return io_uring_cq_has_overflow(&state_->ring); }

// The kernel does its part of the work only when the ring is entered (DEFER_TASKRUN), and notes in
// the shared memory that there is some (IORING_SQ_TASKRUN, Linux 5.19).
bool Ring::has_work() noexcept {
  constexpr unsigned work = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
  return (IO_URING_READ_ONCE(*state_->ring.sq.kflags) & work) != 0 ||
         io_uring_cq_ready(&state_->ring) != 0;
}

void Ring::stop() noexcept {
  io_uring_queue_exit(&state_->ring);
  state_->has_ring = false;
}

std::byte* Ring::buffer(std::uint16_t id) noexcept {
  return state_->memory + std::size_t{id} * state_->buffer_size;
}

void Ring::give_back(std::uint16_t id) noexcept {
  if (!state_->has_ring) return;
  io_uring_buf_ring_add(state_->buffer_ring, buffer(id), state_->buffer_size, id,
                        static_cast<int>(state_->mask), 0);
  io_uring_buf_ring_advance(state_->buffer_ring, 1);
}

namespace {

int make_small_ring() noexcept {
  try {
    kernel::Ring::Options small;
    small.entries = 4;
    small.completions = 8;
    small.buffers = 4;
    small.buffer_size = 4096;
    const Ring ring(small);
    return 0;
  } catch (const std::system_error& error) { return -error.code().value(); } catch (...) {
    return -ENOMEM;
  }
}

}  // namespace

// On a thread of its own, or some milliseconds later, when the kernel has done away with the ring,
// it would interrupt whatever the thread that made it does then: calls end with EINTR, and of a
// ring that this thread has by then, a receive that is at an urgent mark (tcp(7)) waits for news of
// bytes that are there (seen on Linux 6.18, twice in 400 servers under ThreadSanitizer).
int Ring::probe() noexcept {
  int result = 0;
  const auto attempt = [](void* place) noexcept {
    *static_cast<int*>(place) = make_small_ring();
  };
  const SignalsHeld held;  // It inherits that.
  Thread thread;
  if (thread.start(0, attempt, &result) != 0) return make_small_ring();
  thread.join();
  return result;
}

std::string Ring::explain(int error_number) {
  switch (error_number) {
    case ENOSYS: return "this kernel has no io_uring; it needs Linux 6.1 or later";
    case EINVAL:
      return "this kernel lacks a feature of io_uring that is needed (DEFER_TASKRUN, provided "
             "buffer rings); it needs Linux 6.1 or later";
    case EPERM: {
      int disabled = 0;
      std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
      if (disabled != 0) {
        return fmt::format(
            "io_uring is disabled here (kernel.io_uring_disabled is {}); as root: "
            "sysctl kernel.io_uring_disabled=0",
            disabled);
      }
      return "io_uring is forbidden to this process, most likely by a container's seccomp "
             "profile; allow io_uring_setup, io_uring_enter and io_uring_register in it";
    }
    case ENOMEM:
      return "no memory for io_uring's rings; raise the limit of locked memory (ulimit -l)";
    case EMFILE:
    case ENFILE: return "no descriptor left for io_uring; raise the limit (ulimit -n)";
    default:
      return fmt::format("io_uring cannot be used: {}",
                         std::generic_category().message(error_number));
  }
}

}  // namespace weir::os
