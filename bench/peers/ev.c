// ev.c - echo on libev.
//
// Tuned: one receive buffer for all clients; the watcher asks for writability only while bytes are
// left; epoll chosen by name.
#define _GNU_SOURCE
#include <ev.h>

#include "../bare/listen.h"
#include "../bare/rest.h"

struct client {
  ev_io watcher;
  struct rest* left;
};

static char buffer[BUFFER_SIZE];

static void watch(struct ev_loop* loop, struct client* client, int events) {
  ev_io_stop(loop, &client->watcher);
  ev_io_set(&client->watcher, client->watcher.fd, events);
  ev_io_start(loop, &client->watcher);
}

static enum outcome serve(struct ev_loop* loop, struct client* client) {
  int fd = client->watcher.fd;
  if (client->left) {
    enum outcome outcome = send_rest(fd, &client->left);
    if (outcome == ALL_SENT) watch(loop, client, EV_READ);
    return outcome;
  }
  enum outcome outcome = echo(fd, buffer, &client->left);
  if (outcome == SOME_LEFT) watch(loop, client, EV_WRITE);
  return outcome;
}

static void on_ready(struct ev_loop* loop, ev_io* watcher, int events) {
  (void)events;
  struct client* client = (struct client*)watcher;
  if (serve(loop, client) != BROKEN) return;
  ev_io_stop(loop, watcher);
  close(watcher->fd);
  free(client->left);
  free(client);
}

static void on_client(struct ev_loop* loop, ev_io* listener, int events) {
  (void)events;
  for (;;) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      accept_failed();
      return;
    }
    struct client* client = calloc(1, sizeof *client);
    if (!client) die("calloc");
    ev_io_init(&client->watcher, on_ready, fd, EV_READ);
    ev_io_start(loop, &client->watcher);
  }
}

int main(int argc, char** argv) {
  struct ev_loop* loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
  if (!loop) die("ev_default_loop");
  ev_io listener;
  ev_io_init(&listener, on_client, listen_on(argc, argv, SOCK_NONBLOCK), EV_READ);
  ev_io_start(loop, &listener);
  ev_run(loop, 0);
}
