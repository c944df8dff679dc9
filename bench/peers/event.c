// event.c - echo on libevent's bufferevents.
//
// Tuned: no locks, epoll's change list (registrations that cancel out cost no call), reads of up to
// 64 KiB, and the input buffer's memory moved to the output instead of copied. A client with too
// much output is not read until that is gone.
#define _GNU_SOURCE
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "../bare/listen.h"

enum { OUTPUT_MAX = 1024 * 1024 };

static void on_readable(struct bufferevent* client, void* context) {
  (void)context;
  struct evbuffer* output = bufferevent_get_output(client);
  evbuffer_add_buffer(output, bufferevent_get_input(client));
  if (evbuffer_get_length(output) > OUTPUT_MAX) bufferevent_disable(client, EV_READ);
}

static void on_flushed(struct bufferevent* client, void* context) {
  (void)context;
  if (!(bufferevent_get_enabled(client) & EV_READ)) bufferevent_enable(client, EV_READ);
}

static void on_last_flushed(struct bufferevent* client, void* context) {
  (void)context;
  bufferevent_free(client);
}

static void on_event(struct bufferevent* client, short what, void* context) {
  (void)context;
  if (what & BEV_EVENT_EOF && evbuffer_get_length(bufferevent_get_output(client)) > 0) {
    bufferevent_disable(client, EV_READ);
    bufferevent_setcb(client, NULL, on_last_flushed, on_event, NULL);
  } else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
    bufferevent_free(client);
  }
}

static void on_client(struct evconnlistener* listener, evutil_socket_t fd,
                      struct sockaddr* address, int length, void* context) {
  (void)address;
  (void)length;
  (void)context;
  struct bufferevent* client =
      bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  if (!client) die("bufferevent_socket_new");
  bufferevent_set_max_single_read(client, BUFFER_SIZE);
  bufferevent_set_max_single_write(client, BUFFER_SIZE);
  bufferevent_setcb(client, on_readable, on_flushed, on_event, NULL);
  bufferevent_enable(client, EV_READ | EV_WRITE);
}

int main(int argc, char** argv) {
  struct event_config* config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  struct event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  if (!base) die("event_base_new");
  struct evconnlistener* listener =
      evconnlistener_new(base, on_client, NULL, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 0,
                         listen_on(argc, argv, SOCK_NONBLOCK));
  if (!listener) die("evconnlistener_new");
  return event_base_dispatch(base);
}
