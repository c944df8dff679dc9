// asio_listen.h - opens the listener as the other programs do: reuse of the address, TCP_NODELAY
// inherited by the clients, a backlog of 4,096, and a line with the port.
#pragma once

#include <asio.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

constexpr std::size_t buffer_size = 64 * 1024;  // As large as that of every other program.

template <typename Acceptor>
void listen_on(Acceptor& acceptor, int argc, char** argv) {
  const auto port = static_cast<unsigned short>(argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0);
  acceptor.open(asio::ip::tcp::v4());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.set_option(asio::ip::tcp::no_delay(true));
  acceptor.bind({asio::ip::address_v4::loopback(), port});
  acceptor.listen(4096);
  std::printf("listening %d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
}
