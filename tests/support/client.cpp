#include "tests/support/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/deadline.h"
#include "tests/support/fd.h"

namespace support {

void Client::send(std::string_view bytes) {
  while (true) {
    bytes.remove_prefix(send_some(bytes));
    if (bytes.empty()) return;
    wait_for(POLLOUT);
  }
}

std::size_t Client::send_some(std::string_view bytes) {
  const ssize_t sent = line_->send(bytes, 0);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  fail("send");
}

void Client::send_urgent(char byte) {
  if (line_->send({&byte, 1}, MSG_OOB) != 1) fail("send urgent");
}

ssize_t Client::try_receive(char* data, std::size_t size) {
  const ssize_t got = line_->receive(data, size);
  if (got < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
  return got;
}

std::string Client::receive(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = try_receive(bytes.data() + have, count - have);
    if (got == 0) break;
    if (got > 0) have += static_cast<std::size_t>(got);
    if (got < 0) wait_for(POLLIN);
  }
  bytes.resize(have);
  return bytes;
}

std::string Client::receive_some() {
  wait_for(POLLIN);
  return receive_now();
}

std::string Client::receive_now() { return receive_if_any().value_or(""); }

std::optional<std::string> Client::receive_if_any() {
  std::string bytes(64 * 1024, '\0');
  const ssize_t got = try_receive(bytes.data(), bytes.size());
  if (got < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

std::string Client::receive_line() {
  std::string line;
  while (line.empty() || line.back() != '\n') {
    const std::string next = receive(1);
    if (next.empty()) break;
    line += next;
  }
  return line;
}

std::string Client::receive_to_end() {
  std::string all;
  for (std::string bytes; !(bytes = receive(256 * 1024)).empty();) all += bytes;
  return all;
}

std::string Client::converse(std::string_view bytes) {
  std::string answer(bytes.size(), '\0');
  std::size_t have = 0;
  while (have < answer.size()) {
    bytes.remove_prefix(bytes.empty() ? 0 : send_some(bytes));
    const ssize_t got = try_receive(answer.data() + have, answer.size() - have);
    if (got == 0) break;
    if (got > 0) have += static_cast<std::size_t>(got);
    if (got < 0) wait_for(static_cast<short>(bytes.empty() ? POLLIN : POLLIN | POLLOUT));
  }
  answer.resize(have);
  return answer;
}

std::string Client::receive_to_end_while_sending() {
  const std::string filler(16 * 1024, '.');
  std::string all;
  std::string piece(64 * 1024, '\0');
  while (true) {
    send_some(filler);
    const ssize_t got = try_receive(piece.data(), piece.size());
    if (got == 0) return all;
    if (got > 0) all.append(piece, 0, static_cast<std::size_t>(got));
    if (got < 0) wait_for(POLLIN | POLLOUT);
  }
}

bool Client::was_reset() const { return line_->was_reset(); }

void Client::answered_or_ended() const { wait_for(POLLIN); }

bool Client::sees_end() {
  try {
    while (!receive_some().empty()) continue;
    return true;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::connection_reset || error.code() == std::errc::broken_pipe;
  }
}

std::size_t Client::unread() const { return line_->unread(); }

void Client::finish() { line_->finish(); }

void Client::reset() {
  line_->reset_on_close();
  close();
}

void Client::wait_until_delivered() const {
  if (!eventually([this] { return line_->undelivered() == 0; })) {
    throw std::runtime_error("the peer's kernel does not take what was sent");
  }
}

void Client::wait_for(short events) const {
  if (line_->wait(events, Deadline().left_ms())) return;
  throw std::runtime_error(std::string("the server let its client wait for ") +
                           (events == POLLOUT ? "room to send" : "an answer"));
}

}  // namespace support
