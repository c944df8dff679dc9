#include "correctness.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "client.h"

namespace bench {
namespace {

constexpr int conversations_at_once = 8;
constexpr std::size_t size_max = 700'000;
constexpr int timeout_ms = 20'000;

/// One connection that sends its bytes in pieces of random sizes, and wants exactly them back.
class Conversation {
 public:
  Conversation(int port, std::uint64_t seed) : random_(seed), fd_(connect_to(port)) {
    // As many small messages as large ones: the logarithm of the size is what is even.
    std::uniform_real_distribution<double> exponent(0, 1);
    const double size = std::pow(static_cast<double>(size_max), exponent(random_));
    bytes_.resize(static_cast<std::size_t>(size));
    for (char& byte : bytes_) byte = static_cast<char>(random_());
  }

  bool finished() const { return finished_; }

  pollfd interest() const {
    const bool sending = sent_ < bytes_.size();
    return {fd_.get(), static_cast<short>(sending ? POLLIN | POLLOUT : POLLIN), 0};
  }

  void on_ready(short events) {
    if (events & POLLOUT) send();
    if (events & (POLLIN | POLLHUP | POLLERR)) receive();
  }

 private:
  std::size_t piece(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(1, limit)(random_);
  }

  void send() {
    const std::size_t size = std::min(piece(100'000), bytes_.size() - sent_);
    const ssize_t result = ::send(fd_.get(), &bytes_[sent_], size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (result < 0 && errno == EAGAIN) return;
    sent_ += static_cast<std::size_t>(must(result, "send"));
    if (sent_ == bytes_.size()) must(::shutdown(fd_.get(), SHUT_WR), "shutdown");
  }

  void receive() {
    std::vector<char> piece_of_reply(piece(50'000));
    const ssize_t result =
        ::recv(fd_.get(), piece_of_reply.data(), piece_of_reply.size(), MSG_DONTWAIT);
    if (result < 0 && errno == EAGAIN) return;
    const auto size = static_cast<std::size_t>(must(result, "recv"));
    if (received_ + size > bytes_.size() ||
        !std::equal(piece_of_reply.begin(), piece_of_reply.begin() + result,
                    bytes_.begin() + static_cast<std::ptrdiff_t>(received_))) {
      throw std::runtime_error("wrong bytes came back");
    }
    received_ += size;
    if (size > 0) return;
    if (received_ < bytes_.size()) throw std::runtime_error("the last bytes did not come back");
    finished_ = true;
  }

  std::mt19937_64 random_;
  Fd fd_;
  std::vector<char> bytes_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool finished_ = false;
};

void hold(int port, int at_once, std::uint64_t seed) {
  std::vector<Conversation> open;
  for (int i = 0; i < at_once; ++i) open.emplace_back(port, seed + static_cast<std::uint64_t>(i));
  while (!open.empty()) {
    std::vector<pollfd> slots;
    for (const Conversation& conversation : open) slots.push_back(conversation.interest());
    if (must(::poll(slots.data(), slots.size(), timeout_ms), "poll") == 0) {
      throw std::runtime_error("bytes did not come back in 20 s");
    }
    for (std::size_t i = 0; i < slots.size(); ++i) open[i].on_ready(slots[i].revents);
    std::erase_if(open, [](const Conversation& conversation) { return conversation.finished(); });
  }
}

}  // namespace

void check_echo(int port, bool one_client, std::uint64_t seed) {
  const int at_once = one_client ? 1 : conversations_at_once;
  for (std::uint64_t round = 0; round < 6; ++round)
    hold(port, at_once, seed * 1000 + round * 100);
}

}  // namespace bench
