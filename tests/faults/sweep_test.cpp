// sweep_test.cpp - fails the first system calls of a conversation, one at a time.
//
// A server runs with a tap under it. For each kind of call, for each error that its man page
// lists, and for shortened transfers: three clients connect, say something and leave, while the
// n-th call of that kind fails; n goes from 1 until the conversation has no such call. Then: no
// crash, no hang, no wrong byte to any client, the next client is served, and at the end every
// connection was closed and every descriptor given back. AddressSanitizer sees the rest.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <weir/weir.h>

#include "os/tap.h"
#include "tests/faults/conversation.h"
#include "tests/support/random.h"
#include "tests/support/sandbox.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace {

using weir::os::Call;
using weir::os::CallKind;

/// What is to happen to which call. In memory that forked children share.
struct Orders {
  std::atomic<bool> armed;
  std::atomic<int> calls_to_go;
  std::atomic<std::uint64_t> fired;
  // Read by a call that is under way while the next order is written.
  std::atomic<CallKind> kind;
  std::atomic<int> error;  // 0: shortened instead
  std::atomic<std::size_t> length;
};

class FaultTap final : public weir::os::Tap {
 public:
  FaultTap() {
    void* memory =
        mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    orders_ = new (memory) Orders{};
    install(this);
  }
  ~FaultTap() {
    weir::os::install(nullptr);
    munmap(orders_, sizeof(Orders));
  }

  void arm(CallKind kind, int nth, int error, std::size_t length) noexcept {
    orders_->kind = kind;
    orders_->error = error;
    orders_->length = length;
    orders_->calls_to_go = nth;
    orders_->armed = true;
  }
  /// Whether it happened.
  bool disarm() noexcept {
    orders_->armed = false;
    return orders_->calls_to_go <= 0;
  }
  std::uint64_t fired() const noexcept { return orders_->fired; }

  bool before(Call& call) noexcept override {
    // A close that fails has closed nevertheless: see after().
    if (call.kind == CallKind::close || !is_its_turn(call)) return false;
    if (orders_->error != 0) {
      call.result = -orders_->error;
      return true;
    }
    if (call.length() > orders_->length) call.shorten(orders_->length);
    return false;
  }
  void after(Call& call) noexcept override {
    if (call.kind == CallKind::close && is_its_turn(call)) call.result = -orders_->error;
  }

 private:
  bool is_its_turn(const Call& call) noexcept {
    if (!orders_->armed || call.kind != orders_->kind) return false;
    // A request to close always closes, whatever it says afterwards.
    constexpr std::uint64_t close_request = 19;  // IORING_OP_CLOSE
    if (call.kind == CallKind::request && call.arguments[1] == close_request) return false;
    if (orders_->calls_to_go.fetch_sub(1) != 1) return false;
    ++orders_->fired;
    return true;
  }

  Orders* orders_;
};

/// The errors of each call's man page that can befall a server's sockets.
struct Sweep {
  CallKind kind;
  std::vector<int> errors;
  bool moves_bytes = false;
};

std::vector<Sweep> sweeps() {
  return {
      {CallKind::accept4,
       {EAGAIN, EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO, EPERM, ENETDOWN,
        EHOSTUNREACH, ENETUNREACH, ETIMEDOUT}},
      {CallKind::recv, {EAGAIN, EINTR, ECONNRESET, ENOMEM, ETIMEDOUT, ECONNREFUSED}, true},
      {CallKind::send, {EAGAIN, EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, ETIMEDOUT}, true},
      {CallKind::sendmsg, {EAGAIN, EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM}, true},
      {CallKind::shutdown, {ENOTCONN, EINVAL}},
      {CallKind::close, {EINTR, EIO}},
      {CallKind::setsockopt, {EINVAL, ENOPROTOOPT, ENOMEM}},
      {CallKind::getsockopt, {EINVAL, ENOPROTOOPT}},
      {CallKind::ioctl, {EINVAL}},
      {CallKind::fcntl, {EMFILE, EINVAL}},
      {CallKind::epoll_ctl, {ENOMEM, ENOSPC}},
      {CallKind::epoll_wait, {EINTR}},
      {CallKind::poll, {EINTR, ENOMEM}},
      {CallKind::select, {EINTR, ENOMEM}},
      {CallKind::nanosleep, {EINTR}},
      {CallKind::fork, {EAGAIN, ENOMEM}},
      {CallKind::timerfd_settime, {EINVAL, ECANCELED}},
      {CallKind::timerfd_create, {EMFILE, ENFILE, ENOMEM, ENODEV}},
      {CallKind::io_uring_enter, {EINTR, EAGAIN, EBUSY}},
      {CallKind::request,
       {EAGAIN, EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, EMFILE, ECONNABORTED, ECANCELED},
       true},
  };
}

