// uv.c - echo on libuv.
//
// Tuned: one receive buffer for all clients (libuv calls back before it fills it again);
// uv_try_write first, and a queued write only for what the kernel did not take. A client with a
// queued write is not read until that is done.
#define _GNU_SOURCE
#include <string.h>
#include <uv.h>

#include "../bare/listen.h"

struct client {
  uv_tcp_t tcp;
};

struct queued {
  uv_write_t request;
  char bytes[];
};

static char buffer[BUFFER_SIZE];

static void on_closed(uv_handle_t* handle) { free(handle); }

static void close_client(uv_stream_t* stream) {
  if (!uv_is_closing((uv_handle_t*)stream)) uv_close((uv_handle_t*)stream, on_closed);
}

static void lend_buffer(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_received(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf);

static void on_sent(uv_write_t* request, int status) {
  uv_stream_t* stream = request->handle;
  free(request);
  if (status < 0) {
    close_client(stream);
  } else {
    uv_read_start(stream, lend_buffer, on_received);
  }
}

static void on_received(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  if (size < 0) close_client(stream);
  if (size <= 0) return;
  uv_buf_t all = uv_buf_init(buf->base, (unsigned)size);
  ssize_t sent = uv_try_write(stream, &all, 1);
  if (sent == size) return;
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0) {
    close_client(stream);
    return;
  }
  uv_read_stop(stream);
  size_t rest = (size_t)(size - sent);
  struct queued* queued = malloc(sizeof *queued + rest);
  if (!queued) die("malloc");
  memcpy(queued->bytes, buf->base + sent, rest);
  uv_buf_t left = uv_buf_init(queued->bytes, (unsigned)rest);
  if (uv_write(&queued->request, stream, &left, 1, on_sent) < 0) {
    free(queued);
    close_client(stream);
  }
}

static void on_client(uv_stream_t* listener, int status) {
  if (status < 0) return;
  struct client* client = malloc(sizeof *client);
  if (!client) die("malloc");
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t*)client) == 0) {
    uv_read_start((uv_stream_t*)client, lend_buffer, on_received);
  } else {
    close_client((uv_stream_t*)client);
  }
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  uv_tcp_open(&listener, listen_on(argc, argv, SOCK_NONBLOCK));
  if (uv_listen((uv_stream_t*)&listener, BACKLOG, on_client) < 0) die("uv_listen");
  return uv_run(loop, UV_RUN_DEFAULT);
}
