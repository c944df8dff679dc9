#include "cli/explain/timeline.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace weir::cli {
namespace {

constexpr SharedStep shared[] = {
    {"listen", "Make a listening socket: reuse its address, bind, listen.",
     "socket setsockopt bind listen"},
    {"wake", "Another thread, or a signal, ends the sleep.", "eventfd read write"},
    {"end", "Send FIN when the handler has returned; close when the peer has finished too.",
     "shutdown close"},
};

constexpr std::string_view preparations[] = {"sigaction",   "prctl",       "mmap",   "munmap",
                                             "getrlimit",   "getsockname", "kill",   "getsockopt",
                                             "getpeername", "fcntl",       "waitid", "ioctl"};

constexpr const char* again = "... and again, until somebody is there";

using Socket = std::pair<int, int>;  // Process and descriptor.

/// The names of descriptors: L listens, A and B are clients, E is an epoll object, W wakes.
class Names {
 public:
  /// By this one a worker says that it has started.
  static constexpr const char* starting = "S";

  explicit Names(const std::vector<TracedCall>& calls)
      : first_(calls.empty() ? 0 : calls.front().process) {
    for (const TracedCall& call : calls) {
      if (call.name == "fork" && call.result > 0) {
        parents_[static_cast<int>(call.result)] = call.process;
      }
    }
  }

  void learn(const TracedCall& call) {
    if (!call.returned) return;
    inherit(call.process);
    const Socket made{call.process, static_cast<int>(call.result)};
    if (call.accepted) {
      names_[made] = std::string(1, static_cast<char>('A' + clients_++));
    } else if (call.result < 0) {
      return;
    } else if (call.name == "socket") {
      names_[made] = "L";
    } else if (call.name == "epoll_create1") {
      names_[made] = "E";
    } else if (call.name == "eventfd") {
      names_[made] = call.process == first_ ? starting : "W";
    } else if (call.name == "fork") {
      inherit(static_cast<int>(call.result));
    }
  }
  void forget(const TracedCall& call) {
    if (call.name == "close") names_.erase({call.process, call.fd});
  }

  std::string of(int process, int fd) const {
    const auto found = names_.find({process, fd});
    return found == names_.end() ? fmt::format("fd {}", fd) : found->second;
  }
  /// The client, or nothing.
  std::string client(int process, int fd) const {
    const auto found = names_.find({process, fd});
    const bool is_client = found != names_.end() && found->second < "E";
    return is_client ? found->second : "";
  }

 private:
  // A child has what its parent had when it forked. Either may return first from that.
  void inherit(int child) {
    const auto parent = parents_.extract(child);
    if (parent.empty()) return;
    std::map<Socket, std::string> copies;
    for (const auto& [socket, name] : names_) {
      if (socket.first == parent.mapped()) copies[{child, socket.second}] = name;
    }
    names_.merge(copies);
  }

  std::map<Socket, std::string> names_;
  int first_;                   // The process that starts the worker.
  std::map<int, int> parents_;  // Of the children that have not inherited yet.
  int clients_ = 0;
};

/// What decides which step a call belongs to, beside its name.
struct Marks {
  bool retry = false;    // *
  bool success = false;  // =
  bool more = false;     // +
  bool less = false;     // -
  bool apart = false;    // !
};

bool holds(const Marks& marks, char mark) {
  switch (mark) {
    case '*': return marks.retry;
    case '=': return marks.success;
    case '+': return marks.more;
    case '-': return marks.less;
    case '!': return marks.apart;
    default: return false;
  }
}

// Whether `calls` names the call, with a mark that holds or, if `plain`, without one.
bool names_call(std::string_view calls, std::string_view name, const Marks& marks, bool plain) {
  while (!calls.empty()) {
    const std::string_view word = calls.substr(0, calls.find(' '));
    calls.remove_prefix(std::min(calls.size(), word.size() + 1));
    if (plain ? word == name
              : word.size() == name.size() + 1 && word.starts_with(name) &&
                    holds(marks, word.back())) {
      return true;
    }
  }
  return false;
}

std::string step_of(const ModelInfo& info, std::string_view name, const Marks& marks) {
  for (const bool plain : {false, true}) {
    for (std::size_t i = 0; i < info.recipe.size(); ++i) {
      if (names_call(info.recipe[i].calls, name, marks, plain)) return std::to_string(i + 1);
    }
  }
  for (const SharedStep& step : shared) {
    if (names_call(step.calls, name, marks, true)) return std::string(step.name);
  }
  return {};
}

class Teller {
 public:
  Teller(const Conversation& conversation, bool everything)
      : conversation_(conversation), everything_(everything), names_(conversation.calls) {
    for (const ModelInfo& info : models()) {
      if (info.model == conversation.model) result_.info = info;
    }
  }

