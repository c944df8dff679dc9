// rest.h - the message queue of the textbook server: what the kernel would not take yet.
//
// A client that does not read fills its socket; send() then takes a part of a message or nothing.
// The rest is copied here, the client is not read any more, and once the socket is writable again
// the rest goes out first. Hardly ever used, so it is allocated when needed and freed when sent.
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "listen.h"

struct rest {
  size_t begin, end;
  char bytes[];
};

enum outcome { ALL_SENT, SOME_LEFT, BROKEN };

// Sends what the kernel takes of `size` bytes; *left gets the rest, if there is any.
static inline enum outcome send_or_keep(int fd, const char* bytes, size_t size,
                                        struct rest** left) {
  ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
  if (sent == (ssize_t)size) return ALL_SENT;
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) return BROKEN;
    sent = 0;
  }
  struct rest* rest = malloc(sizeof *rest + size - (size_t)sent);
  if (!rest) return BROKEN;
  rest->begin = 0;
  rest->end = size - (size_t)sent;
  memcpy(rest->bytes, bytes + sent, rest->end);
  *left = rest;
  return SOME_LEFT;
}

// Sends what was kept; frees it and sets it to NULL when all of it went.
static inline enum outcome send_rest(int fd, struct rest** left) {
  struct rest* rest = *left;
  ssize_t sent = send(fd, rest->bytes + rest->begin, rest->end - rest->begin, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? SOME_LEFT : BROKEN;
  rest->begin += (size_t)sent;
  if (rest->begin < rest->end) return SOME_LEFT;
  free(rest);
  *left = NULL;
  return ALL_SENT;
}

// Receives and sends: what every mechanism does that tells again as long as there is something. A
// buffer that was filled says that more is there; asking at once saves a round.
static inline enum outcome echo(int fd, char* buffer, struct rest** left) {
  for (int count = 0; count < BUFFERS_A_TURN; count++) {
    ssize_t size = recv(fd, buffer, BUFFER_SIZE, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? ALL_SENT : BROKEN;
    if (size == 0) return BROKEN;
    enum outcome outcome = send_or_keep(fd, buffer, (size_t)size, left);
    if (outcome != ALL_SENT || size < BUFFER_SIZE) return outcome;
  }
  return ALL_SENT;
}
