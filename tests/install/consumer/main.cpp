// A server and its client, by the installed headers and library alone.
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <weir/weir.h>

weir::Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

weir::Task<int> ask(weir::Endpoint server) {
  weir::Client client = co_await weir::connect(server);
  co_await client->send("installed");
  std::string answer;
  while (answer.size() < 9) {
    weir::Chunk bytes = co_await client->receive();
    if (!bytes) break;
    answer += bytes.text();
  }
  std::printf("%s\n", answer.c_str());
  co_return answer == "installed" ? 0 : 1;
}

int main() {
  weir::Server server(echo);
  server.listen("127.0.0.1:0").start();
  int failed = 1;
  std::thread client([&server, &failed] {
    failed = weir::run(ask(server.endpoints().front()));
    server.stop(std::chrono::seconds(5));
  });
  const int code = server.wait();
  client.join();
  return code != 0 || failed != 0;
}
