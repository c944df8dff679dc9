#include "tests/support/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "tests/support/fd.h"

namespace support {

namespace {

Address unix_address(const std::string& path) {
  Address address;
  auto& name = reinterpret_cast<sockaddr_un&>(address.storage);
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) throw std::invalid_argument("path too long: " + path);
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  address.size = sizeof name;
  return address;
}

std::string local_address(int fd) {
  sockaddr_in name{};
  socklen_t size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) fail("getsockname");
  return "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
}

}  // namespace

Address Address::parse(const std::string& text) {
  if (text.starts_with("unix:")) return unix_address(text.substr(5));
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument("no port in " + text);
  const auto port = htons(static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1))));
  Address address;
  if (text.front() == '[') {
    auto& name = reinterpret_cast<sockaddr_in6&>(address.storage);
    name.sin6_family = AF_INET6;
    name.sin6_port = port;
    address.size = sizeof name;
    if (inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &name.sin6_addr) == 1) {
      return address;
    }
  } else {
    auto& name = reinterpret_cast<sockaddr_in&>(address.storage);
    name.sin_family = AF_INET;
    name.sin_port = port;
    address.size = sizeof name;
    if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &name.sin_addr) == 1) return address;
  }
  throw std::invalid_argument("no address: " + text);
}

bool has_ipv6() {
  const Fd probe(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address address = Address::parse("[::1]:0");
  return probe.open() && bind(probe.get(), address.get(), address.size) == 0;
}

RefusingPort::RefusingPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const Address address = Address::parse("127.0.0.1:0");
  if (bind(fd_, address.get(), address.size) != 0) fail("bind");
}

RefusingPort::~RefusingPort() { close(fd_); }

std::string RefusingPort::text() const { return local_address(fd_); }

FullPort::FullPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const Address any = Address::parse("127.0.0.1:0");
  if (bind(fd_, any.get(), any.size) != 0) fail("bind");
  if (listen(fd_, 1) != 0) fail("listen");
  // Linux lets in one more than the backlog says; the last of these is not let in.
  const Address address = Address::parse(text());
  for (int i = 0; i < 3; ++i) {
    waiting_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connect(waiting_.back(), address.get(), address.size);
  }
}

FullPort::~FullPort() {
  for (const int fd : waiting_) close(fd);
  close(fd_);
}

std::string FullPort::text() const { return local_address(fd_); }

UnixListener::UnixListener(const std::string& path, int backlog)
    : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const Address address = unix_address(path);
  if (bind(fd_, address.get(), address.size) != 0) fail("bind");
  if (listen(fd_, backlog) != 0) fail("listen");
}

UnixListener::~UnixListener() { close(fd_); }

void UnixListener::take_one() const {
  const Fd taken(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  if (!taken.open()) fail("accept");
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "weir-test-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) fail("mkdtemp " + path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace support
