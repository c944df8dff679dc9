// nonblocking.c - one loop asks every client in turn; nobody tells it who is ready.
//
// Recipe
//   1. The listener is non-blocking, and so is every client.
//   2. In a loop: accept who is there and put the socket on the list.
//   3. Go over the list: receive from each and send back. Nothing there: the next one. Empty data:
//      close the socket and take it off the list.
//   4. When a whole round finds nothing, rest: 1 us at first, twice as long after every fourth such
//      round, at most 1 ms. A loop that never rests burns a CPU for doing nothing.
#define _GNU_SOURCE
#include <time.h>

#include "listen.h"
#include "rest.h"

enum { REST_FIRST_NS = 1000, REST_MAX_NS = 1000 * 1000, ROUNDS_OF_A_LENGTH = 4 };

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
  for (int count = 0; count < BUFFERS_A_TURN; count++) {
    ssize_t size = recv(client, buffer, sizeof buffer, 0);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return FINISHED;
    if (size < 0) return count > 0 ? PROGRESS : NOTHING;
    if (size == 0) return FINISHED;
    enum outcome outcome = send_or_keep(client, buffer, (size_t)size, &left[client]);
    if (outcome == BROKEN) return FINISHED;
    if (outcome == SOME_LEFT || size < BUFFER_SIZE) return PROGRESS;  // Less than asked: drained.
  }
  return PROGRESS;
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, SOCK_NONBLOCK);
  int idle_rounds = 0;
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
      idle_rounds = 0;
      continue;
    }
    long rest_ns = (long)REST_FIRST_NS << idle_rounds / ROUNDS_OF_A_LENGTH;
    if (rest_ns > REST_MAX_NS) rest_ns = REST_MAX_NS;
    if (rest_ns < REST_MAX_NS) idle_rounds++;
    nanosleep(&(struct timespec){.tv_nsec = rest_ns}, NULL);
  }
}
