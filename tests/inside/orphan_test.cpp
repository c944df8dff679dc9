// A child of `fork` whose parent dies before the child has asked to be told of that.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <weir/server.h>

#include "os/tap.h"
#include "tests/support/client.h"
#include "tests/support/fd.h"

namespace weir {
namespace {

using namespace std::chrono_literals;

/// Kills the parent of whoever asks for a signal when it dies, and waits until it is dead.
class TooLate final : public os::Tap {
 public:
  bool before(os::Call& call) noexcept override {
    if (call.kind != os::CallKind::prctl || call.arguments[0] != PR_SET_PDEATHSIG) return false;
    const pid_t parent = getppid();
    kill(parent, SIGKILL);
    while (getppid() == parent) usleep(1000);
    return false;
  }
  void after(os::Call& /*call*/) noexcept override {}
};

Task<> echo(Connection& peer) {
  while (Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

/// Serves, and writes where.
[[noreturn]] void serve(int out) {
  static TooLate too_late;
  os::install(&too_late);
  Options options;
  options.drain = 0ms;
  options.first_byte = 0ms;
  Server server(echo);
  server.options(options).model(Model::fork).listen("127.0.0.1:0");
  server.start();
  const std::string address = server.endpoints().at(0).text() + "\n";
  if (write(out, address.data(), address.size()) < 0) _exit(2);
  server.wait();
  _exit(3);
}

// Nobody stopped it: it served for as long as its client stayed.
TEST(Orphan, Ends_also_when_its_parent_died_before_it_asked_to_be_told) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const support::Fd in(ends[0]);
  support::Fd out(ends[1]);
  const pid_t server = fork();
  ASSERT_GE(server, 0);
  if (server == 0) serve(out.get());
  out.close();
  std::string address;
  for (char letter = 0; read(in.get(), &letter, 1) == 1 && letter != '\n';) address += letter;
  ASSERT_FALSE(address.empty());
  support::Client client(address);
  EXPECT_TRUE(client.sees_end());
  int status = 0;
  ASSERT_EQ(waitpid(server, &status, 0), server);
  EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace weir
