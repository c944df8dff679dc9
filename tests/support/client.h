// client.h - a TCP client as the peer in a test: of plain system calls, or in a simulation.
//
//     support::Client client(server.address());
//     EXPECT_EQ(client.converse("hello"), "hello");
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/line.h"

namespace support {

/// Every call waits at most `patience` and then throws, which fails the test. A broken
/// connection throws std::system_error.
class Client {
 public:
  using Options = LineOptions;

  explicit Client(const std::string& address) : Client(address, Options()) {}
  Client(const std::string& address, const Options& options) : line_(connect(address, options)) {}

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
  /// The same; empty at the end, and nothing while there is neither a byte nor the end.
  std::optional<std::string> receive_if_any();
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
  void close() { line_.reset(); }
  /// Waits until the peer's kernel has everything that was sent.
  void wait_until_delivered() const;

 private:
  void wait_for(short events) const;
  /// At most `size` bytes; -1 when there are none now, 0 at the end.
  ssize_t try_receive(char* data, std::size_t size);

  std::unique_ptr<Line> line_;
};

}  // namespace support
