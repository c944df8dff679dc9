// threads.c - a thread for every client.
//
// Recipe
//   1. Accept a client.
//   2. Start a thread; it serves this client with blocking calls and closes the socket.
//   3. The thread is detached: its stack is given back when it ends, nobody has to join it.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>

#include "listen.h"

static void* serve(void* argument) {
  int client = (int)(intptr_t)argument;
  char buffer[BUFFER_SIZE];
  for (;;) {
    ssize_t size = recv(client, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    for (ssize_t done = 0; done < size;) {
      ssize_t sent = send(client, buffer + done, (size_t)(size - done), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) goto out;
      done += sent;
    }
  }
out:
  close(client);
  return NULL;
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, BUFFER_SIZE + 64 * 1024);
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      continue;
    }
    pthread_t thread;
    if (pthread_create(&thread, &attributes, serve, (void*)(intptr_t)client) != 0) close(client);
  }
}
