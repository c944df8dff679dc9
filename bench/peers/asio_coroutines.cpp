// asio_coroutines.cpp - echo on standalone Asio, as C++20 coroutines.
//
// Tuned: one thread and a concurrency hint that says so (no locks); errors as values (as_tuple), so
// that the end of a stream throws nothing; awaitables bound to the concrete executor, so that no
// operation goes through a type-erased one.

#include <array>
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>

#include "asio_listen.h"

using Executor = asio::io_context::executor_type;
using Awaitable = asio::awaitable<void, Executor>;
using Token = asio::experimental::as_tuple_t<asio::use_awaitable_t<Executor>>;
using Socket = Token::as_default_on_t<asio::basic_stream_socket<asio::ip::tcp, Executor>>;
using Acceptor = Token::as_default_on_t<asio::basic_socket_acceptor<asio::ip::tcp, Executor>>;

static Awaitable echo(Socket client) {
  std::array<char, buffer_size> buffer;
  for (;;) {
    auto [receive_error, size] = co_await client.async_read_some(asio::buffer(buffer));
    if (receive_error) co_return;
    auto [send_error, sent] = co_await asio::async_write(client, asio::buffer(buffer, size));
    if (send_error) co_return;
  }
}

static Awaitable serve(Acceptor& acceptor) {
  for (;;) {
    auto [error, client] = co_await acceptor.async_accept();
    if (!error)
      co_spawn(acceptor.get_executor(), echo(Socket(std::move(client))), asio::detached);
  }
}

int main(int argc, char** argv) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  Acceptor acceptor(context.get_executor());
  listen_on(acceptor, argc, argv);
  co_spawn(context.get_executor(), serve(acceptor), asio::detached);
  context.run();
}
