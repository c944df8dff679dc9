// iterative.c - one process, one client at a time, blocking calls.
//
// Recipe
//   1. Accept a client.
//   2. Receive; nothing received means that the client has finished.
//   3. Send all of it back.
//   4. Close, and go to 1. Whoever comes meanwhile waits in the backlog.
#define _GNU_SOURCE
#include "listen.h"

static void serve(int client) {
  static char buffer[BUFFER_SIZE];
  for (;;) {
    ssize_t size = recv(client, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    for (ssize_t done = 0; done < size;) {
      ssize_t sent = send(client, buffer + done, (size_t)(size - done), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return;
      done += sent;
    }
  }
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, 0);
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      continue;
    }
    serve(client);
    close(client);
  }
}
