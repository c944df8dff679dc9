#include "simulation/trace.h"

#include <fmt/format.h>

#include <cerrno>
#include <map>
#include <utility>

#include <weir/faults.h>
#include <weir/model.h>

namespace weir::simulated {

using simulation::Fault;

namespace {

// "{a}" is an end of a connection, a worker or a number; see line().
constexpr std::array<std::string_view, 26> texts{"",
                                                 "log: ",
                                                 "fault: {fault}",
                                                 "worker {a} listens, model {model}",
                                                 "{end} connects",
                                                 "{end} is connected",
                                                 "{end} cannot connect: {error}",
                                                 "{end} is accepted",
                                                 "worker {a} cannot accept: {error}",
                                                 "{end} sends {b} bytes",
                                                 "{end} cannot send: {error}",
                                                 "{end}: {b} bytes arrive",
                                                 "{end} receives {b} bytes",
                                                 "{end} cannot receive: {error}",
                                                 "{end} sends FIN",
                                                 "{end}: FIN arrives",
                                                 "{end} sends a reset",
                                                 "{end}: a reset arrives",
                                                 "{end} closes",
                                                 "{end} vanishes",
                                                 "{end}: the peer is given up",
                                                 "worker {a} turns",
                                                 "worker {a} is woken",
                                                 "server {a} is told to stop, {b} ms to drain",
                                                 "worker {a} dies",
                                                 "failed: "};

// The names of the registry, which this layer does not know.
std::string_view model_name(Model model) noexcept {
  switch (model) {
    case Model::iterative: return "iterative";
    case Model::poll: return "poll";
    case Model::epoll_lt: return "epoll-lt";
    case Model::epoll_et: return "epoll-et";
    case Model::io_uring: return "io-uring";
    default: return "another";
  }
}

void replace(std::string& text, std::string_view what, const std::string& by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

std::string line_at(std::int64_t time, std::string_view text) {
  return fmt::format("{:>14.3f} ms  {}", static_cast<double>(time) / 1e6, text);
}

}  // namespace

std::string one_line(std::string_view text) {
  constexpr char delete_character = 0x7f;
  std::string line;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_control = byte < ' ' || letter == delete_character;
    line += is_control ? fmt::format("\\x{:02x}", byte) : std::string(1, letter);
  }
  return line;
}

std::string end_name(std::uint64_t end) {
  return fmt::format("{} {}", end % 2 == 0 ? "client" : "server", end / 2);
}

std::string_view error_name(int error_number) noexcept {
  switch (error_number) {
    case ECONNRESET: return "ECONNRESET";
    case EPIPE: return "EPIPE";
    case ETIMEDOUT: return "ETIMEDOUT";
    case ENOBUFS: return "ENOBUFS";
    case ENOMEM: return "ENOMEM";
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case EINTR: return "EINTR";
    case ECONNABORTED: return "ECONNABORTED";
    case ECONNREFUSED: return "ECONNREFUSED";
    case ENOTCONN: return "ENOTCONN";
    default: return "an error";
  }
}

void Trace::add_text(std::int64_t now, Entry entry, std::string_view text) {
  for (const char letter : text) mix(static_cast<unsigned char>(letter));
  mix(static_cast<std::uint64_t>(now) ^ (static_cast<std::uint64_t>(entry) << 56));
  if (!keep_) return;
  rows_.push_back({now, entry, texts_.size(), 0});
  texts_.emplace_back(text);
}

std::string Trace::line(const Row& row, const std::vector<std::string>& notes) {
  std::string text(texts[static_cast<std::size_t>(row.entry)]);
  if (row.entry == Entry::note || row.entry == Entry::log || row.entry == Entry::failed) {
    text += one_line(notes[row.a]);
    return line_at(row.time, text);
  }
  if (row.entry == Entry::fault) {  // Other rows have other numbers there.
    replace(text, "{fault}", std::string(simulation::name(static_cast<Fault>(row.a))));
  }
  replace(text, "{end}", end_name(row.a));
  replace(text, "{model}", std::string(model_name(static_cast<Model>(row.b))));
  replace(text, "{a}", fmt::format("{}", row.a));
  replace(text, "{b}", fmt::format("{}", row.b));
  replace(text, "{error}", std::string(error_name(static_cast<int>(row.b))));
  return line_at(row.time, text);
}

void Trace::add_failure(std::int64_t now, std::string_view what) {
  if (!std::exchange(has_failed_, true)) {
    add_text(now, Entry::failed, what.substr(0, what.find('\n')));
  }
}

template <class See>
void Trace::for_each_shown(See see) const {
  constexpr unsigned few = 3;  // Who ignores the end of the stream receives it without end.
  std::map<std::uint64_t, unsigned> ends;
  for (const Row& row : rows_) {
    if (row.entry == Entry::received && row.b == 0 && ++ends[row.a] > few) continue;
    if (row.entry != Entry::turn) see(row);
  }
}

std::vector<std::string> Trace::lines() const {
  std::vector<std::string> result;
  for_each_shown([&](const Row& row) { result.push_back(line(row, texts_)); });
  return result;
}

std::size_t Trace::lines_to_failure() const {
  std::size_t count = 0, there = 0;
  for_each_shown([&](const Row& row) {
    ++count;
    if (row.entry == Entry::failed) there = count;
  });
  return there;
}

std::vector<std::string> Trace::logged() const {
  std::vector<std::string> result;
  for (const Row& row : rows_) {
    if (row.entry == Entry::log) result.push_back(texts_[row.a]);
  }
  return result;
}

}  // namespace weir::simulated
