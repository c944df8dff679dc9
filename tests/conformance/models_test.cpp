// models_test.cpp - what has to hold for one model alone.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

using weir::Model;

class Iterative : public ModelTest {
 protected:
  Iterative() : ModelTest({Model::iterative}) {}
};

TEST_F(Iterative, Lets_a_second_client_wait_in_the_backlog_and_then_serves_it) {
  TestServer& server = serve("echo");
  Client first(server.address());
  EXPECT_EQ(first.converse("first"), "first");
  Client second(server.address());
  second.send("second");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(first.converse("first"), "first");
  EXPECT_FALSE(second.has_answer());
  first.close();
  EXPECT_EQ(second.receive(6), "second");
}

class Fork : public ModelTest {
 protected:
  Fork() : ModelTest({Model::fork}) {}
};

TEST_F(Fork, Leaves_no_zombie_and_no_descriptor_behind_after_a_thousand_clients) {
  TestServer& server = serve("echo");
  EXPECT_EQ(Client(server.address()).converse("x"), "x");
  ASSERT_TRUE(eventually([&] { return support::processes(server.group()).size() == 1; }));
  const std::size_t before = support::descriptors(server.pid());
  std::size_t most = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Client(server.address()).converse("x"), "x");
    if (i % 50 == 0) most = std::max(most, support::zombies(server.group()));
  }
  EXPECT_LT(most, 50U) << "children are reaped promptly, not at the end";
  EXPECT_TRUE(eventually([&] { return support::processes(server.group()).size() == 1; }));
  EXPECT_EQ(support::zombies(server.group()), 0U);
  EXPECT_LE(support::descriptors(server.pid()), before);
}

TEST_F(Fork, Reaps_children_that_end_all_at_once) {
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(server.address());
  for (Client& client : clients) ASSERT_EQ(client.converse("x"), "x");
  EXPECT_EQ(support::processes(server.group()).size(), 201U);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return support::processes(server.group()).size() == 1; }));
}

// With several listeners the parent slept until the next client came.
TEST_F(Fork, Reaps_children_also_where_it_listens_at_several_addresses) {
  TestServer& server = serve("echo", {"--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"});
  std::vector<Client> clients;
  for (std::size_t i = 0; i < 6; ++i) clients.emplace_back(server.address(i % 2));
  for (Client& client : clients) ASSERT_EQ(client.converse("x"), "x");
  clients.clear();
  EXPECT_TRUE(eventually([&] { return support::processes(server.group()).size() == 1; }));
}

TEST_F(Fork, Leaves_other_clients_alone_when_a_child_crashes) {
  TestServer& server = serve("moody");
  Client witness(server.address());
  EXPECT_EQ(witness.converse("hello"), "hello");
  for (int i = 0; i < 5; ++i) {
    Client client(server.address());
    client.send("abort");
    EXPECT_TRUE(client.sees_end());
  }
  EXPECT_EQ(witness.converse("still there"), "still there");
  EXPECT_EQ(Client(server.address()).converse("and another"), "and another");
}

TEST_F(Fork, Leaves_no_child_behind_when_it_stops) {
  TestServer& server = serve("echo");
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.address());
  for (Client& client : clients) ASSERT_EQ(client.converse("x"), "x");
  const pid_t group = server.group();
  server.stop();
  EXPECT_EQ(support::processes(group).size(), 0U);
}

class ForkOfThreads : public ModelTest {
 protected:
  ForkOfThreads() : ModelTest({Model::fork, 2}) {}
};

