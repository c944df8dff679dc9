// tap.h - the seam through which every system call of this layer passes: tracing listens there,
// and fault injection decides there what a call does.
//
//     const ssize_t got = system_call(CallKind::recv, ::recv, fd, data, size, flags);
//
// does what `::recv(fd, data, size, flags)` does, errno included. With no tap installed it costs
// one predictable branch (docs/DECISIONS.md has the figure). Not tapped: the time, which is read
// without entering the kernel (vdso(7)), and what library functions do inside (if_nametoindex).
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weir::os {

/// What was called; named as in the man pages but for the last three.
enum class CallKind : std::uint8_t {
  // sockets
  socket,
  setsockopt,
  getsockopt,
  bind,
  listen,
  accept4,
  connect,
  getsockname,
  getpeername,
  recv,
  send,
  sendmsg,
  sendto,
  shutdown,
  // descriptors and files
  close,
  close_range,
  fcntl,
  ioctl,
  eventfd,
  read,
  write,
  lstat,
  unlink,
  chmod,
  chown,
  open,
  pipe2,
  dup2,
  readlink,
  // waiting
  epoll_create1,
  epoll_ctl,
  epoll_wait,
  poll,
  select,
  nanosleep,
  timerfd_create,
  timerfd_settime,
  // processes, threads, memory
  fork,
  execve,
  pidfd_open,
  waitid,
  waitpid,
  kill,
  sigaction,
  prctl,
  setuid,
  setgid,
  setgroups,
  sched_getaffinity,
  sched_setaffinity,
  exit,
  pthread_create,
  pthread_join,
  mmap,
  munmap,
  getrlimit,
  getrandom,
  // io_uring
  io_uring_setup,
  io_uring_register,
  io_uring_enter,
  request,     ///< put into a ring's submission queue; goes with the next io_uring_enter
  completion,  ///< taken from a ring's completion queue
};
constexpr std::size_t call_kinds = static_cast<std::size_t>(CallKind::completion) + 1;

std::string_view name(CallKind kind) noexcept;

/// One system call, as words: the arguments in the order of its man page, pointers too, which
/// are good while the call lasts.
///
/// Those of io_uring: io_uring_setup(entries, flags), io_uring_register(opcode, count),
/// io_uring_enter(submitted at most, wanted, nanoseconds or -1), request(fd, opcode, length,
/// data, flags), completion(data, flags), whose first argument is what the request's fourth was.
struct Call {
  CallKind kind;
  std::array<std::uint64_t, 6> arguments{};
  /// What it returned: a value, or -errno.
  std::int64_t result = 0;
  /// The tap's own, from before() to after().
  std::uint64_t note = 0;

  /// The descriptor it is about, or -1.
  int fd() const noexcept;
  /// Bytes that a recv, send, sendmsg, read, write or request moves at most; others: 0.
  std::size_t length() const noexcept;
  /// Makes it move no more than `size` bytes. Requires: 0 < size <= length(). A sendmsg is
  /// shortened through memory of the calling thread, so one at a time.
  void shorten(std::size_t size) noexcept;
};

/// Called on the thread that makes the call: any thread, inside signal handlers, and in forked
/// children. So neither function may lock, allocate, or make a tapped call. errno is kept.
class Tap {
 public:
  /// Before the call. May change the arguments. True: the call is not made, and `call.result`
  /// (set here, -errno for a failure) is what its caller sees. A request so decided is put into
  /// the ring as one that does nothing, and completes with that result. Not called for a
  /// completion.
  virtual bool before(Call& call) noexcept = 0;
  /// After it, made or not. May change the result: the way to let a call happen and fail
  /// nevertheless, as close(2) may. Whoever turns a descriptor into a failure has to close it.
  virtual void after(Call& call) noexcept = 0;

 protected:
  ~Tap() = default;
};

namespace detail {

inline constinit std::atomic<Tap*> installed_tap{nullptr};

inline Tap* installed() noexcept { return installed_tap.load(std::memory_order_acquire); }

/// The slow path: tells the tap, and calls `perform(call)` unless the tap has decided.
template <class Perform>
void tell(Tap& tap, Call& call, Perform perform) noexcept {
  const int before = errno;
  const bool decided = tap.before(call);
  errno = before;
  if (!decided) {
    const std::int64_t result = perform();
    call.result = result == -1 ? -errno : result;
  }
  const int saved = errno;
  tap.after(call);
  errno = call.result < 0 ? static_cast<int>(-call.result) : saved;
}

// Arguments and results as words and back.
template <class T>
std::uint64_t word(T value) noexcept {
  if constexpr (std::is_null_pointer_v<T>) return 0;
  else if constexpr (std::is_pointer_v<T>) return reinterpret_cast<std::uintptr_t>(value);
  else return static_cast<std::uint64_t>(value);
}
template <class T>
T unword(std::uint64_t value) noexcept {
  if constexpr (std::is_null_pointer_v<T>) return nullptr;
  else if constexpr (std::is_pointer_v<T>) return reinterpret_cast<T>(std::uintptr_t{value});
  else return static_cast<T>(value);
}

template <class Function, class... Arguments>
[[gnu::noinline, gnu::cold]] auto tapped(Tap& tap, CallKind kind, Function function,
                                         Arguments... arguments) noexcept {
  using Result = std::invoke_result_t<Function, Arguments...>;
  Call call{kind, {word(arguments)...}, 0};
  tell(tap, call, [&]<std::size_t... i>(std::index_sequence<i...>) {
    return [&call, function] {
      static_cast<void>(call);  // A function without arguments has no use for it.
      return static_cast<std::int64_t>(word(function(unword<Arguments>(call.arguments[i])...)));
    };
  }(std::index_sequence_for<Arguments...>{}));
  return unword<Result>(call.result < 0 ? ~std::uint64_t{0} : word(call.result));
}

}  // namespace detail

/// Every call, of every thread, tells `tap` from now on; nullptr: none. Install it while no
/// server runs: a call that has begun may still tell the tap that was there before.
inline void install(Tap* tap) noexcept {
  detail::installed_tap.store(tap, std::memory_order_release);
}

/// Calls `function(arguments...)`, which sets errno and returns -1 when it fails; or does what
/// the installed tap decides.
template <class Function, class... Arguments>
inline auto system_call(CallKind kind, Function function, Arguments... arguments) noexcept {
  static_assert(sizeof...(Arguments) <= 6);
  if (Tap* tap = detail::installed(); tap != nullptr) [[unlikely]] {
    return detail::tapped(*tap, kind, function, arguments...);
  }
  return function(arguments...);
}

}  // namespace weir::os