  Timeline tell() {
    for (const Act& act : conversation_.acts) result_.scenes.push_back({act.title, {}});
    for (std::size_t i = 0; i < conversation_.calls.size(); ++i) {
      const TracedCall& call = conversation_.calls[i];
      if (!call.returned) break;
      names_.learn(call);
      const Worth worth = everything_ ? Worth::telling : worth_of(call);
      if (worth == Worth::telling) add(scene_of(i), call);
      if (worth == Worth::repeating) add_repetition(scene_of(i), call);
      note(call);
      names_.forget(call);
    }
    name_lanes();
    for (Scene& scene : result_.scenes) order_lanes(scene);
    return std::move(result_);
  }

 private:
  using Lane = std::pair<int, int>;  // Process and thread.

  std::size_t scene_of(std::size_t index) const {
    std::size_t scene = 0;
    while (scene + 1 < conversation_.acts.size() &&
           conversation_.acts[scene + 1].first_call <= index) {
      ++scene;
    }
    return scene;
  }

  enum class Worth { nothing, telling, repeating };
  Worth worth_of(const TracedCall& call);
  Marks marks(const TracedCall& call) const;
  void add(std::size_t scene, const TracedCall& call);
  void add_repetition(std::size_t scene, const TracedCall& call);
  void note(const TracedCall& call);
  void name_lanes();
  static void order_lanes(Scene& scene);
  std::string text(const TracedCall& call, const std::vector<TracedText>& pieces) const;