// A child that was forked during a drain, when the listeners were closed and so had no address any
// more, closed whatever had none: all that was no socket.
TEST_F(ForkOfThreads, Leave_a_child_the_descriptors_of_the_program_also_while_they_drain) {
  constexpr int number = 100;
  TestServer& server = serve(
      "two_things", {"--pause-ms", "3600000", "--drain-ms", "3600000", "--connections-max", "1"},
      {.before_exec = [] { dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), number); }});
  Client first(server.address());
  ASSERT_EQ(first.converse("hello"), "hello");
  std::vector<Client> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back(server.address());
    others.back().send("hello");
  }
  support::rest(std::chrono::milliseconds(200));  // Until the other worker holds one of them.
  server.signal(SIGTERM);
  first.finish();
  ASSERT_EQ(first.receive_line(), " ticks 0\n");
  const auto served = [&] { return std::ranges::find_if(others, &Client::has_answer); };
  ASSERT_TRUE(eventually([&] { return served() != others.end(); }));
  for (const support::Process& process : support::processes(server.group())) {
    if (process.state == 'Z') continue;
    const std::string path =
        "/proc/" + std::to_string(process.pid) + "/fd/" + std::to_string(number);
    std::error_code error;
    EXPECT_EQ(std::filesystem::read_symlink(path, error), "/dev/null") << path;
  }
  served()->finish();
  EXPECT_EQ(server.wait(), 0);
}

// ThreadSanitizer starts a thread of its own with the first one of the program.
constexpr std::size_t threads_of_the_sanitizer = weir::base::thread_sanitizer ? 1 : 0;

class Threads : public ModelTest {
 protected:
  Threads() : ModelTest({Model::threads}) {}
};

TEST_F(Threads, Has_no_more_threads_than_connections_max_and_gives_them_back) {
  TestServer& server = serve("echo", {"--connections-max", "10"});
  const std::size_t before = support::threads(server.pid()) + threads_of_the_sanitizer;
  std::vector<Client> clients = clients_that_ask(server, 40);
  EXPECT_TRUE(eventually([&] { return support::threads(server.pid()) >= before + 10; }));
  EXPECT_EQ(support::settled([&] { return support::threads(server.pid()); }), before + 10);
  EXPECT_EQ(answered_as_others_leave(clients), 40U);
  EXPECT_TRUE(eventually([&] { return support::threads(server.pid()) <= before; }));
}

// Whoever waits for a client and for a message at once slept in recv(2), which no message ends:
// it came as late as the call's bound of 250 ms.
TEST_F(Threads, Sleep_in_no_receive_that_a_message_of_another_connection_would_not_end) {
  TestServer& server = serve("chat");
  {
    Client speaker(server.address());
    Client listener(server.address());
    for (Client* each : {&speaker, &listener}) ASSERT_EQ(each->receive_line(), "welcome\n");
    for (int i = 0; i < 50; ++i) {
      speaker.send("hello\n");
      for (Client* each : {&speaker, &listener}) ASSERT_EQ(each->receive_line(), "hello\n");
    }
  }
  server.stop();
  // One for each line that was sent and for each end, not one for each line that was heard.
  EXPECT_LE(server.total("receives"), 55U);
}

class Select : public ModelTest {
 protected:
  Select() : ModelTest({Model::select}) {}
  void SetUp() override {
    if (support::raise_descriptors() < 4096) GTEST_SKIP() << few_descriptors;
    ModelTest::SetUp();
  }
};

TEST_F(Select, Serves_eleven_hundred_clients_as_others_leave) {
  TestServer& server =
      serve("echo", {}, {.before_exec = [] { support::limit_descriptors(4096); }});
  std::vector<Client> clients = clients_that_ask(server, 1100);
  EXPECT_TRUE(eventually([&] { return answered(clients) > 900; }))
      << answered(clients) << " were served";
  EXPECT_LT(support::settled([&] { return answered(clients); }), 1024U)
      << "more than an fd_set can hold";
  EXPECT_EQ(answered_as_others_leave(clients), 1100U);
}

