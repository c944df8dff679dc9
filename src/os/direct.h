// direct.h - the calls of a request and of a connection, made without the C library's wrappers.
//
// recv(2) and the others that may block are cancellation points (pthreads(7)): as soon as a
// process has a second thread, glibc enables and disables cancellation around each, some fifty
// instructions. Nobody here cancels a thread. liburing makes its calls in the same way.
//
// As the wrappers do, they return -1 and set errno.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "base/sanitizers.h"

namespace weir::os {

/// Sets errno. Apart, so that a call that succeeds keeps nothing in registers that must be saved.
[[gnu::noinline, gnu::cold]] inline long call_failed(long result) noexcept {
  errno = static_cast<int>(-result);
  return -1;
}

/// The call of that number, with what syscall(2) takes and returns.
inline long kernel_call(long number, long first, long second, long third, long fourth,
                        long fifth = 0) noexcept {
#if defined(__x86_64__) && defined(__LP64__)
  long result = 0;
  register long r10 asm("r10") = fourth;
  register long r8 asm("r8") = fifth;
  register long r9 asm("r9") = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  if (result >= 0) [[likely]]
    return result;
  return call_failed(result);
#else
  return ::syscall(number, first, second, third, fourth, fifth, 0L);
#endif
}

// Sanitizers look at memory in the wrappers, so their builds use them.
constexpr bool direct_calls = !base::address_sanitizer && !base::thread_sanitizer;

inline long word_of(const void* pointer) noexcept { return reinterpret_cast<long>(pointer); }

inline ssize_t direct_recv(int fd, void* data, std::size_t size, int flags) noexcept {
  if constexpr (!direct_calls) return ::recv(fd, data, size, flags);
  return kernel_call(SYS_recvfrom, fd, word_of(data), static_cast<long>(size), flags);
}

inline ssize_t direct_send(int fd, const void* data, std::size_t size, int flags) noexcept {
  if constexpr (!direct_calls) return ::send(fd, data, size, flags);
  return kernel_call(SYS_sendto, fd, word_of(data), static_cast<long>(size), flags);
}

inline ssize_t direct_sendmsg(int fd, const msghdr* message, int flags) noexcept {
  if constexpr (!direct_calls) return ::sendmsg(fd, message, flags);
  return kernel_call(SYS_sendmsg, fd, word_of(message), flags, 0);
}

inline int direct_accept4(int listener, sockaddr* peer, socklen_t* length, int flags) noexcept {
  if constexpr (!direct_calls) return ::accept4(listener, peer, length, flags);
  return static_cast<int>(
      kernel_call(SYS_accept4, listener, word_of(peer), word_of(length), flags));
}

inline int direct_close(int fd) noexcept {
  if constexpr (!direct_calls) return ::close(fd);
  return static_cast<int>(kernel_call(SYS_close, fd, 0, 0, 0));
}

}  // namespace weir::os
