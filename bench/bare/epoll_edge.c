// epoll_edge.c - epoll(7), edge-triggered: the kernel tells once, when something changes.
//
// Recipe
//   1. Create the epoll object; register the listener (level: an accept that fails is told again).
//   2. Register every client once, for both directions, and never change that.
//   3. Wait for a batch of events. For a client: first send what is left, then receive and send
//      until the socket is drained, because what stays unread is not told again.
//      A receive that did not fill the buffer has drained the socket, so no second one has to say
//      EAGAIN. That holds unless the end of the stream or urgent data has cut it short; both show
//      in the events.
//   4. Everybody gets a turn: after some full buffers a client is registered anew, which makes the
//      kernel look, and tell, again.
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "listen.h"
#include "rest.h"

enum { EVENTS_MAX = 512 };
#define BOTH_DIRECTIONS ((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET))

static int epoll;
static struct rest* left[FD_COUNT_MAX];  // By descriptor.
static char buffer[BUFFER_SIZE];

static void watch(int how, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, how, fd, &event) < 0) die("epoll_ctl");
}

static void accept_all(int listener) {
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      return;
    }
    watch(EPOLL_CTL_ADD, client, BOTH_DIRECTIONS);
  }
}

static enum outcome serve(int client, uint32_t events) {
  if (left[client]) {
    enum outcome outcome = send_rest(client, &left[client]);
    if (outcome != ALL_SENT) return outcome;
    events |= EPOLLIN | EPOLLRDHUP;  // What came meanwhile was told, and not read, before.
  }
  if (!(events & ~(uint32_t)EPOLLOUT)) return ALL_SENT;
  for (int count = 0; count < BUFFERS_A_TURN; count++) {
    ssize_t size = recv(client, buffer, sizeof buffer, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? ALL_SENT : BROKEN;
    if (size == 0) return BROKEN;
    enum outcome outcome = send_or_keep(client, buffer, (size_t)size, &left[client]);
    if (outcome != ALL_SENT) return outcome;
    if (size < BUFFER_SIZE && !(events & ~(uint32_t)(EPOLLIN | EPOLLOUT))) return ALL_SENT;
  }
  watch(EPOLL_CTL_MOD, client, BOTH_DIRECTIONS);
  return ALL_SENT;
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, SOCK_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");
  watch(EPOLL_CTL_ADD, listener, EPOLLIN);
  for (;;) {
    static struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(listener);
      } else if (serve(fd, events[i].events) == BROKEN) {
        free(left[fd]);
        left[fd] = NULL;
        close(fd);
      }
    }
  }
}
