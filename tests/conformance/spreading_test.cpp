// spreading_test.cpp - who of several workers serves a client of their one socket.
#include <map>

#include "tests/conformance/conformance.h"
#include "tests/conformance/release.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

constexpr const char* only_worker = "it has one worker";

TEST_P(Conformance, Serves_others_while_a_handler_blocks_one_of_its_workers) {
  if (shape().simulated) GTEST_SKIP() << "simulated: nothing there takes real time to block";
  if (shape().workers == 1) GTEST_SKIP() << only_worker;
  if (!serves_at_once(20)) GTEST_SKIP() << one_at_a_time;
  const Release release;
  TestServer& server =
      serve("blocks_when_told", {"--until-file", release.path(), "--stall-after", "0"});
  Client blocking(server.address());
  blocking.send("block");
  blocking.wait_until_delivered();
  support::rest(100ms);  // Until the handler has it.
  std::vector<Client> clients = clients_that_ask(server, 20);
  // On io-uring one of them may be the blocked worker's, until somebody else comes.
  const std::size_t waiting = shape().model == weir::Model::io_uring ? 1 : 0;
  EXPECT_TRUE(eventually([&] { return answered(clients) >= clients.size() - waiting; }))
      << answered(clients);
  EXPECT_FALSE(blocking.has_answer());
  release.now();
  EXPECT_TRUE(eventually([&] { return answered(clients) == clients.size(); }));
  EXPECT_EQ(blocking.receive(5), "block");
}

TEST_P(Conformance, Shares_out_clients_that_come_one_by_one) {
  if (shape().workers == 1) GTEST_SKIP() << only_worker;
  if (shape().simulated || shape().model != weir::Model::io_uring) {
    GTEST_SKIP() << "whoever is woken first may take them all";
  }
  TestServer& server = serve("who");
  std::vector<Client> clients;
  std::map<std::string, int> served;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(server.address());
    const std::string line = clients.back().receive_line();
    ++served[line.substr(0, line.find(' '))];
  }
  ASSERT_EQ(served.size(), 2U) << "one worker serves them all";
  for (const auto& [worker, count] : served) EXPECT_GE(count, 5) << "worker " << worker;
}

}  // namespace
}  // namespace conformance
