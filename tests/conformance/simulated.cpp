#include "tests/conformance/simulated.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <weir/time.h>

#include "simulation/world.h"
#include "tests/conformance/arguments.h"
#include "tests/conformance/simulated_client.h"
#include "tests/support/deadline.h"

namespace conformance {

namespace {

using namespace std::chrono_literals;
using weir::simulation::World;

/// A server of the world, as its tester sees it.
class SimulatedProgram final : public support::Program {
 public:
  SimulatedProgram(SimulatedWorld& world, weir::Model model, const Arguments& arguments);

  pid_t pid() const override { throw std::logic_error("a simulated server is no process"); }
  std::string read_line() override;
  std::string errors() const override;
  void signal(int number) const override;
  int wait() override;

 private:
  /// What its handlers know: it lives as long as the world does.
  struct Inside {
    Settings settings;
    std::deque<std::string> lines;
    std::unique_ptr<weir::simulation::Server> server;
    bool over = false;
  };
  static bool is_over(Inside& inside);

  SimulatedWorld& world_;
  std::shared_ptr<Inside> inside_ = std::make_shared<Inside>();
  std::chrono::milliseconds drain_{0};
};

SimulatedProgram::SimulatedProgram(SimulatedWorld& world, weir::Model model,
                                   const Arguments& arguments)
    : world_(world) {
  if (!arguments.listen.empty()) throw std::logic_error("a world chooses its addresses itself");
  inside_->settings = settings_from(arguments);
  inside_->settings.report = [inside = inside_.get()](std::string_view line) {
    inside->lines.emplace_back(line);
  };
  inside_->settings.stop = [inside = inside_.get()] { inside->server->stop(20s); };
  weir::simulation::Serving serving;
  serving.options = options_from(arguments);
  serving.model = model;
  serving.drawn = false;
  // Theirs end by exceptions on purpose.
  serving.handlers_may_throw =
      arguments.handler == "moody" || arguments.handler == "spawns_thrower";
  drain_ = serving.options.drain;
  world_.act([&](World& there) {
    const Handler handler = handler_named(arguments.handler, inside_->settings);
    if (!handler) throw std::invalid_argument("no such handler");
    // The handler holds on to what it reports to.
    const auto served = [handler, inside = inside_](weir::Connection& peer) {
      return handler(peer);
    };
    inside_->server = std::make_unique<weir::simulation::Server>(there.serve(served, serving));
    inside_->lines.push_back("listening " + inside_->server->endpoint().text());
    inside_->lines.push_back("model " + std::string(weir::name(model)) + ": simulated");
    inside_->lines.push_back("ready");
  });
}

bool SimulatedProgram::is_over(Inside& inside) {
  if (!inside.over && inside.server->stopped()) {
    inside.over = true;
    inside.lines.push_back(totals_line(inside.server->statistics()));
  }
  return inside.over;
}

std::string SimulatedProgram::read_line() {
  std::string line;
  const bool came = world_.eventually(
      [&](World&) {
        const bool over = is_over(*inside_);
        if (inside_->lines.empty()) return over;
        line = std::move(inside_->lines.front());
        inside_->lines.pop_front();
        return true;
      },
      support::patience);
  if (!came) throw std::runtime_error("no line came");
  return line;
}

std::string SimulatedProgram::errors() const {
  std::string all;
  world_.act([&](World&) {
    for (const std::string& line : weir::simulated::WorldState::current()->trace().logged()) {
      all += line + "\n";
    }
  });
  return all;
}

void SimulatedProgram::signal(int /*number*/) const {
  world_.act([this](World&) { inside_->server->stop(drain_); });
}

int SimulatedProgram::wait() {
  if (!world_.eventually([this](World&) { return is_over(*inside_); }, support::patience)) {
    throw std::runtime_error("the server does not end");
  }
  std::uint64_t cut = 0;
  world_.act([&](World&) { cut = inside_->server->statistics().cut; });
  return cut > 0 ? 3 : 0;
}

}  // namespace

SimulatedWorld::SimulatedWorld(std::uint64_t seed) : thread_([this, seed] { run(seed); }) {
  Simulation::install(this);
}

SimulatedWorld::~SimulatedWorld() { end(); }

std::string SimulatedWorld::end() {
  if (!thread_.joinable()) return failure_;
  {
    const std::lock_guard lock(mutex_);
    leave_ = true;
  }
  changed_.notify_all();
  thread_.join();
  Simulation::install(nullptr);
  return failure_;
}

std::unique_ptr<support::Program> SimulatedWorld::start(weir::Model model,
                                                        const std::vector<std::string>& words) {
  return std::make_unique<SimulatedProgram>(*this, model, parse(words));
}

void SimulatedWorld::rest(std::chrono::nanoseconds duration) {
  static_cast<void>(eventually([](World&) { return false; }, duration));
}

support::Line* SimulatedWorld::connect(const std::string& address,
                                       const support::LineOptions& options) {
  return new SimulatedClient(*this, address, options);
}

void SimulatedWorld::act(const std::function<void(World&)>& action) {
  static_cast<void>(eventually(
      [&action](World& world) {
        action(world);
        return true;
      },
      0ns));
}

bool SimulatedWorld::eventually(const std::function<bool(World&)>& look,
                                std::chrono::nanoseconds patience) {
  const std::lock_guard turn(one_at_a_time_);
  Request request{look, patience};
  std::unique_lock lock(mutex_);
  if (ended_) throw std::runtime_error("the world has come to its end: " + failure_);
  request_ = &request;
  answered_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return answered_ || ended_; });
  request_ = nullptr;
  if (!answered_) throw std::runtime_error("the world came to its end: " + failure_);
  if (request.error) std::rethrow_exception(request.error);
  return request.fulfilled;
}

