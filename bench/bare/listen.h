// listen.h - what every bare program opens with: a listening socket on the loopback address.
//
// Recipe (the same for every mechanism)
//   1. Create the socket.
//   2. Set address reuse, so that a restart need not wait for old connections to fade.
//   3. Bind address and port; port 0 lets the kernel choose.
//   4. Listen.
// TCP_NODELAY is set on the listener: accepted sockets inherit it, which saves a call a client.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024, BACKLOG = 4096, FD_COUNT_MAX = 1 << 20 };

// A client that fills the buffer has more to say and is served on, as long as others need not wait
// too long: this many buffers.
enum { BUFFERS_A_TURN = 16 };

_Noreturn static inline void die(const char* what) {
  perror(what);
  exit(1);
}

// Listens on 127.0.0.1 at the port in argv[1] and says so on stdout.
// socket_flags: 0, or SOCK_NONBLOCK for the programs that wait for many sockets at once.
static inline int listen_on(int argc, char** argv, int socket_flags) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s PORT\n", argv[0]);
    exit(2);
  }
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
  if (fd < 0) die("socket");
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) die("SO_REUSEADDR");
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) die("TCP_NODELAY");
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtol(argv[1], NULL, 10)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (struct sockaddr*)&address, sizeof address) < 0) die("bind");
  if (listen(fd, BACKLOG) < 0) die("listen");
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr*)&address, &length) < 0) die("getsockname");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

// After a failed accept: returns when going on is right, ends the program when it is not.
// Out of descriptors or memory is a state that passes, so rest a moment instead of spinning.
static inline void accept_failed(void) {
  switch (errno) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPROTO: return;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: usleep(1000); return;
    default: die("accept");
  }
}
