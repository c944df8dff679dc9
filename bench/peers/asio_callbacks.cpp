// asio_callbacks.cpp - echo on standalone Asio, with completion handlers.
//
// Tuned: one thread and a concurrency hint that says so (no locks); sockets bound to the concrete
// executor, so that no operation goes through a type-erased one; one buffer a session for its whole
// life; Asio's own per-thread recycling of handler memory, so no allocation a request.

#include <array>
#include <asio.hpp>
#include <memory>

#include "asio_listen.h"

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Socket socket) : socket_(std::move(socket)) {}

  void receive() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](std::error_code error, std::size_t size) {
                              if (!error) self->send(size);
                            });
  }

 private:
  void send(std::size_t size) {
    asio::async_write(socket_, asio::buffer(buffer_, size),
                      [self = shared_from_this()](std::error_code error, std::size_t) {
                        if (!error) self->receive();
                      });
  }

  Socket socket_;
  std::array<char, buffer_size> buffer_;
};

static void accept(Acceptor& acceptor) {
  acceptor.async_accept([&acceptor](std::error_code error, Socket client) {
    if (!error) std::make_shared<Session>(std::move(client))->receive();
    accept(acceptor);
  });
}

int main(int argc, char** argv) {
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  Acceptor acceptor(context.get_executor());
  listen_on(acceptor, argc, argv);
  accept(acceptor);
  context.run();
}