// The limit is on the number of a descriptor, not on how many there are: FD_SET of 1,024 writes
// behind the end of the set, whoever opened the others. With few to spare nobody can be served, or
// not even the listener be watched; a stop that finds only such clients ends all the same.
TEST_F(Select, Writes_nothing_outside_its_sets_when_eleven_hundred_descriptors_are_open) {
  std::size_t served = 0;
  for (int spare = 0; spare <= 12; ++spare) {
    SCOPED_TRACE(std::to_string(spare) + " descriptors below 1,024 to spare");
    Child server({server_program(), "echo", "--model", "select", "--hoard", "1100", "--spare",
                  std::to_string(spare)},
                 {.before_exec = [] { support::limit_descriptors(4096); }});
    const std::string line = server.read_line();
    if (line.empty()) {
      EXPECT_EQ(server.wait(), 2);
      EXPECT_NE(server.errors().find("select watches descriptors below 1024"), std::string::npos)
          << server.errors();
      continue;
    }
    ASSERT_TRUE(line.starts_with("listening ")) << line;
    ASSERT_TRUE(server.says("ready"));
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back(line.substr(10));
      clients.back().send("x");
    }
    served = support::settled([&] { return answered(clients); });
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0) << server.errors();
  }
  EXPECT_EQ(served, 3U);
}

class IoUring : public ModelTest {
 protected:
  IoUring() : ModelTest({Model::io_uring}) {}
};

TEST_F(IoUring, Says_why_it_does_not_start_where_it_is_forbidden_and_what_to_use_instead) {
  for (const int error : {EPERM, ENOSYS}) {
    Child server({server_program(), "echo", "--model", "io-uring"},
                 {.before_exec = [error] { support::forbid_io_uring(error); }});
    EXPECT_EQ(server.wait(), 2);
    const std::string errors = server.errors();
    EXPECT_NE(errors.find("io_uring"), std::string::npos) << errors;
    EXPECT_NE(errors.find("epoll-et"), std::string::npos) << errors;
  }
}

// What an older kernel answers: to a flag of the ring that it does not know, or to the enrolment of
// a ring of buffers.
TEST_F(IoUring, Says_that_the_kernel_is_too_old_where_it_lacks_a_feature) {
  for (const auto call : {support::RingCall::set_up, support::RingCall::enrol}) {
    Child server({server_program(), "echo", "--model", "io-uring"},
                 {.before_exec = [call] { support::forbid_io_uring(EINVAL, call); }});
    EXPECT_EQ(server.wait(), 2);
    const std::string errors = server.errors();
    EXPECT_NE(errors.find("lacks a feature"), std::string::npos) << errors;
    EXPECT_NE(errors.find("epoll-et"), std::string::npos) << errors;
  }
  TestServer server("echo", {Model::automatic}, {}, {.before_exec = [] {
                      support::forbid_io_uring(EINVAL, support::RingCall::enrol);
                    }});
  EXPECT_TRUE(server.model_line().starts_with("model epoll-et: ")) << server.model_line();
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
  server.stop();
}

TEST_F(IoUring, Is_replaced_by_epoll_where_it_is_forbidden_and_the_choice_is_free) {
  TestServer server("echo", {Model::automatic}, {},
                    {.before_exec = [] { support::forbid_io_uring(EPERM); }});
  EXPECT_TRUE(server.model_line().starts_with("model epoll-et: ")) << server.model_line();
  EXPECT_NE(server.model_line().find("io_uring"), std::string::npos) << server.model_line();
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
  server.stop();
}

TEST(Automatic, Takes_the_model_that_the_environment_names) {
  TestServer server("echo", {Model::automatic}, {}, {.environment = {"WEIR_MODEL=poll"}});
  EXPECT_TRUE(server.model_line().starts_with("model poll: ")) << server.model_line();
  EXPECT_NE(server.model_line().find("WEIR_MODEL"), std::string::npos) << server.model_line();
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
  server.stop();
}

TEST(Automatic, Does_not_ask_the_environment_when_the_program_has_fixed_its_model) {
  TestServer server("echo", {Model::select}, {}, {.environment = {"WEIR_MODEL=poll"}});
  EXPECT_TRUE(server.model_line().starts_with("model select: ")) << server.model_line();
  server.stop();
}

TEST(Automatic, Does_not_start_when_the_environment_names_no_model) {
  Child server({server_program(), "echo"}, {.environment = {"WEIR_MODEL=telepathy"}});
  EXPECT_EQ(server.wait(), 2);
  EXPECT_NE(server.errors().find("telepathy"), std::string::npos) << server.errors();
}

}  // namespace
}  // namespace conformance
