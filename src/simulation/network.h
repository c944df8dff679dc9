// network.h - the simulated kernel's network: descriptors, connections, time and chance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include <weir/endpoint.h>
#include <weir/faults.h>

#include "base/prng.h"
#include "kernel/clock.h"
#include "simulation/file.h"
#include "simulation/trace.h"

namespace weir::simulated {

using simulation::Fault;

/// One network with everything on it, and its clock. What is sent arrives later; deliver() lets
/// the next thing arrive.
class Network final : public kernel::Clock {
 public:
  Network(std::uint64_t seed, const simulation::Faults& faults, Trace& trace);
  ~Network() override;

  // Time. It passes only between the steps of the world.
  std::int64_t now() noexcept override { return now_; }
  void advance_to(std::int64_t time) noexcept { now_ = time > now_ ? time : now_; }
  /// When the next thing arrives; negative: nothing is on its way.
  std::int64_t next_arrival() const noexcept { return events_.empty() ? -1 : events_.top().at; }
  /// Requires: something is on its way. Lets it arrive; it must be due.
  void deliver();

  // Chance.
  base::Prng& chance() noexcept { return prng_; }
  const simulation::Faults& faults() const noexcept { return faults_; }
  /// Whether the fault strikes at this opportunity; counts and notes it.
  bool strikes(Fault fault);
  void note_strike(Fault fault);
  std::uint64_t struck(Fault fault) const noexcept {
    return struck_[static_cast<std::size_t>(fault)];
  }
  /// Of the faults by which a connection may break, or a deadline may pass.
  std::uint64_t breaking_strikes() const noexcept;

  // Descriptors, the lowest free number first.
  int open(File& file);
  int duplicate(int fd);
  /// nullptr for one that is not open: somebody's bug, which is noted.
  File* file(int fd) noexcept;
  Stream* stream(int fd) noexcept;
  Listener* listener(int fd) noexcept;
  /// `as_ghost`: what a dead process had open, tidied up.
  void close(int fd, bool as_ghost = false);
  std::size_t open_count() const noexcept { return open_count_; }
  /// A call that no program should make. The first one ends the run.
  void note_misuse(std::string what) {
    if (misuse_.empty()) misuse_ = std::move(what);
  }
  /// The first misuse of a descriptor, or what was delivered wrongly; empty if there was none.
  const std::string& misuse() const noexcept { return misuse_; }

  // Calls. Results are values or -errno.
  int listen(const Endpoint& endpoint, std::size_t backlog);
  int make_stream(const Endpoint& endpoint, unsigned owner);
  int connect(Stream& stream, const Endpoint& endpoint);
  int accept(Listener& listener, unsigned worker);
  std::int64_t receive(Stream& stream, void* data, std::size_t size);
  std::int64_t send(Stream& stream, std::string_view bytes);
  void finish_sending(Stream& stream);
  // What the programs at both ends make of it: from a session its witness tells, others do it
  // themselves.
  void give(Stream& stream, std::string_view bytes) { stream.out->delivery.give(bytes); }
  void take(Stream& stream, std::string_view bytes);
  void take_end(Stream& stream);
  /// The machine at this end is gone.
  void vanish(Stream& stream);
  /// A node's process dies: its peers see resets, and its listeners are not its any more.
  void end_process(unsigned owner, const std::vector<int>& listeners);

  /// Grows with whatever a program does that makes a difference: bytes that are sent or received,
  /// descriptors that are opened or closed. Not with an end of the stream that is received.
  std::uint64_t moved() const noexcept { return moved_; }
  std::uint64_t connections() const noexcept { return links_.size(); }
  Trace& trace() noexcept { return trace_; }

 private:
  enum class Arrival : std::uint8_t {
    bytes,
    fin,
    reset,
    room,
    syn,
    established,
    connected,
    refused,
    give_up,
    release
  };
  struct Event {
    std::int64_t at;
    std::uint64_t order;
    Arrival what;
    File* file;
    std::uint64_t count;
    bool operator>(const Event& other) const noexcept {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  /// A connection: two ends, two directions, and the listener it goes to.
  struct Link {
    Stream ends[2];
    Pipe pipes[2];
  };

  void schedule(std::int64_t at, Arrival what, File& file, std::uint64_t count = 0);
  std::int64_t travel(Stream& from);
  void send_bytes(Stream& from, std::string_view bytes);
  void arrive(Stream& to, std::uint64_t upto);
  void reset_arrives(Stream& to, int error);
  void send_reset(Stream& from);
  void break_off(Stream& stream);  // A reset in both directions at once.
  Listener* listener_at(const Endpoint& endpoint);
  void syn_arrives(Stream& client);
  void ack_arrives(Stream& server, std::uint64_t attempt);
  void close_file(File& file);
  void close_stream(Stream& stream);
  void close_listener(Listener& listener);
  void release(File& file, bool as_ghost);
  void blame(const Stream& stream, const std::string& wrong);
  int call_error(Stream& stream, Fault fault);

  simulation::Faults faults_;
  Trace& trace_;
  base::Prng prng_;
  std::int64_t now_ = 1'000'000'000;
  std::uint64_t order_ = 0;
  std::uint64_t moved_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::array<std::uint64_t, simulation::fault_count> struck_{};
  std::vector<File*> descriptors_;
  std::size_t open_count_ = 0;
  std::size_t lowest_free_ = 0;  // None below is free.
  std::string misuse_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace weir::simulated
