// accept_error.h - the errors of accept(2), by what to do about them.
#pragma once

#include <cerrno>

namespace weir::kernel {

/// This one connection had bad luck.
inline bool accept_should_retry(int error_number) noexcept {
  switch (error_number) {
    case EINTR:
    case ECONNABORTED:
    // Errors already pending on the new connection's network (accept(2)).
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
    case EPERM: return true;  // EPERM: a firewall rule forbids this one.
    default: return false;
  }
}

/// Out of descriptors or memory.
inline bool accept_should_rest(int error_number) noexcept {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
         error_number == ENOMEM;
}

}  // namespace weir::kernel
