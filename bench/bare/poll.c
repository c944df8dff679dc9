// poll.c - poll(2): one dense array that says who is waited for and who is ready.
//
// Recipe
//   1. Slot 0 is the listener; every client has a slot after it, with the interest POLLIN.
//   2. Ask poll; it returns how many slots have something to tell, so the walk can stop early.
//   3. Walk the array. The listener: accept. A readable client: receive and send; what the kernel
//      does not take is kept, and the interest changes to POLLOUT. A writable client: send the
//      rest, change the interest back.
//   4. A client that leaves is replaced by the last one, so that the array stays dense.
#define _GNU_SOURCE
#include <poll.h>

#include "listen.h"
#include "rest.h"

static struct pollfd slots[FD_COUNT_MAX];
static nfds_t slot_count;
static struct rest* left[FD_COUNT_MAX];  // By descriptor.
static char buffer[BUFFER_SIZE];

static void accept_all(int listener) {
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      return;
    }
    slots[slot_count++] = (struct pollfd){.fd = client, .events = POLLIN};
  }
}

static enum outcome serve(struct pollfd* slot) {
  if (left[slot->fd]) {
    enum outcome outcome = send_rest(slot->fd, &left[slot->fd]);
    if (outcome == ALL_SENT) slot->events = POLLIN;
    return outcome;
  }
  enum outcome outcome = echo(slot->fd, buffer, &left[slot->fd]);
  if (outcome == SOME_LEFT) slot->events = POLLOUT;
  return outcome;
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, SOCK_NONBLOCK);
  slots[slot_count++] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (;;) {
    int ready = poll(slots, slot_count, -1);
    if (ready < 0) {
      if (errno == EINTR) continue;
      die("poll");
    }
    int accepting = slots[0].revents != 0;
    ready -= accepting;
    for (nfds_t i = 1; ready > 0 && i < slot_count; i++) {
      if (!slots[i].revents) continue;
      ready--;
      if (serve(&slots[i]) != BROKEN) continue;
      free(left[slots[i].fd]);
      left[slots[i].fd] = NULL;
      close(slots[i].fd);
      slots[i] = slots[--slot_count];
      i--;  // The last one has moved here, with what poll said about it.
    }
    if (accepting) accept_all(listener);  // Last: the walk must see only what poll has filled in.
  }
}
