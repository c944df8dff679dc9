// channel.cpp - the part of a channel that knows nothing of its messages.
#include <weir/channel.h>

#include <cerrno>
#include <mutex>

#include <weir/misuse.h>

#include "base/list.h"
#include "base/process_epoch.h"
#include "session/worker.h"

namespace weir::detail {

struct ChannelCore::State {
  std::mutex mutex;
  base::List<ChannelWait> receivers;
  base::List<ChannelWait> senders;
  unsigned process = base::process_epoch();
};

ChannelCore::ChannelCore() : state_(new State) {}
// What another process waits for is its own, and so is the lock that it held at the fork.
ChannelCore::~ChannelCore() {
  if (state_->process == base::process_epoch()) {
    const std::lock_guard lock(state_->mutex);
    if (!state_->receivers.empty() || !state_->senders.empty())
      misuse("a Channel was destroyed at which somebody waits", "Channel");
  }
  delete state_;
}

void ChannelCore::lock() {
  if (state_->process != base::process_epoch()) throw_channel_error(ENOTSUP);
  state_->mutex.lock();
}
void ChannelCore::unlock() noexcept { state_->mutex.unlock(); }

void ChannelCore::wait_to_receive(ChannelWait& wait) noexcept {
  wait.worker = &Worker::current();
  wait.worker->expect_post();
  wait.state = Operation::State::parked;
  state_->receivers.push_back(wait);
}

void ChannelCore::wait_to_send(ChannelWait& wait) noexcept {
  wait.worker = &Worker::current();
  wait.worker->expect_post();
  wait.state = Operation::State::parked;
  state_->senders.push_back(wait);
}

ChannelWait* ChannelCore::first_receiver() noexcept {
  return state_->receivers.empty() ? nullptr : &state_->receivers.front();
}
ChannelWait* ChannelCore::first_sender() noexcept {
  return state_->senders.empty() ? nullptr : &state_->senders.front();
}

void ChannelCore::complete(ChannelWait& wait, int result) noexcept {
  wait.unlink();
  wait.result = result;
  wait.state = Operation::State::ended;
  wait.worker->post(wait);
}

void ChannelCore::cancel(ChannelWait& wait) noexcept {
  std::lock_guard lock(state_->mutex);
  if (wait.state != Operation::State::parked) return;  // It was given its message first.
  complete(wait, -ECANCELED);
}

void ChannelWait::cancel() noexcept { channel_.cancel(*this); }

void throw_channel_error(int error_number) {
  if (error_number == ENOTSUP) {
    throw IoError(error_number,
                  "a channel works within one process, and this connection is served by another "
                  "one than made it (model fork, or process workers)");
  }
  throw IoError(error_number, error_number == EPIPE ? "the channel is closed" : "channel");
}

}  // namespace weir::detail
