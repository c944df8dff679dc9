// threads.cpp - a thread for each client.
//
// Recipe (the lecture notes' "several threads"): `recipe` below.
//
// Bounded by connections_max; a small stack each, because a handler's frames are on the heap.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>

#include "base/counters.h"
#include "engine/blocking.h"
#include "model/model.h"
#include "model/serve_one.h"
#include "os/thread.h"
#include "os/waker.h"

namespace weir::detail {
namespace {

constexpr RecipeStep recipe[] = {
    {"Wait for a client: blocking accept.", "engine/blocking", "accept4 poll"},
    {"Start a thread that serves it with blocking calls.", "serve()",
     "pthread_create recv! send! sendmsg! poll! shutdown! close!"},
    {"Reclaim the threads that have ended.", "open()", "pthread_join"},
};

class ThreadEach final : public Placement {
 public:
  explicit ThreadEach(const Plan& plan) noexcept : plan_(plan) {}

  int serve(Worker& acceptor, const Arrival& arrival, std::uint64_t id) noexcept override;
  std::size_t open() noexcept override;
  void stop(std::int64_t drain) noexcept override;
  void cut() noexcept override { stop(0); }

 private:
  struct Client {
    ThreadEach* place = nullptr;
    Worker* acceptor = nullptr;
    Arrival arrival{-1, false};
    std::uint64_t id = 0;
    Plan plan;
    os::Waker waker;
    Control control{waker};
    os::Thread thread;
    std::atomic<bool> ended{false};
    Statistics counted;
  };

  static void run_client(void* client) noexcept;

  const Plan& plan_;
  std::list<Client> clients_;
  std::atomic<std::size_t> ended_{0};
};

int ThreadEach::serve(Worker& acceptor, const Arrival& arrival, std::uint64_t id) noexcept {
  std::list<Client> added;
  try {
    Client& client = added.emplace_back();
    client.place = this;
    client.acceptor = &acceptor;
    client.arrival = arrival;
    client.id = id;
    client.plan = plan_;
    client.plan.listeners.clear();
    client.plan.host = nullptr;
    client.plan.control = &client.control;
    // Whom the acceptor holds it serves during a stop, too. When the drain time is over it says so.
    if (acceptor.stopping()) client.control.request_stop(plan_.control->stop_drain());
    const int error = client.thread.start(plan_.options.thread_stack, run_client, &client);
    if (error != 0) return -error;
  } catch (const std::bad_alloc&) { return -ENOMEM; }
  // Nobody looks for it there before it has ended, and then on this thread.
  clients_.splice(clients_.end(), added);
  return 0;
}

void ThreadEach::run_client(void* argument) noexcept {
  Client& client = *static_cast<Client*>(argument);
  if (!serve_one(client.plan, client.arrival, client.id)) {
    client.plan.calls->close(client.arrival.fd);
    ++base::counters.closed;
    ++base::counters.failed;
  }
  client.counted = base::counters;
  Worker& acceptor = *client.acceptor;
  ThreadEach& place = *client.place;
  client.ended.store(true, std::memory_order_release);
  place.ended_.fetch_add(1, std::memory_order_release);
  acceptor.placed_ended();
}

std::size_t ThreadEach::open() noexcept {
  if (ended_.load(std::memory_order_acquire) > 0) {
    for (auto client = clients_.begin(); client != clients_.end();) {
      if (!client->ended.load(std::memory_order_acquire)) {
        ++client;
        continue;
      }
      client->thread.join();
      base::add(base::counters, client->counted);
      client->acceptor->connection_left(client->id);
      ended_.fetch_sub(1, std::memory_order_relaxed);
      client = clients_.erase(client);
    }
  }
  return clients_.size();
}

void ThreadEach::stop(std::int64_t drain) noexcept {
  for (Client& client : clients_) client.control.request_stop(drain);
}

std::unique_ptr<Engine> make_engine(const Plan& plan) {
  return std::make_unique<BlockingEngine>(engine_options(plan), *plan.calls, plan.control->waker);
}

void run(const Plan& plan) {
  ThreadEach place(plan);
  const auto engine = make_engine(plan);
  Worker worker(plan, *engine, &place);
  worker.run();
}

}  // namespace

const ModelEntry threads_entry{
    {Model::threads, "threads", "a thread for each client, blocking calls",
     "memory and threads: some 40 KiB a client; connections_max bounds it", recipe},
    always_available,
    run,
    make_engine,
    true};

}  // namespace weir::detail
