#include "os/successor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include "base/counters.h"
#include "os/inherited.h"
#include "os/signals.h"
#include "os/tap.h"

namespace weir::os {
namespace {

constexpr int first = 3;
constexpr std::string_view ready_word = "READY=1\n";
constexpr std::string_view error_word = "ERRNO=";
// Stands in the environment for the child's own number, which only the child knows.
constexpr std::string_view number_room = "0000000000";

bool is_of_protocol(std::string_view entry) noexcept {
  for (const std::string_view name :
       {"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "WEIR_READY_FD="}) {
    if (entry.starts_with(name)) return true;
  }
  return false;
}

// Everything that the child needs, made before the fork: in a process with threads a child may
// not allocate.
struct Image {
  const char* path;
  std::vector<std::string> environment;
  std::vector<char*> arguments;
  std::vector<char*> variables;
  std::vector<char*> numbers;  // where the child writes its own number
  std::vector<int> descriptors;
  int ready;  // the number among them on which it says that it is ready
};

std::string names_of(const std::vector<HandedSocket>& sockets) {
  std::string names;
  for (const HandedSocket& socket : sockets) {
    if (!names.empty()) names += ':';
    names += socket.name;
  }
  return names;
}

Image image_of(const Program& program, const std::vector<HandedSocket>& sockets, int ready) {
  Image image;
  image.path = program.path.c_str();
  for (const HandedSocket& socket : sockets) image.descriptors.push_back(socket.fd);
  image.descriptors.push_back(ready);
  image.ready = first + static_cast<int>(sockets.size());
  bool watched = false;
  for (const std::string& entry : program.environment) {
    const bool whose = entry.starts_with("WATCHDOG_PID=");
    watched = watched || whose;
    if (!whose && !is_of_protocol(entry)) image.environment.push_back(entry);
  }
  image.environment.push_back(fmt::format("LISTEN_FDS={}", sockets.size()));
  image.environment.push_back("LISTEN_FDNAMES=" + names_of(sockets));
  image.environment.push_back(fmt::format("{}={}", ready_variable, image.ready));
  const std::size_t fixed = image.environment.size();
  image.environment.push_back(fmt::format("LISTEN_PID={}", number_room));
  if (watched) image.environment.push_back(fmt::format("WATCHDOG_PID={}", number_room));
  for (std::string& entry : image.environment) image.variables.push_back(entry.data());
  for (std::size_t i = fixed; i < image.environment.size(); ++i) {
    std::string& entry = image.environment[i];
    image.numbers.push_back(entry.data() + entry.find('=') + 1);
  }
  image.variables.push_back(nullptr);
  for (const std::string& argument : program.arguments) {
    image.arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  image.arguments.push_back(nullptr);
  return image;
}

// In the child: the descriptors get the numbers from 3 on. First all go where none is in the
// way of another.
bool place_descriptors(std::vector<int>& descriptors) noexcept {
  const int beyond = first + static_cast<int>(descriptors.size());
  for (int& fd : descriptors) {
    fd = system_call(CallKind::fcntl, ::fcntl, fd, F_DUPFD_CLOEXEC, beyond);
    if (fd < 0) return false;
  }
  int number = first;
  for (const int fd : descriptors) {
    if (system_call(CallKind::dup2, ::dup2, fd, number++) < 0) return false;
  }
  return true;
}

// In the child, which shares its parent's signal handlers until it is another program.
[[noreturn]] void become(Image& image) noexcept {
  for (char* number : image.numbers) {
    *std::to_chars(number, number + number_room.size(), ::getpid()).ptr = '\0';
  }
  int ready = image.descriptors.back();
  if (place_descriptors(image.descriptors)) {
    ready = image.ready;
    default_signals();
    let_signals_come();
    const auto execute = [](const char* path, char* const* arguments, char* const* variables) {
      return ::execve(path, arguments, variables);
    };
    system_call(CallKind::execve, execute, image.path, image.arguments.data(),
                image.variables.data());
  }
  char line[32];
  std::memcpy(line, error_word.data(), error_word.size());
  char* end = std::to_chars(line + error_word.size(), line + sizeof line - 1, errno).ptr;
  *end++ = '\n';
  [[maybe_unused]] const auto written =
      system_call(CallKind::write, ::write, ready, line, static_cast<std::size_t>(end - line));
  exit_now(127);
}

}  // namespace

Program Program::of_this_process() {
  Program result;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find('\0', at), line.size());
    result.arguments.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  const char* executed = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  result.path = executed != nullptr ? executed : "/proc/self/exe";
  if (!result.path.starts_with('/')) {
    char directory[4096];
    if (::getcwd(directory, sizeof directory) != nullptr) {
      result.path = std::string(directory) + "/" + result.path;
    }
  }
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    result.environment.emplace_back(*entry);
  }
  return result;
}

int Successor::start(const Program& program, const std::vector<HandedSocket>& sockets) {
  int ends[2];
  ++base::counters.calls_other;
  if (system_call(CallKind::pipe2, ::pipe2, ends, O_CLOEXEC | O_NONBLOCK) != 0) return -errno;
  ready_ = Fd(ends[0]);
  const Fd theirs(ends[1]);
  Image image = image_of(program, sockets, theirs.get());
  const int child = process_.fork();
  if (child == 0) become(image);
  return child < 0 ? child : 0;
}

Successor::News Successor::news(int& error) noexcept {
  char line[64];
  ++base::counters.calls_other;
  if (!ready_) return News::none;
  const ssize_t got = system_call(CallKind::read, ::read, ready_.get(), line, sizeof line);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return News::none;
  ready_.reset();
  const std::string_view said(line, got > 0 ? static_cast<std::size_t>(got) : 0);
  if (said.starts_with(ready_word)) return News::ready;
  if (!said.starts_with(error_word)) return News::silent;
  error = 0;
  std::from_chars(line + error_word.size(), line + said.size(), error);
  return News::not_executed;
}

bool say_ready(int fd) noexcept {
  const SignalsHeld held;  // Whoever waited may have gone, and must not take us along (SIGPIPE).
  ++base::counters.calls_other;
  const bool said = system_call(CallKind::write, ::write, fd, ready_word.data(),
                                ready_word.size()) == static_cast<ssize_t>(ready_word.size());
  if (!said) discard_broken_pipe();
  return said;
}

}  // namespace weir::os
