// users_test.cpp - who a server is, when it gives up root.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

#include "tests/conformance/conformance.h"

namespace conformance {
namespace {

/// A user that every system has and that owns nothing.
struct Nobody {
  uid_t user = 65534;
  gid_t group = 65534;
  std::string group_name;

  Nobody() {
    const passwd* entry = getpwnam("nobody");
    if (entry == nullptr) return;
    user = entry->pw_uid;
    group = entry->pw_gid;
  }
};

std::string four_times(unsigned id) {
  const std::string text = std::to_string(id);
  return text + "\t" + text + "\t" + text + "\t" + text;
}

/// All lines of that name, of all threads of all processes of the server, are `value`.
void expect_everywhere(const TestServer& server, const std::string& name,
                       const std::string& value) {
  const std::vector<std::string> values = support::of_each_thread(server.group(), name);
  EXPECT_FALSE(values.empty());
  for (const std::string& each : values) EXPECT_EQ(each, value) << name;
}

TEST_P(Conformance, Gives_up_root_in_all_of_its_processes_and_threads) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (geteuid() != 0) GTEST_SKIP() << not_root;
  const Nobody nobody;
  TestServer& server = serve("echo", {"--user", "nobody"});
  // On the models threads and fork somebody serves it who began afterwards.
  Client client(server.address());
  ASSERT_EQ(client.converse("hello"), "hello");
  expect_everywhere(server, "Uid", four_times(nobody.user));
  expect_everywhere(server, "Gid", four_times(nobody.group));
  expect_everywhere(server, "CapEff", "0000000000000000");
  expect_everywhere(server, "CapPrm", "0000000000000000");
  // ThreadSanitizer's own thread begins with the first of ours, which here tries io_uring out.
  const bool began_before =
      weir::base::thread_sanitizer && shape().model == weir::Model::io_uring;
  if (!began_before) expect_everywhere(server, "NoNewPrivs", "1");
  const std::vector<std::string> groups = support::of_each_thread(server.group(), "Groups");
  for (const std::string& each : groups) {
    EXPECT_EQ(each, std::to_string(nobody.group)) << "root's other groups are given up, too";
  }
}

TEST_P(SingleWorker, Binds_as_root_what_its_user_could_not) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (geteuid() != 0) GTEST_SKIP() << not_root;
  const support::TemporaryDirectory directory;  // Root's alone.
  const std::string path = directory.path() + "/echo.sock";
  const std::string address = "unix:" + path;
  for (int i = 0; i < 2; ++i) {
    // The second time the file is still there, because nobody may not remove it from here.
    TestServer& server = serve("echo", {"--user", "nobody", "--listen", address});
    EXPECT_EQ(Client(address).converse("hello"), "hello");
    struct stat file{};
    ASSERT_EQ(stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_uid, Nobody().user);
    EXPECT_EQ(file.st_gid, Nobody().group);
    server.stop();
  }
}

TEST_P(SingleWorker, Removes_its_unix_socket_where_its_user_may) {
  if (shape().simulated) GTEST_SKIP() << no_process;
  if (geteuid() != 0) GTEST_SKIP() << not_root;
  const support::TemporaryDirectory directory;
  ASSERT_EQ(chown(directory.path().c_str(), Nobody().user, Nobody().group), 0);
  const std::string path = directory.path() + "/echo.sock";
  TestServer& server = serve("echo", {"--user", "nobody", "--listen", "unix:" + path});
  EXPECT_EQ(Client("unix:" + path).converse("hello"), "hello");
  server.stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

class Users : public ModelTest {
 protected:
  Users() : ModelTest({weir::Model::epoll_et}) {}
};

TEST_F(Users, May_be_given_with_a_group) {
  if (geteuid() != 0) GTEST_SKIP() << not_root;
  TestServer& server = serve("echo", {"--user", "nobody:daemon"});
  EXPECT_EQ(Client(server.address()).converse("hello"), "hello");
  const std::vector<std::string> groups = support::of_each_thread(server.group(), "Gid");
  ASSERT_FALSE(groups.empty());
  EXPECT_EQ(groups[0], four_times(1)) << "daemon is group 1 (Linux Standard Base)";
}

// A process that has given up root may not list its own descriptors: its child has to try them.
TEST_F(Users, Leave_no_listener_open_in_a_child_of_fork) {
  if (geteuid() != 0) GTEST_SKIP() << not_root;
  TestServer& server =
      serve_by({weir::Model::fork, 2}, "two_things",
               {"--user", "nobody", "--pause-ms", "3600000", "--drain-ms", "60000"});
  Client client(server.address());
  ASSERT_EQ(client.converse("hello"), "hello");
  server.signal(SIGTERM);
  EXPECT_TRUE(eventually([&] {
    try {
      const Client another(server.address());
    } catch (const std::system_error& error) { return error.code().value() == ECONNREFUSED; }
    return false;
  }));
  client.finish();
  EXPECT_EQ(client.receive_line(), " ticks 0\n");
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(Users, Start_nothing_when_they_are_unknown_or_root) {
  struct Bad {
    const char* user;
    const char* complaint;
  };
  for (const Bad& bad : {Bad{"no-such-user", "no user 'no-such-user' here"},
                         Bad{"nobody:no-such-group", "no group 'no-such-group' here"},
                         Bad{"nobody:", "no group '' here"}, Bad{":daemon", "no user '' here"},
                         Bad{"root", "that is root"}}) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/echo.sock";
    Child server({server_program(), "echo", "--user", bad.user, "--listen", "unix:" + path});
    EXPECT_EQ(server.wait(), 2) << bad.user;
    EXPECT_EQ(server.read_line(), "");
    EXPECT_NE(server.errors().find(bad.complaint), std::string::npos) << server.errors();
    EXPECT_EQ(count_in(server.errors(), "\n"), 1U) << server.errors();
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

/// Makes the process nobody, as it is after a restart of a server that gave up root.
void be_nobody() {
  if (setgid(Nobody().group) != 0 || setuid(Nobody().user) != 0) _exit(99);
}

TEST_F(Users, Must_be_those_who_start_it_when_that_is_not_root) {
  if (geteuid() != 0) GTEST_SKIP() << not_root;
  if (Child({server_program()}, {.before_exec = be_nobody}).wait() == 127) {
    GTEST_SKIP() << "nobody cannot run programs in this directory";
  }
  Child other({server_program(), "echo", "--user", "daemon"}, {.before_exec = be_nobody});
  EXPECT_EQ(other.wait(), 2);
  EXPECT_NE(other.errors().find("only root can become another user"), std::string::npos)
      << other.errors();
  TestServer same("echo", {weir::Model::epoll_et}, {"--user", "nobody"},
                  {.before_exec = be_nobody});
  EXPECT_EQ(Client(same.address()).converse("hello"), "hello");
  same.stop();
}

}  // namespace
}  // namespace conformance
