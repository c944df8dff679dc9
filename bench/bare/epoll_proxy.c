// epoll_proxy.c - two directions through one process: a client, and an upstream server of its own.
//
//   epoll_proxy PORT UPSTREAM_PORT
//
// Recipe
//   1. For every client accepted start a connection to the upstream; register both sockets once,
//      edge-triggered, for both directions.
//   2. Data from one side is received and sent to the other at once. What the other does not take
//      is kept, and the side it came from is not read until the rest is gone.
//   3. The end of one side's stream is passed on as the end of the other's (half-close). When both
//      have ended, or one is broken, both are closed, after the walk over the events, so that no
//      event of the same batch meets a freed pair.
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "listen.h"
#include "rest.h"

enum { EVENTS_MAX = 512 };
#define BOTH_DIRECTIONS ((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET))

struct side {
  struct side* peer;
  struct rest* left;  // What this side's socket has not taken yet.
  int fd;
  char connecting;  // The handshake is not over: nothing can be sent.
  char ended;       // No more data will come from here.
};

struct pair {
  struct side client, upstream;
  struct pair* next_closed;
  char closed;
};

static int epoll;
static struct sockaddr_in upstream_address;
static struct pair* closed_pairs;
static char buffer[BUFFER_SIZE];

static void watch(struct side* side) {
  struct epoll_event event = {.events = BOTH_DIRECTIONS, .data.ptr = side};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, side->fd, &event) < 0) die("epoll_ctl");
}

static void close_pair(struct pair* pair) {
  if (pair->closed) return;
  pair->closed = 1;
  close(pair->client.fd);
  close(pair->upstream.fd);
  free(pair->client.left);
  free(pair->upstream.left);
  pair->next_closed = closed_pairs;
  closed_pairs = pair;
}

static void free_closed_pairs(void) {
  while (closed_pairs) {
    struct pair* pair = closed_pairs;
    closed_pairs = pair->next_closed;
    free(pair);
  }
}

static void accept_one(int client) {
  int upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct pair* pair = calloc(1, sizeof *pair);
  if (upstream < 0 || !pair) {
    close(client);
    if (upstream >= 0) close(upstream);
    free(pair);
    return;
  }
  int on = 1;
  setsockopt(upstream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  pair->client = (struct side){.peer = &pair->upstream, .fd = client};
  pair->upstream = (struct side){.peer = &pair->client, .fd = upstream, .connecting = 1};
  if (connect(upstream, (struct sockaddr*)&upstream_address, sizeof upstream_address) < 0 &&
      errno != EINPROGRESS) {
    close_pair(pair);
    return;
  }
  watch(&pair->client);
  watch(&pair->upstream);
}

static void accept_all(int listener) {
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      return;
    }
    accept_one(client);
  }
}

// Moves what has come from `from` to its peer. drained_if_short: a short receive ends it.
static enum outcome pump(struct side* from, int drained_if_short) {
  struct side* to = from->peer;
  while (!to->connecting && !to->left && !from->ended) {
    ssize_t size = recv(from->fd, buffer, sizeof buffer, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? ALL_SENT : BROKEN;
    if (size == 0) {
      from->ended = 1;
      shutdown(to->fd, SHUT_WR);
      return to->ended ? BROKEN : ALL_SENT;
    }
    if (send_or_keep(to->fd, buffer, (size_t)size, &to->left) == BROKEN) return BROKEN;
    if (drained_if_short && size < BUFFER_SIZE) return ALL_SENT;
  }
  return ALL_SENT;
}

static void on_event(struct side* side, uint32_t events) {
  struct pair* pair = (struct pair*)(side->peer < side ? side->peer : side);
  if (pair->closed) return;
  if (events & EPOLLERR) {
    close_pair(pair);
    return;
  }
  enum outcome outcome = ALL_SENT;
  if (events & EPOLLOUT && (side->connecting || side->left)) {
    side->connecting = 0;
    if (side->left) outcome = send_rest(side->fd, &side->left);
    // What the other side sent meanwhile was told before, and not read.
    if (outcome == ALL_SENT) outcome = pump(side->peer, 0);
  }
  if (outcome != BROKEN && events & ~(uint32_t)EPOLLOUT) {
    outcome = pump(side, !(events & ~(uint32_t)(EPOLLIN | EPOLLOUT)));
  }
  if (outcome == BROKEN) close_pair(pair);
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s PORT UPSTREAM_PORT\n", argv[0]);
    return 2;
  }
  const unsigned short upstream_port = (unsigned short)strtol(argv[2], NULL, 10);
  upstream_address = (struct sockaddr_in){.sin_family = AF_INET,
                                          .sin_port = htons(upstream_port),
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = listen_on(argc, argv, SOCK_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");
  for (;;) {
    static struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr) {
        on_event(events[i].data.ptr, events[i].events);
      } else {
        accept_all(listener);
      }
    }
    free_closed_pairs();
  }
}
