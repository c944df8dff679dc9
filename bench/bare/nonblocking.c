// nonblocking.c - one loop asks every client in turn; nobody tells it who is ready.
//
// Recipe
//   1. The listener is non-blocking, and so is every client.
//   2. In a loop: accept who is there and put the socket on the list.
//   3. Go over the list: receive from each and send back. Nothing there: the next one. Empty data:
//      close the socket and take it off the list.
//   4. When a whole round finds nothing, rest, twice as long each time, at most 1 ms: a loop that
//      never rests burns a CPU for doing nothing.
#define _GNU_SOURCE
#include <time.h>

#include "listen.h"
#include "rest.h"

enum { REST_FIRST_NS = 1000, REST_MAX_NS = 1000 * 1000 };

static int clients[FD_COUNT_MAX];
static int client_count;
static struct rest* left[FD_COUNT_MAX];  // By descriptor.
static char buffer[BUFFER_SIZE];

// Returns whether anything was there.
static int accept_all(int listener) {
  int found = 0;
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      return found;
    }
    clients[client_count++] = client;
    found = 1;
  }
}

enum visit { NOTHING, PROGRESS, FINISHED };

static enum visit ask(int client) {
  if (left[client]) {
    size_t before = left[client]->begin;
    enum outcome outcome = send_rest(client, &left[client]);
    if (outcome == BROKEN) return FINISHED;
    if (outcome == SOME_LEFT) return left[client]->begin > before ? PROGRESS : NOTHING;
  }
  ssize_t size = recv(client, buffer, sizeof buffer, 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? NOTHING : FINISHED;
  if (size == 0) return FINISHED;
  enum outcome outcome = send_or_keep(client, buffer, (size_t)size, &left[client]);
  return outcome == BROKEN ? FINISHED : PROGRESS;
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, SOCK_NONBLOCK);
  long rest_ns = REST_FIRST_NS;
  for (;;) {
    int found = accept_all(listener);
    for (int i = 0; i < client_count;) {
      enum visit visit = ask(clients[i]);
      found |= visit != NOTHING;
      if (visit != FINISHED) {
        i++;
        continue;
      }
      free(left[clients[i]]);
      left[clients[i]] = NULL;
      close(clients[i]);
      clients[i] = clients[--client_count];
    }
    if (found) {
      rest_ns = REST_FIRST_NS;
      continue;
    }
    nanosleep(&(struct timespec){.tv_nsec = rest_ns}, NULL);
    if (rest_ns < REST_MAX_NS) rest_ns = 2 * rest_ns < REST_MAX_NS ? 2 * rest_ns : REST_MAX_NS;
  }
}
