#include "tests/conformance/conformance.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace conformance {

namespace {

std::vector<std::string> command(const std::string& handler, const Shape& shape,
                                 const TestServer::Values& values) {
  std::vector<std::string> words = {
      server_program(), handler,
      "--workers",      std::to_string(shape.workers),
      "--kind",         shape.kind == weir::WorkerKind::process ? "process" : "thread"};
  if (shape.model != weir::Model::automatic) {
    words.insert(words.end(), {"--model", std::string(weir::name(shape.model))});
  }
  words.insert(words.end(), values.begin(), values.end());
  return words;
}

/// What a process says on stderr when it went wrong without its exit code telling: a forked
/// child's findings, say.
std::string complaint(const std::string& errors) {
  for (const char* sign : {"Sanitizer", "runtime error:", "ASSERT", "terminate called"}) {
    if (errors.find(sign) != std::string::npos) return sign;
  }
  return {};
}

}  // namespace

std::string Shape::name() const {
  const char* unit = kind == weir::WorkerKind::process ? "process" : "thread";
  return std::string(weir::name(model)) + "." + std::to_string(workers) + "-" + unit +
         (workers == 1                        ? ""
          : kind == weir::WorkerKind::process ? "es"
                                              : "s");
}

std::size_t Shape::clients_at_once() const {
  return model == weir::Model::iterative ? workers : 1'000'000;
}

bool Shape::shares_memory() const {
  const bool processes = kind == weir::WorkerKind::process && workers > 1;
  return model != weir::Model::fork && !processes;
}

bool Shape::is_loop() const {
  return model != weir::Model::iterative && model != weir::Model::fork &&
         model != weir::Model::threads;
}

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name(); }

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes;
  for (const weir::ModelInfo& info : weir::models()) {
    shapes.push_back({info.model, 1, weir::WorkerKind::thread});
    shapes.push_back({info.model, 2, weir::WorkerKind::thread});
    shapes.push_back({info.model, 2, weir::WorkerKind::process});
  }
  return shapes;
}

std::vector<Shape> single_shapes() {
  std::vector<Shape> shapes;
  for (const weir::ModelInfo& info : weir::models()) shapes.push_back({info.model});
  return shapes;
}

std::string test_name(const testing::TestParamInfo<Shape>& info) {
  std::string name = info.param.name();
  for (char& c : name) {
    if (c == '-' || c == '.') c = '_';
  }
  return name;
}

std::string server_program() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "conformance-server")
      .string();
}

TestServer::TestServer(const std::string& handler, const Shape& shape, const Values& values,
                       Child::Options options)
    : child_(command(handler, shape, values), std::move(options)) {
  while (true) {
    const std::string line = child_.read_line();
    if (line == "ready") return;
    if (line.starts_with("listening ")) addresses_.push_back(line.substr(10));
    if (line.starts_with("model ")) model_line_ = line;
    if (line.empty()) {
      stopped_ = true;
      throw std::runtime_error("the server does not start; it said:\n" + child_.errors());
    }
  }
}

std::string TestServer::says_after(const std::string& start) {
  while (true) {
    const std::string line = child_.read_line();
    if (line.starts_with(start)) return line.substr(start.size());
    if (line.empty()) throw std::runtime_error("the server never says: " + start);
  }
}

void TestServer::stop() {
  if (std::exchange(stopped_, true)) return;
  child_.signal(SIGTERM);
  check_end(child_.wait());
  read_totals();
}

int TestServer::wait() {
  stopped_ = true;
  const int code = child_.wait();
  check_end(code);
  read_totals();
  return code;
}

void TestServer::check_end(int code) {
  // 3: a session had to be cut, as when a client is still there.
  EXPECT_TRUE(code == 0 || code == 3) << "exit code " << code << "; the server said:\n"
                                      << errors();
  EXPECT_EQ(complaint(errors()), "") << "the server said:\n" << errors();
}

void TestServer::read_totals() {
  for (std::string line; !(line = child_.read_line()).empty();) {
    if (!line.starts_with("totals ")) continue;
    for (std::size_t at = 7; at < line.size();) {
      const auto equals = line.find('=', at);
      const auto end = std::min(line.find(' ', at), line.size());
      totals_[line.substr(at, equals - at)] = std::stoul(line.substr(equals + 1));
      at = end + 1;
    }
  }
  EXPECT_FALSE(totals_.empty()) << "the server did not come to its end; it said:\n" << errors();
  EXPECT_EQ(totals_["accepted"], totals_["closed"]) << "a connection was never closed";
  std::size_t by_reason = 0;
  for (const char* reason : {"ended", "failed", "cut", "timed_out", "lost"}) {
    by_reason += totals_[reason];
  }
  EXPECT_EQ(totals_["closed"], by_reason) << "a connection was closed for two reasons, or none";
}

std::size_t TestServer::total(const std::string& name) const { return totals_.at(name); }

void ModelTest::SetUp() {
  const weir::Availability availability = weir::availability(shape_.model);
  if (!availability.available) GTEST_SKIP() << "not available here: " << availability.reason;
}

void ModelTest::TearDown() {
  for (auto& server : servers_) {
    if (HasFatalFailure() || HasNonfatalFailure()) {
      std::fprintf(stderr, "the server said:\n%s", server->errors().c_str());
    }
    server->stop();
  }
}

TestServer& ModelTest::serve(const std::string& handler, const TestServer::Values& values,
                             Child::Options options) {
  servers_.push_back(std::make_unique<TestServer>(handler, shape_, values, std::move(options)));
  return *servers_.back();
}

TestServer& ModelTest::serve_by(const Shape& shape, const std::string& handler,
                                const TestServer::Values& values) {
  servers_.push_back(std::make_unique<TestServer>(handler, shape, values, Child::Options()));
  return *servers_.back();
}

std::size_t answered(const std::vector<Client>& clients) {
  std::size_t count = 0;
  for (const Client& client : clients) count += client.has_answer() ? 1 : 0;
  return count;
}

std::size_t answered_as_others_leave(std::vector<Client>& clients) {
  std::size_t answered = 0;
  support::Deadline deadline;
  while (!clients.empty() && !deadline.passed()) {
    const std::size_t left =
        std::erase_if(clients, [](Client& each) { return each.has_answer(); });
    answered += left;
    if (left == 0) support::rest();
  }
  return answered;
}

}  // namespace conformance
