// fork.c - a child process for every client.
//
// Recipe
//   1. Accept a client.
//   2. Fork. The child closes the listener and serves this client with blocking calls.
//   3. The parent closes its copy of the client's socket at once: the connection must not outlive
//      the child.
//   4. A child that has ended is reaped by the kernel: that is what ignoring SIGCHLD asks for.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>

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
  signal(SIGCHLD, SIG_IGN);
  int listener = listen_on(argc, argv, 0);
  pid_t parent = getpid();
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
      accept_failed();
      continue;
    }
    pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);  // A child must not outlive the server that is stopped.
      if (getppid() != parent) _exit(0);
      close(listener);
      serve(client);
      _exit(0);
    }
    if (child < 0) perror("fork");  // This client is turned away; the others go on.
    close(client);
  }
}
