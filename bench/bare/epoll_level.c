// epoll_level.c - epoll(7), level-triggered: the kernel remembers whom we wait for, and tells again
// for as long as there is something.
//
// Recipe
//   1. Create the epoll object; register the listener for readable events.
//   2. Wait for a batch of events; each says which descriptor it is about.
//   3. The listener: accept, and register the client for readable events.
//      A readable client: receive and send. If more is there, the next wait tells again. What the
//      kernel does not take is kept, and the registration changes to writable events.
//      A writable client: send the rest, then change the registration back.
//   4. Closing a socket takes it out of the epoll object.
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "listen.h"
#include "rest.h"

enum { EVENTS_MAX = 512 };

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
    watch(EPOLL_CTL_ADD, client, EPOLLIN);
  }
}

static enum outcome serve(int client) {
  if (left[client]) {
    enum outcome outcome = send_rest(client, &left[client]);
    if (outcome == ALL_SENT) watch(EPOLL_CTL_MOD, client, EPOLLIN);
    return outcome;
  }
  enum outcome outcome = echo(client, buffer, &left[client]);
  if (outcome == SOME_LEFT) watch(EPOLL_CTL_MOD, client, EPOLLOUT);
  return outcome;
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
      } else if (serve(fd) == BROKEN) {
        free(left[fd]);
        left[fd] = NULL;
        close(fd);
      }
    }
  }
}
