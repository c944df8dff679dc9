// line.h - a client's end of a connection: a socket, or what stands for one in a simulation.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace support {

struct LineOptions {
  int receive_buffer = 0;  ///< bytes, SO_RCVBUF; 0 = the kernel's choice
  int send_buffer = 0;     ///< bytes, SO_SNDBUF; 0 = the kernel's choice
  std::string from = {};   ///< the address to come from, such as 127.0.0.2:0
};

/// No call waits but wait(). Results as of the system calls: -1 and errno. Closes itself.
class Line {
 public:
  virtual ~Line() = default;
  virtual ssize_t send(std::string_view bytes, int flags) = 0;
  virtual ssize_t receive(char* data, std::size_t size) = 0;
  /// As poll(2): whether one of the events is there, after so long at most.
  virtual bool wait(short events, int milliseconds) = 0;
  virtual bool was_reset() = 0;
  virtual std::size_t unread() = 0;
  /// What the peer's kernel does not have yet.
  virtual std::size_t undelivered() = 0;
  virtual void finish() = 0;
  virtual void reset_on_close() = 0;
};

/// Connects, over the installed simulation if there is one. Throws std::system_error.
std::unique_ptr<Line> connect(const std::string& address, const LineOptions& options);

}  // namespace support