weir::Task<> echo(weir::Connection& peer) {
  while (weir::Chunk bytes = co_await peer.receive()) co_await peer.send(bytes);
}

class Faults : public unit::EveryModel {
 protected:
  /// Fails the n-th call, with n from 1 until there is no such call.
  void sweep(FaultTap& tap, const std::string& address, const Sweep& what, int error,
             std::size_t length) {
    const int most = support::full() ? 60 : 5;
    const std::string said = support::random_bytes(7, 20'000);
    for (int nth = 1; nth <= most; ++nth) {
      SCOPED_TRACE(std::string(name(what.kind)) + " no. " + std::to_string(nth) + ", error " +
                   std::to_string(error) + ", length " + std::to_string(length));
      tap.arm(what.kind, nth, error, length);
      faults::converse(address, said);
      const bool happened = tap.disarm();
      faults::expect_served(address, "the next one");
      if (HasFailure() || !happened) return;
    }
  }
};

TEST_P(Faults, No_failed_call_harms_anybody_but_its_own_connection) {
  const std::size_t before = faults::open_descriptors();
  std::uint64_t fired = 0;
  {
    FaultTap tap;
    unit::RunningServer server(echo, GetParam());
    // On the edge an EAGAIN or a part says that the kernel will tell when there is more. Where
    // there was more all the time it never does: that is no fault of a kernel, but another kernel.
    const bool told_once = GetParam() == weir::Model::epoll_et;
    if (told_once) std::printf("epoll-et: without EAGAIN and parts, which would be false\n");
    const std::size_t step = support::full() ? 9 : 999;
    for (const Sweep& what : sweeps()) {
      for (const int error : what.errors) {
        if (error == EAGAIN && told_once) continue;
        sweep(tap, server.address(), what, error, 0);
      }
      if (what.moves_bytes && !told_once) {
        for (std::size_t length = 1; length < 4096; length += step) {
          sweep(tap, server.address(), what, 0, length);
        }
      }
      if (HasFailure()) break;
    }
    EXPECT_NE(server.stop(), 1);
    fired = tap.fired();
    const weir::Statistics totals = server.server().statistics();
    EXPECT_EQ(totals.accepted, totals.closed);
    EXPECT_EQ(totals.lost, 0u) << "a child process has crashed";
  }
  EXPECT_EQ(faults::open_descriptors(), before);
  // More than 20,000 over all models.
  EXPECT_GT(fired, support::full() && GetParam() != weir::Model::epoll_et ? 2500u : 50u);
  RecordProperty("injections", std::to_string(fired));
  std::printf("%s: %llu calls failed, were shortened or interrupted\n",
              std::string(weir::name(GetParam())).c_str(),
              static_cast<unsigned long long>(fired));
}

std::vector<weir::Model> all_models() {
  std::vector<weir::Model> models;
  for (const weir::ModelInfo& info : weir::models()) models.push_back(info.model);
  return models;
}

INSTANTIATE_TEST_SUITE_P(Every_model, Faults, testing::ValuesIn(all_models()), unit::model_name);

}  // namespace
