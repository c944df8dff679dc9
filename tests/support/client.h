// client.h - a TCP client of plain system calls, as the peer in a test.
//
//     support::Client client(server.address());
//     EXPECT_EQ(client.converse("hello"), "hello");
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/support/fd.h"

namespace support {

/// Every call waits at most `patience` and then throws, which fails the test. A broken
/// connection throws std::system_error.
class Client {
 public:
  struct Options {
    int receive_buffer = 0;  ///< bytes, SO_RCVBUF; 0 = the kernel's choice
    int send_buffer = 0;     ///< bytes, SO_SNDBUF; 0 = the kernel's choice
    std::string from = {};   ///< the address to come from, such as 127.0.0.2:0
  };

  explicit Client(const std::string& address) : Client(address, Options()) {}
  Client(const std::string& address, const Options& options);

  int fd() const { return fd_.get(); }

  void send(std::string_view bytes);
  /// What the kernel takes without waiting; 0 when it is full.
  std::size_t send_some(std::string_view bytes);
  /// One byte of urgent data (MSG_OOB).
  void send_urgent(char byte);

  /// Exactly `count` bytes; fewer when the server has finished.
  std::string receive(std::size_t count);
  /// What is there, after waiting for at least one byte; empty at the end.
  std::string receive_some();
  /// What is there now, without waiting.
  std::string receive_now();
  std::string receive_line();
  std::string receive_to_end();
  /// Sends `bytes` and receives as many, both at the same time.
  std::string converse(std::string_view bytes);
  /// Receives to the end and sends filler all the while, as one who does not listen.
  std::string receive_to_end_while_sending();

  /// Whether the server ends the connection, by FIN or by RST; drops what comes before.
  bool sees_end();
  /// Whether the server has reset the connection; takes nothing of what came.
  bool was_reset() const;
  /// Waits for a byte or for the end, whichever comes.
  void answered_or_ended() const;
  /// Bytes that came and were not received yet.
  std::size_t unread() const;
  bool has_answer() const { return unread() > 0; }

  /// Half-close: nothing more will be sent.
  void finish();
  /// Closes with RST.
  void reset();
  void close() { fd_.close(); }
  /// Waits until the peer's kernel has everything that was sent.
  void wait_until_delivered() const;

 private:
  void connect(const std::string& address, const Options& options);
  void wait_for(short events) const;
  /// At most `size` bytes; -1 when there are none now, 0 at the end.
  ssize_t try_receive(char* data, std::size_t size);

  Fd fd_;
};

}  // namespace support
