// churn_test.cpp - clients that come, say something and leave, for a long time: nothing of them
// stays.

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kibibyte = 1024;

/// Connects, is answered, leaves; again and again. From many addresses, because each of them has
/// ports for some hundred connections a second only.
std::size_t churn(const TestServer& server, std::size_t at_once, std::chrono::seconds duration) {
  const std::string said = random_bytes(3, 3000);
  std::size_t count = 0;
  for (support::Deadline deadline(duration); !deadline.passed();) {
    std::vector<Client> clients;
    const std::string from = "127.0.0." + std::to_string(2 + count / at_once % 200) + ":0";
    for (std::size_t i = 0; i < at_once; ++i) {
      clients.emplace_back(server.address(), Client::Options{.from = from});
    }
    for (Client& client : clients) EXPECT_TRUE(client.converse(said) == said);
    count += clients.size();
    clients.clear();
    support::rest(5ms);
  }
  return count;
}

TEST_P(SingleWorker, Keeps_neither_memory_nor_descriptors_of_clients_that_have_left) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  const bool full = support::full();
  const std::size_t at_once = std::min<std::size_t>(20, shape().clients_at_once());
  TestServer& server = serve("echo");
  const auto descriptors = [&] { return support::descriptors(server.pid()); };
  const auto memory = [&] { return support::memory(server.pid()); };
  churn(server, at_once, 1s);  // Pools fill, once.
  support::settled(descriptors);
  const std::size_t descriptors_before = descriptors();
  const std::size_t memory_before = memory();
  const std::size_t count = churn(server, at_once, full ? 60s : 2s);
  EXPECT_TRUE(eventually([&] { return descriptors() == descriptors_before; }))
      << descriptors() << " descriptors, " << descriptors_before << " before";
  EXPECT_TRUE(eventually([&] { return support::processes(server.group()).size() == 1; }));
  const std::size_t memory_after = memory();
  std::printf("%zu clients: %zu KiB before, %zu KiB after, %zu descriptors\n", count,
              memory_before / kibibyte, memory_after / kibibyte, descriptors_before);
  // Threads that come and go take turns at malloc(3)'s arenas, each of which keeps a little.
  const std::size_t arenas = shape().model == weir::Model::threads ? 768 * kibibyte : 0;
  if (!support::sanitized()) { EXPECT_LE(memory_after, memory_before + 256 * kibibyte + arenas); }
  server.stop();
  EXPECT_GE(server.total("accepted"), count);
  EXPECT_EQ(server.total("buffers"), 0U);
}

}  // namespace
}  // namespace conformance
