// threads.c - a thread for every client.
//
// Recipe
//   1. Accept a client.
//   2. Start a thread; it serves this client with blocking calls and closes the socket.
//   3. The thread is detached: its stack is given back when it ends, nobody has to join it.
//   4. The client's record, with the buffer, is kept for one to come. A buffer on the stack would
//      cost a page fault each time: the C library keeps stacks, but returns all but their last
//      16 KiB to the kernel.
#define _GNU_SOURCE
#include <pthread.h>

#include "listen.h"

struct client {
  int fd;
  struct client* next;  // On the list of those without a thread.
  char buffer[BUFFER_SIZE];
};

static struct client* unused;
static pthread_mutex_t unused_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct client* take(void) {
  pthread_mutex_lock(&unused_mutex);
  struct client* client = unused;
  if (client) unused = client->next;
  pthread_mutex_unlock(&unused_mutex);
  if (!client && !(client = malloc(sizeof *client))) die("malloc");
  return client;
}

static void keep(struct client* client) {
  pthread_mutex_lock(&unused_mutex);
  client->next = unused;
  unused = client;
  pthread_mutex_unlock(&unused_mutex);
}

static void echo(struct client* client) {
  for (;;) {
    ssize_t size = recv(client->fd, client->buffer, BUFFER_SIZE, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    for (ssize_t done = 0; done < size;) {
      ssize_t sent = send(client->fd, client->buffer + done, (size_t)(size - done), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return;
      done += sent;
    }
  }
}

static void finish(struct client* client) {
  close(client->fd);
  keep(client);
}

static void* serve(void* client) {
  echo(client);
  finish(client);
  return NULL;
}

int main(int argc, char** argv) {
  int listener = listen_on(argc, argv, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
      accept_failed();
      continue;
    }
    struct client* client = take();
    client->fd = fd;
    pthread_t thread;
    if (pthread_create(&thread, &attributes, serve, client) != 0) finish(client);
  }
}
