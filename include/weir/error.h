// error.h - what a broken connection throws.
#pragma once

#include <string>
#include <system_error>

namespace weir {

/// A connection, or a wait, that cannot go on. Thrown at the `co_await` that ran into it.
///
/// `code()` holds the errno of the failed call in std::generic_category(), so it compares with
/// std::errc. These values come from Weir itself rather than from a system call:
///   std::errc::operation_canceled  the server stops, another branch of a when_any was first, or
///                                  a deadline of Options passed elsewhere than in receive()
///   std::errc::timed_out           a deadline set by within() passed, or in receive() one of
///                                  Options (TCP gives the same value when a peer does not
///                                  acknowledge any more)
///   std::errc::broken_pipe         a send after finish(), or to a channel that is closed
///   std::errc::message_size        a Reader's limit was exceeded
///   std::errc::protocol_error      the peer finished inside a message that a Reader wanted
///   std::errc::not_supported       a channel was used in another process than made it
///
/// operation_canceled is final: every later await of that task that would have to wait throws it
/// again. A loop that catches IoError has to rethrow it, or it never rests.
///
/// A handler needs no `catch` to be correct: an IoError that leaves it ends that session only.
class IoError : public std::system_error {
 public:
  IoError(int error_number, const char* what)
      : std::system_error(error_number, std::generic_category(), what) {}
  IoError(int error_number, const std::string& what)
      : std::system_error(error_number, std::generic_category(), what) {}
};

/// A server that cannot start, or connect() with text that is no address: a bad option, an address
/// in use, a model not available here. `what()` is one line that says what is wrong, where, and
/// what to do. Nothing was started.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace weir
