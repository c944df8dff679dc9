// echo.cpp - the whole of a server: a handler, an address, a model.
//
// Try it:  examples/echo &  then  nc 127.0.0.1 7000  and type.
#include <weir/weir.h>

weir::Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

int main() {
  return weir::Server(echo).listen("127.0.0.1:7000").model(weir::Model::epoll_et).run();
}