  const Conversation& conversation_;
  bool everything_;
  Timeline result_;
  Names names_;
  std::map<Socket, TracedInterest> reported_;  // Told of and not tried since.
  std::map<std::tuple<int, int, int>, TracedInterest> registered_;  // Process, epoll, descriptor.
  std::map<Lane, std::set<std::string>> in_vain_;  // Since the lane's last success.
  std::map<Lane, std::string> lanes_;
  Lane server_{0, 0};
  int parent_ = 0;
  bool started_ = false;
};

// A time-out that only bounds a blocking call is no event; neither is the tenth scan in vain.
Teller::Worth Teller::worth_of(const TracedCall& call) {
  constexpr std::int64_t long_wait = 10'000'000;
  if (std::ranges::find(preparations, call.name) != std::end(preparations)) return Worth::nothing;
  if (parent_ == 0) {
    // Before it listens, it looks what works here.
    if (call.name != "socket") return Worth::nothing;
    parent_ = call.process;
  }
  // The worker's own start, its parent from then on, and a child's side of what its parent told.
  if (call.name == "fork" && call.process == parent_) started_ = true;
  if ((call.name == "fork" && call.result == 0) || (call.process == parent_ && started_) ||
      names_.of(call.process, call.fd) == Names::starting) {
    return Worth::nothing;
  }
  const bool nobody =
      call.result < 0 || call.name == "nanosleep" ||
      (call.can_wait && call.fd < 0 && call.told.empty() && call.name != "waitpid" &&
       call.name != "pthread_join" && call.name != "io_uring_enter") ||
      (call.name == "epoll_wait" && call.told.empty());
  auto& vain = in_vain_[{call.process, call.thread}];
  if (!nobody) {
    vain.clear();
    return Worth::telling;
  }
  if (call.end - call.begin > long_wait) return Worth::nothing;
  if (vain.insert(fmt::format("{} {}", call.name, call.fd)).second) return Worth::telling;
  // A scan ends with a rest: the second one in vain is the first that was told already.
  const bool repeats = call.name == "nanosleep" && vain.insert(again).second;
  return repeats ? Worth::repeating : Worth::nothing;
}

void Teller::add_repetition(std::size_t scene, const TracedCall& call) {
  Line line;
  line.call = again;
  line.lane = fmt::format("{} {}", call.process, call.thread);
  result_.scenes[scene].lines.push_back(std::move(line));
}

Marks Teller::marks(const TracedCall& call) const {
  Marks marks;
  marks.success = call.result >= 0;
  if (const auto found = reported_.find({call.process, call.fd}); found != reported_.end()) {
    const bool sends = call.name == "send" || call.name == "sendmsg";
    marks.retry = sends ? found->second.send : found->second.receive;
  }
  if (call.name == "epoll_ctl") {
    const auto found = registered_.find(
        {call.process, call.arguments.empty() ? -1 : call.arguments.front().fd, call.fd});
    const TracedInterest before = found == registered_.end() ? TracedInterest{} : found->second;
    const TracedInterest now = call.asked.empty() ? TracedInterest{} : call.asked.front();
    marks.more = (now.receive && !before.receive) || (now.send && !before.send);
    marks.less = !marks.more;
  }
  marks.apart = server_.first != 0 && Lane{call.process, call.thread} != server_;
  return marks;
}

void Teller::add(std::size_t scene, const TracedCall& call) {
  Line line;
  line.step = step_of(result_.info, call.name, marks(call));
  line.call = fmt::format("{}({})", call.name, text(call, call.arguments));
  line.outcome = text(call, call.outcome);
  line.lane = fmt::format("{} {}", call.process, call.thread);
  line.about =
      names_.client(call.process, call.accepted ? static_cast<int>(call.result) : call.fd);
  line.begin = call.begin - conversation_.calls.front().begin;
  line.took = call.end - call.begin;
  if (!lanes_.contains({call.process, call.thread}) &&
      (call.name == "recv" || call.name == "send")) {
    lanes_[{call.process, call.thread}] = line.about;
  }
  result_.scenes[scene].lines.push_back(std::move(line));
}

void Teller::note(const TracedCall& call) {
  for (const TracedInterest& each : call.told) reported_[{call.process, each.fd}] = each;
  if (call.name == "recv" || call.name == "accept4") {
    reported_[{call.process, call.fd}].receive = false;
  }
  if (call.name == "send" || call.name == "sendmsg") {
    reported_[{call.process, call.fd}].send = false;
  }
  if (call.name == "epoll_ctl" && !call.arguments.empty()) {
    registered_[{call.process, call.arguments.front().fd, call.fd}] =
        call.asked.empty() ? TracedInterest{} : call.asked.front();
  }
  if (call.name == "close") {
    std::erase_if(registered_, [&](const auto& each) {
      return std::get<0>(each.first) == call.process && std::get<2>(each.first) == call.fd;
    });
  }
  if (call.accepted && server_.first == 0) server_ = {call.process, call.thread};
}

// The thread or process that accepts is the server; another one is named by whom it serves.
void Teller::name_lanes() {
  std::set<std::string> seen;
  for (Scene& scene : result_.scenes) {
    for (Line& line : scene.lines) {
      const auto space = line.lane.find(' ');
      const Lane lane{std::stoi(line.lane.substr(0, space)), std::stoi(line.lane.substr(space))};
      const auto found = lanes_.find(lane);
      const bool serves = lane != server_ && found != lanes_.end() && !found->second.empty();
      line.lane = serves ? found->second : "server";
      seen.insert(line.lane);
    }
  }
  result_.several_lanes = seen.size() > 1;
}

// Threads and processes run side by side: within a scene each lane is told in one piece, in the
// order in which they first spoke.
void Teller::order_lanes(Scene& scene) {
  std::vector<std::vector<Line>> lanes;
  for (Line& line : scene.lines) {
    const auto is_its = [&](const std::vector<Line>& lane) {
      return lane.front().lane == line.lane;
    };
    auto lane = std::ranges::find_if(lanes, is_its);
    if (lane == lanes.end()) lane = lanes.emplace(lanes.end());
    lane->push_back(std::move(line));
  }
  scene.lines.clear();
  for (std::vector<Line>& lane : lanes) std::ranges::move(lane, std::back_inserter(scene.lines));
}

// The pieces with commas, but for a descriptor with its interest, which belong together.
std::string Teller::text(const TracedCall& call, const std::vector<TracedText>& pieces) const {
  const bool pairs = call.name == "poll" || call.name == "select" || call.name == "epoll_wait";
  std::string result;
  bool after_fd = false;
  for (const TracedText& piece : pieces) {
    const bool joined = pairs && after_fd && piece.fd < 0 && call.name != "epoll_wait";
    if (!result.empty()) result += joined || (&pieces == &call.outcome && after_fd) ? " " : ", ";
    result += piece.fd >= 0 ? names_.of(call.process, piece.fd) : piece.text;
    after_fd = piece.fd >= 0;
  }
  return result;
}

}  // namespace

std::span<const SharedStep> shared_steps() noexcept { return shared; }

Timeline timeline(const Conversation& conversation, bool everything) {
  return Teller(conversation, everything).tell();
}

}  // namespace weir::cli
