#include "os/call_text.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "kernel/epoll.h"
#include "os/address.h"

namespace weir::os {
namespace {

constexpr const char* finished = "0: the peer has finished sending";

struct Named {
  std::uint64_t value;
  std::string_view name;
};

// As io_uring(7) numbers them. Part of the system's interface, so they never change.
struct Opcode {
  std::uint64_t value;
  std::string_view request, completion;
};
constexpr Opcode opcodes[] = {
    {0, "sqe:nop", "cqe:nop"},         {6, "sqe:poll", "cqe:poll"},
    {9, "sqe:sendmsg", "cqe:sendmsg"}, {13, "sqe:accept", "cqe:accept"},
    {14, "sqe:cancel", "cqe:cancel"},  {19, "sqe:close", "cqe:close"},
    {26, "sqe:send", "cqe:send"},      {27, "sqe:recv", "cqe:recv"},
};
constexpr std::uint64_t accept_opcode = 13, receive_opcode = 27;
constexpr std::uint64_t multishot_accept = 1, multishot_receive = 2;  // In a request's ioprio.

constexpr Named events[] = {
    {kernel::event::readable, "IN"},  {kernel::event::urgent, "PRI"},
    {kernel::event::writable, "OUT"}, {kernel::event::error, "ERR"},
    {kernel::event::hung_up, "HUP"},  {kernel::event::peer_done, "RDHUP"},
    {kernel::event::edge, "ET"},      {kernel::event::exclusive, "EXCLUSIVE"},
};
constexpr Named options[] = {
    {SO_REUSEADDR, "SO_REUSEADDR"}, {SO_REUSEPORT, "SO_REUSEPORT"}, {SO_RCVTIMEO, "SO_RCVTIMEO"},
    {SO_SNDTIMEO, "SO_SNDTIMEO"},   {SO_LINGER, "SO_LINGER"},       {SO_ERROR, "SO_ERROR"},
    {SO_PROTOCOL, "SO_PROTOCOL"},   {SO_OOBINLINE, "SO_OOBINLINE"},
};
constexpr Named signals[] = {
    {SIGTERM, "SIGTERM"}, {SIGQUIT, "SIGQUIT"}, {SIGKILL, "SIGKILL"}, {SIGINT, "SIGINT"}};
constexpr Named controls[] = {{1, "ADD"}, {2, "DEL"}, {3, "MOD"}};

std::string named(std::span<const Named> names, std::uint64_t value) {
  for (const Named& each : names) {
    if (each.value == value) return std::string(each.name);
  }
  return std::to_string(value);
}

std::string bits(std::uint64_t value) {
  std::string text;
  for (const Named& each : events) {
    if ((value & each.value) == 0) continue;
    if (!text.empty()) text += '|';
    text += each.name;
  }
  return text.empty() ? "nothing" : text;
}

std::string duration(std::int64_t nanoseconds) {
  if (nanoseconds < 0) return "for ever";
  if (nanoseconds == 0) return "no wait";
  if (nanoseconds < 1'000'000) return fmt::format("{} us", (nanoseconds + 500) / 1000);
  return fmt::format("{} ms", (nanoseconds + 500'000) / 1'000'000);
}

std::string error_name(std::int64_t error) {
  const char* name = strerrorname_np(static_cast<int>(error));
  return name == nullptr ? fmt::format("error {}", error) : name;
}

// The first bytes as a string literal.
std::string quoted(const CallRecord& record, std::size_t whole) {
  std::string text = "\"";
  for (std::uint32_t i = 0; i < record.byte_count; ++i) {
    const unsigned char c = record.bytes[i];
    if (c == '\n') text += "\\n";
    else if (c == '"' || c == '\\') (text += '\\') += static_cast<char>(c);
    else if (c >= 0x20 && c < 0x7f) text += static_cast<char>(c);
    else text += fmt::format("\\x{:02x}", c);
  }
  text += whole > record.byte_count ? "\"..." : "\"";
  return text;
}

template <class T>
T stored(const CallRecord& record) noexcept {
  T value{};
  std::memcpy(&value, record.bytes.data(), sizeof value);
  return value;
}

class Words {
 public:
  explicit Words(std::vector<TracedText>& pieces) : pieces_(pieces) {}
  Words& fd(std::int64_t number) {
    pieces_.push_back({{}, static_cast<int>(number)});
    return *this;
  }
  Words& text(std::string text) {
    pieces_.push_back({std::move(text), -1});
    return *this;
  }

 private:
  std::vector<TracedText>& pieces_;
};

std::string option_name(const Call& call) {
  if (call.arguments[1] == IPPROTO_TCP && call.arguments[2] == TCP_NODELAY) return "TCP_NODELAY";
  if (call.arguments[1] == IPPROTO_IPV6) return "IPV6_V6ONLY";
  return named(options, call.arguments[2]);
}

std::string option_value(const CallRecord& record) {
  const std::uint64_t option = record.call.arguments[2];
  const bool of_socket = record.call.arguments[1] == SOL_SOCKET;
  if (of_socket && (option == SO_RCVTIMEO || option == SO_SNDTIMEO)) {
    const auto bound = stored<timeval>(record);
    return duration(bound.tv_sec * 1'000'000'000 + bound.tv_usec * 1000);
  }
  if (of_socket && option == SO_LINGER) return "on, 0 s";
  return std::to_string(stored<int>(record));
}

std::string address_text(const CallRecord& record) {
  SocketAddress address;
  std::memcpy(address.bytes, record.bytes.data(), record.byte_count);
  address.length = record.byte_count;
  return address.endpoint().text();
}

void interests(Words& words, const std::vector<TracedInterest>& list) {
  for (const TracedInterest& each : list) {
    words.fd(each.fd).text(each.receive ? (each.send ? "IN|OUT" : "IN")
                                        : (each.send ? "OUT" : "nothing"));
  }
}

void request_arguments(const Call& call, const TracedCall& traced, Words& words) {
  const std::uint64_t opcode = call.arguments[1], priority = call.arguments[4];
  if (traced.name == "sqe:cancel") return;
  words.fd(call.fd());
  if ((opcode == accept_opcode && (priority & multishot_accept) != 0) ||
      (opcode == receive_opcode && (priority & multishot_receive) != 0)) {
    words.text("multishot");
  } else if (traced.name == "sqe:send") {
    words.text(fmt::format("{} bytes", call.length()));
  }
}

void describe_wait(const CallRecord& record, const TracedCall& traced, Words& words) {
  const Call& call = record.call;
  const auto& arguments = call.arguments;
  switch (call.kind) {
    case CallKind::epoll_ctl:
      words.fd(static_cast<std::int64_t>(arguments[0]))
          .text(named(controls, arguments[1]))
          .fd(call.fd());
      if (record.items[0].wanted != 0) words.text(bits(record.items[0].wanted));
      break;
    case CallKind::epoll_wait:
      words.fd(call.fd()).text(
          duration(static_cast<int>(arguments[3]) * std::int64_t{1'000'000}));
      break;
    case CallKind::poll:
      interests(words, traced.asked);
      words.text(duration(static_cast<int>(arguments[2]) * std::int64_t{1'000'000}));
      break;
    case CallKind::select: interests(words, traced.asked); break;
    case CallKind::timerfd_settime: {
      const auto time = stored<timespec>(record);
      const std::int64_t in = time.tv_sec * 1'000'000'000 + time.tv_nsec;
      words.fd(call.fd()).text(in == 0 ? "never" : duration(in));
      break;
    }
    case CallKind::nanosleep: {
      const auto time = stored<timespec>(record);
      words.text(duration(time.tv_sec * 1'000'000'000 + time.tv_nsec));
      break;
    }
    case CallKind::io_uring_enter:
      words.text(fmt::format("submit {}", arguments[0]))
          .text(fmt::format("wait for {}", arguments[1]));
      if (arguments[1] != 0) words.text(duration(static_cast<std::int64_t>(arguments[2])));
      break;
    default: break;
  }
}

void describe_arguments(const CallRecord& record, const TracedCall& traced, Words& words) {
  const Call& call = record.call;
  const auto& arguments = call.arguments;
  switch (call.kind) {
    case CallKind::socket:
      words.text((arguments[1] & SOCK_NONBLOCK) != 0 ? "SOCK_STREAM|SOCK_NONBLOCK"
                                                     : "SOCK_STREAM");
      break;
    case CallKind::setsockopt:
      words.fd(call.fd()).text(option_name(call)).text(option_value(record));
      break;
    case CallKind::getsockopt: words.fd(call.fd()).text(option_name(call)); break;
    case CallKind::bind:
    case CallKind::connect: words.fd(call.fd()).text(address_text(record)); break;
    case CallKind::listen: words.fd(call.fd()).text(std::to_string(arguments[1])); break;
    case CallKind::accept4:
      words.fd(call.fd());
      if ((arguments[3] & SOCK_NONBLOCK) != 0) words.text("SOCK_NONBLOCK");
      break;
    case CallKind::recv: words.fd(call.fd()).text(fmt::format("{} bytes", call.length())); break;
    case CallKind::send:
    case CallKind::sendmsg: words.fd(call.fd()).text(quoted(record, call.length())); break;
    case CallKind::shutdown: words.fd(call.fd()).text("SHUT_WR"); break;
    case CallKind::fcntl:
      words.fd(call.fd()).text(arguments[1] == F_SETFL   ? "F_SETFL"
                               : arguments[1] == F_GETFL ? "F_GETFL"
                                                         : "F_DUPFD_CLOEXEC");
      break;
    case CallKind::ioctl:
      words.fd(call.fd()).text(arguments[1] == SIOCOUTQ ? "SIOCOUTQ" : "FIONREAD");
      break;
    case CallKind::epoll_ctl:
    case CallKind::epoll_wait:
    case CallKind::poll:
    case CallKind::select:
    case CallKind::nanosleep:
    case CallKind::timerfd_settime:
    case CallKind::io_uring_enter: describe_wait(record, traced, words); break;
    case CallKind::kill:
      words.text(std::to_string(arguments[0])).text(named(signals, arguments[1]));
      break;
    case CallKind::exit: words.text(std::to_string(arguments[0])); break;
    case CallKind::io_uring_setup: words.text(fmt::format("{} entries", arguments[0])); break;
    case CallKind::request: request_arguments(call, traced, words); break;
    default:
      if (traced.fd >= 0) words.fd(traced.fd);
      break;
  }
}

void describe_outcome(const CallRecord& record, const TracedCall& traced, Words& words) {
  const Call& call = record.call;
  if (call.result < 0) {
    words.text(error_name(-call.result));
    return;
  }
  switch (call.kind) {
    case CallKind::socket:
    case CallKind::accept4:
    case CallKind::epoll_create1:
    case CallKind::timerfd_create:
    case CallKind::eventfd: words.fd(call.result); break;
    case CallKind::recv:
      words.text(call.result == 0 ? std::string(finished)
                                  : quoted(record, static_cast<std::size_t>(call.result)));
      break;
    case CallKind::send:
    case CallKind::sendmsg: words.text(fmt::format("{} bytes", call.result)); break;
    case CallKind::epoll_wait:
    case CallKind::poll:
    case CallKind::select:
      if (traced.told.empty()) words.text("nobody");
      interests(words, traced.told);
      break;
    case CallKind::fork:
      words.text(call.result == 0 ? "0: the child" : "the child's number");
      break;
    case CallKind::waitpid: words.text("a child has ended"); break;
    case CallKind::completion:
      if (traced.accepted) words.fd(call.result);
      else if (traced.name == "cqe:recv" && call.result == 0) words.text(finished);
      else if (call.result > 0) words.text(fmt::format("{} bytes", call.result));
      if ((call.arguments[1] & 1) != 0) words.text("goes on");
      break;
    default: break;
  }
}

}  // namespace

std::string_view traced_name(const Call& call, std::uint64_t request_opcode) noexcept {
  const bool completion = call.kind == CallKind::completion;
  if (!completion && call.kind != CallKind::request) return name(call.kind);
  for (const Opcode& each : opcodes) {
    if (each.value == request_opcode) return completion ? each.completion : each.request;
  }
  return completion ? "cqe" : "sqe";
}

void describe(const CallRecord& record, TracedCall& traced) {
  Words arguments(traced.arguments);
  describe_arguments(record, traced, arguments);
  if (!traced.returned) return;
  Words outcome(traced.outcome);
  describe_outcome(record, traced, outcome);
}

}  // namespace weir::os
