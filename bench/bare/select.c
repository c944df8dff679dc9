// select.c - select(2): two sets of descriptors in, those that are ready out.
//
// Recipe
//   1. Keep the inputs (the listener and the clients) and the outputs (clients with bytes left to
//      send) as sets. A client is in one of them.
//   2. Ask select for those that are ready; it overwrites the sets, so give it copies.
//   3. Walk both sets, a word at a time: most of it is zero.
//      The listener: accept. A readable client: receive and send; what the kernel does not take is
//      kept, and the client moves to the outputs. A writable client: send the rest, move it back.
// A descriptor from FD_SETSIZE on has no place in a set: accepting pauses before that.
#define _GNU_SOURCE
#include <sys/select.h>

#include "listen.h"
#include "rest.h"

enum { WORD_BITS = 8 * sizeof(unsigned long), WORD_COUNT = FD_SETSIZE / WORD_BITS };

static fd_set inputs, outputs;
static int highest, listener, client_count;
static struct rest* left[FD_SETSIZE];
static char buffer[BUFFER_SIZE];

static void limit_clients(void) {
  // The kernel hands out the lowest free number, so counting tells whether the next one fits.
  if (listener + 1 + client_count < FD_SETSIZE) {
    FD_SET(listener, &inputs);
  } else {
    FD_CLR(listener, &inputs);
  }
}

static void accept_all(void) {
  while (FD_ISSET(listener, &inputs)) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      return;
    }
    if (client >= FD_SETSIZE) {
      close(client);
      return;
    }
    FD_SET(client, &inputs);
    if (client > highest) highest = client;
    client_count++;
    limit_clients();
  }
}

static void close_client(int client) {
  FD_CLR(client, &inputs);
  FD_CLR(client, &outputs);
  free(left[client]);
  left[client] = NULL;
  close(client);
  client_count--;
  limit_clients();
  while (!FD_ISSET(highest, &inputs) && !FD_ISSET(highest, &outputs) && highest > listener) {
    highest--;
  }
}

static void on_readable(int client) {
  if (client == listener) {
    accept_all();
    return;
  }
  enum outcome outcome = echo(client, buffer, &left[client]);
  if (outcome == BROKEN) close_client(client);
  if (outcome != SOME_LEFT) return;
  FD_CLR(client, &inputs);
  FD_SET(client, &outputs);
}

static void on_writable(int client) {
  enum outcome outcome = send_rest(client, &left[client]);
  if (outcome == BROKEN) close_client(client);
  if (outcome != ALL_SENT) return;
  FD_CLR(client, &outputs);
  FD_SET(client, &inputs);
}

static void walk(const fd_set* ready, int bound, void (*call)(int)) {
  unsigned long words[WORD_COUNT];
  memcpy(words, ready, sizeof words);
  for (int word = 0; word * (int)WORD_BITS <= bound; word++) {
    for (unsigned long bits = words[word]; bits; bits &= bits - 1) {
      call(word * (int)WORD_BITS + __builtin_ctzl(bits));
    }
  }
}

int main(int argc, char** argv) {
  listener = highest = listen_on(argc, argv, SOCK_NONBLOCK);
  if (listener >= FD_SETSIZE) die("too many descriptors are open already");
  FD_SET(listener, &inputs);
  for (;;) {
    fd_set readable = inputs, writable = outputs;
    int bound = highest;
    if (select(bound + 1, &readable, &writable, NULL, NULL) < 0) {
      if (errno == EINTR) continue;
      die("select");
    }
    walk(&readable, bound, on_readable);
    walk(&writable, bound, on_writable);
  }
}