// --- on the world's thread -------------------------------------------------------------------

void SimulatedWorld::run(std::uint64_t seed) {
  weir::simulation::Exploration exploration;
  exploration.faults = weir::simulation::Faults::none();
  exploration.faults.latency_max = 200us;
  exploration.swarm = false;
  const weir::simulation::Run run = weir::simulation::run_once(
      seed, exploration, [this](World& world) { return serve_requests(world); });
  const std::lock_guard lock(mutex_);
  if (run.failed) {
    constexpr std::size_t shown = 100;
    failure_ = "seed " + std::to_string(seed) + ": " + run.what + "\n";
    const std::size_t from = run.trace.size() - std::min(run.trace.size(), shown);
    for (std::size_t i = from; i < run.trace.size(); ++i) failure_ += run.trace[i] + "\n";
  }
  ended_ = true;
  changed_.notify_all();
}

// Blocks the world while the test thinks: no time passes there meanwhile.
SimulatedWorld::Request* SimulatedWorld::next(World& world) {
  std::unique_lock lock(mutex_);
  now_ = world.now().count();
  if (std::exchange(taken_, false)) answered_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return leave_ || (request_ != nullptr && !answered_); });
  if (leave_) return nullptr;
  taken_ = true;
  return request_;
}

void SimulatedWorld::look(Request& request, World& world) {
  try {
    request.fulfilled = request.look(world);
  } catch (...) { request.error = std::current_exception(); }
}

weir::Task<> SimulatedWorld::serve_requests(World& world) {
  while (Request* request = next(world)) {
    const auto until = world.now() + request->patience;
    std::chrono::nanoseconds pause = 10us;
    for (look(*request, world); !request->fulfilled && !request->error; look(*request, world)) {
      const auto left = until - world.now();
      if (left <= 0ns) break;
      co_await weir::sleep_for(std::min(pause, left));
      pause = std::min<std::chrono::nanoseconds>(pause * 5 / 4, 1ms);
    }
  }
}

}  // namespace conformance
