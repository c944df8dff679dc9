// address.h - a socket address from its text, written apart from the library that is tested.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

namespace support {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  /// 127.0.0.1:80, [::1]:80 or unix:/path. Throws std::invalid_argument.
  static Address parse(const std::string& text);

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Whether this machine has IPv6; containers often have none.
bool has_ipv6();

/// A port of 127.0.0.1 that is taken, so that nobody else gets it, but has no listener.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  std::string text() const;

 private:
  int fd_;
};

/// A port of 127.0.0.1 whose listener has no room: connecting there goes on and on.
class FullPort {
 public:
  FullPort();
  ~FullPort();
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;
  std::string text() const;

 private:
  int fd_;
  std::vector<int> waiting_;
};

/// Listens on a unix socket and accepts nobody of itself.
class UnixListener {
 public:
  UnixListener(const std::string& path, int backlog);
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  /// Accepts one client, and closes.
  void take_one() const;
  int descriptor() const { return fd_; }

 private:
  int fd_;
};

/// A directory for unix sockets that goes away with its contents.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace support
