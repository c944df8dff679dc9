#include "os/ring_features.h"

#include <liburing.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "os/fd.h"
#include "os/listening.h"
#include "os/ring.h"
#include "os/socket.h"
#include "os/tap.h"

namespace weir::os {
namespace {

// Whether a ring with these flags can be set up.
int set_up(unsigned flags) noexcept {
  io_uring ring;
  io_uring_params params{};
  params.flags = flags;
  const auto attempt = [&](unsigned entries, unsigned /*flags*/) {
    const int error = io_uring_queue_init_params(entries, &ring, &params);
    errno = -error;
    return error == 0 ? 0 : -1;
  };
  if (system_call(CallKind::io_uring_setup, attempt, 4u, flags) != 0) return -errno;
  io_uring_queue_exit(&ring);
  return 0;
}

bool has_operations() noexcept {
  const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(io_uring_get_probe(),
                                                                         io_uring_free_probe);
  if (probe == nullptr) return false;
  constexpr std::array needed{IORING_OP_ACCEPT, IORING_OP_RECV,         IORING_OP_SEND,
                              IORING_OP_CLOSE,  IORING_OP_ASYNC_CANCEL, IORING_OP_POLL_ADD,
                              IORING_OP_SENDMSG};
  for (const int operation : needed) {
    if (io_uring_opcode_supported(probe.get(), operation) == 0) return false;
  }
  return true;
}

/// A listener on loopback, a client, and a ring that serves it: the real thing in small.
class Rehearsal {
 public:
  Rehearsal() : ring_({8, 16, 4, 4096}) {
    const char* step = "";
    Endpoint any = Endpoint::parse("127.0.0.1:0");
    listener_ = Fd(listen_on(any, {}, step));
    if (!listener_) return;
    any = local_endpoint(listener_.get());
    client_ = Fd(socket_for(any, Mode::nonblocking));
    if (client_) connect(client_.get(), any);
  }

  int accept() noexcept {
    if (!listener_ || !client_) return -EMFILE;
    ring_.accept_multishot(listener_.get(), 1);
    const kernel::Ring::Completion completion = turn();
    if (completion.result < 0) return completion.result;
    served_ = Fd(completion.result);
    return completion.more ? 0 : -EINVAL;
  }

  int receive() noexcept {
    if (!served_) return -EINVAL;
    send_blocking(client_.get(), "weir", 4);
    ring_.receive_multishot(served_.get(), 2);
    const kernel::Ring::Completion completion = turn();
    if (completion.result < 0) return completion.result;
    return completion.more && completion.has_buffer ? 0 : -EINVAL;
  }

 private:
  kernel::Ring::Completion turn() noexcept {
    constexpr std::int64_t patience = 200'000'000;
    std::array<kernel::Ring::Completion, 1> completions{};
    ring_.submit_and_wait(1, patience);
    if (ring_.reap(completions) == 0) completions[0].result = -ETIMEDOUT;
    return completions[0];
  }

  Ring ring_;
  Fd listener_, client_, served_;
};

}  // namespace

std::vector<RingFeature> ring_features() {
  RingFeature ring{"io_uring_setup", "5.1", "a ring at all"};
  RingFeature operations{"operations", "5.6", "accept, recv, send, close, poll, cancel"};
  RingFeature issuer{"SINGLE_ISSUER", "6.0", "the kernel spares locks"};
  RingFeature deferred{"DEFER_TASKRUN", "6.1", "completions are worked off when we wait"};
  RingFeature buffers{"provided buffer ring", "5.19", "an idle connection holds no buffer"};
  RingFeature accept{"multishot accept", "5.19", "one request for all connections"};
  RingFeature receive{"multishot receive", "6.0", "one request for all that a client sends"};

  ring.error = set_up(0);
  operations.error = ring.error != 0 ? ring.error : has_operations() ? 0 : -EINVAL;
  issuer.error = set_up(IORING_SETUP_SINGLE_ISSUER);
  deferred.error = set_up(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  buffers.error = deferred.error != 0 ? deferred.error : Ring::probe();
  accept.error = receive.error = buffers.error;
  if (buffers.error == 0) {
    try {
      Rehearsal rehearsal;
      accept.error = rehearsal.accept();
      receive.error = accept.error != 0 ? accept.error : rehearsal.receive();
    } catch (const std::system_error& error) {
      accept.error = receive.error = -error.code().value();
    }
  }
  return {ring, operations, issuer, deferred, buffers, accept, receive};
}

}  // namespace weir::os
