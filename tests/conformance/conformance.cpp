#include "tests/conformance/conformance.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace conformance {

namespace {

constexpr weir::Model simulated_models[] = {weir::Model::iterative, weir::Model::poll,
                                            weir::Model::epoll_lt, weir::Model::epoll_et,
                                            weir::Model::io_uring};

std::vector<std::string> arguments(const std::string& handler, const Shape& shape,
                                   const TestServer::Values& values) {
  std::vector<std::string> words = {
      handler, "--workers", std::to_string(shape.workers), "--kind",
      shape.kind == weir::WorkerKind::process ? "process" : "thread"};
  if (shape.model != weir::Model::automatic) {
    words.insert(words.end(), {"--model", std::string(weir::name(shape.model))});
  }
  words.insert(words.end(), values.begin(), values.end());
  return words;
}

std::unique_ptr<support::Program> start(std::vector<std::string> words, const Shape& shape,
                                        Child::Options options, SimulatedWorld* world) {
  if (world != nullptr) return world->start(shape.model, words);
  words.insert(words.begin(), server_program());
  return std::make_unique<Child>(std::move(words), std::move(options));
}

/// The same for each test in every run (FNV-1a).
std::uint64_t seed_of(const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : name) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  }
  return hash;
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
  return (simulated ? "simulated-" : "") + std::string(weir::name(model)) + "." +
         std::to_string(workers) + "-" + unit +
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
  for (const weir::Model model : simulated_models) {
    shapes.push_back({model, 1, weir::WorkerKind::thread, true});
    shapes.push_back({model, 2, weir::WorkerKind::thread, true});
    shapes.push_back({model, 2, weir::WorkerKind::process, true});
  }
  return shapes;
}

std::vector<Shape> single_shapes() {
  std::vector<Shape> shapes;
  for (const weir::ModelInfo& info : weir::models()) shapes.push_back({info.model});
  for (const weir::Model model : simulated_models) {
    shapes.push_back({model, 1, weir::WorkerKind::thread, true});
  }
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
                       Child::Options options, SimulatedWorld* world)
    : program_(start(arguments(handler, shape, values), shape, std::move(options), world)) {
  while (true) {
    const std::string line = program_->read_line();
    if (line == "ready") return;
    if (line.starts_with("listening ")) addresses_.push_back(line.substr(10));
    if (line.starts_with("model ")) model_line_ = line;
    if (line.empty()) {
      stopped_ = true;
      throw std::runtime_error("the server does not start; it said:\n" + program_->errors());
    }
  }
}

std::string TestServer::says_after(const std::string& start) {
  while (true) {
    const std::string line = program_->read_line();
    if (line.starts_with(start)) return line.substr(start.size());
    if (line.empty()) throw std::runtime_error("the server never says: " + start);
  }
}

void TestServer::stop() {
  if (std::exchange(stopped_, true)) return;
  program_->signal(SIGTERM);
  check_end(program_->wait());
  read_totals();
}

int TestServer::wait() {
  stopped_ = true;
  const int code = program_->wait();
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
  for (std::string line; !(line = program_->read_line()).empty();) {
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
  if (shape_.simulated) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    world_ = std::make_unique<SimulatedWorld>(seed_of(test->name()));
    return;
  }
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
  if (world_ != nullptr) { EXPECT_EQ(world_->end(), ""); }
}

TestServer& ModelTest::serve(const std::string& handler, const TestServer::Values& values,
                             Child::Options options) {
  servers_.push_back(
      std::make_unique<TestServer>(handler, shape_, values, std::move(options), world_.get()));
  return *servers_.back();
}

TestServer& ModelTest::serve_by(const Shape& shape, const std::string& handler,
                                const TestServer::Values& values) {
  servers_.push_back(std::make_unique<TestServer>(handler, shape, values, Child::Options()));
  return *servers_.back();
}

std::size_t count_in(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

std::size_t answered(const std::vector<Client>& clients) {
  std::size_t count = 0;
  for (const Client& client : clients) count += client.has_answer() ? 1 : 0;
  return count;
}

pid_t successor(const std::string& said) {
  const std::string begin = "restart: process ";
  const std::size_t at = said.find(begin);
  if (at == std::string::npos) throw std::runtime_error("nobody was restarted:\n" + said);
  return std::stoi(said.substr(at + begin.size()));
}

std::vector<Client> clients_that_ask(const TestServer& server, std::size_t count) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(server.address());
    clients.back().send("x");
  }
  return clients;
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
