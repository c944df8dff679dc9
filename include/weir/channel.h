// channel.h - a bounded queue of messages between connections.
//
//     weir::Channel<std::string> inbox(64);
//     auto [bytes, message] = co_await weir::when_any(peer.receive(), inbox.receive());
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include <weir/error.h>
#include <weir/operation.h>
#include <weir/task.h>

namespace weir {

namespace detail {

/// One end that waits at a channel: its place in the queue, and the worker to resume it on.
class ChannelWait : public CoroutineOperation {
 public:
  explicit ChannelWait(class ChannelCore& channel) noexcept
      : CoroutineOperation(Kind::event), channel_(channel) {}
  void cancel() noexcept override;
  void completed() noexcept override { completed_elsewhere(); }

  Worker* worker = nullptr;

 protected:
  ~ChannelWait() = default;

  ChannelCore& channel_;
};

/// Lock, queues and wake-ups of a channel; knows nothing of the messages.
class ChannelCore {
 public:
  ChannelCore();
  ~ChannelCore();
  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;

  /// Throws IoError when this process is not the one that made the channel.
  void lock();
  void unlock() noexcept;

  // All of these: with the lock held.
  void wait_to_receive(ChannelWait& wait) noexcept;
  void wait_to_send(ChannelWait& wait) noexcept;
  ChannelWait* first_receiver() noexcept;  // It stays in the queue; nullptr when none.
  ChannelWait* first_sender() noexcept;
  /// Takes it out of its queue and lets it go on, on its own worker, with `result`. Not to be
  /// touched afterwards.
  void complete(ChannelWait& wait, int result) noexcept;

  void cancel(ChannelWait& wait) noexcept;

  bool closed = false;

 private:
  struct State;
  State* state_;
};

class ChannelLock {
 public:
  explicit ChannelLock(ChannelCore& core) : core_(core) { core_.lock(); }
  ~ChannelLock() { core_.unlock(); }
  ChannelLock(const ChannelLock&) = delete;
  ChannelLock& operator=(const ChannelLock&) = delete;

 private:
  ChannelCore& core_;
};

[[noreturn]] void throw_channel_error(int error_number);

}  // namespace detail

/// A queue that holds at most `capacity` messages, first in, first out, with any number of
/// senders and receivers, on the same worker or on different threads of one process.
///
/// It must outlive whoever uses it: to destroy it while somebody waits at it ends the process. Who
/// has got the last message may destroy it at once, also while its sender is still in send().
///
/// Where the model or the workers are processes (fork, WorkerKind::process) there is no shared
/// memory: whatever is done with a channel that another process made, try_send() and close() too,
/// throws IoError(not_supported) and says so. The connections of one worker process share those
/// that it has made itself. On fork that is one connection: a channel that a handler makes there
/// reaches its own tasks and nobody else, without an error.
///
/// A receiver that does not keep up fills its channel, and send() waits for it. To drop somebody
/// else's slow subscriber, bound the send by within() and tell his own handler, by a second channel
/// that it also waits at, to reset() his connection: examples/chat.cpp.
///
/// All functions may be called from any thread; the awaits, from handlers and run() only.
template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}

  class SendAwaiter;
  class ReceiveAwaiter;
  class [[nodiscard("send() does nothing until it is awaited")]] Send {
   public:
    Send(Channel& channel, T value) : channel_(channel), value_(std::move(value)) {}
    SendAwaiter operator co_await() && { return SendAwaiter(channel_, std::move(value_)); }

   private:
    Channel& channel_;
    T value_;
  };
  class [[nodiscard("receive() does nothing until it is awaited")]] Receive {
   public:
    explicit Receive(Channel& channel) noexcept : channel_(channel) {}
    ReceiveAwaiter operator co_await() const noexcept { return ReceiveAwaiter(channel_); }

   private:
    Channel& channel_;
  };

  /// Queues a message; waits while the channel is full.
  /// Throws IoError(broken_pipe) when the channel is closed.
  Send send(T value) { return Send(*this, std::move(value)); }

  /// Yields the oldest message, or nothing when the channel is closed and empty. Waits while
  /// it is empty and open. A message that was taken is never lost to a cancellation.
  Receive receive() noexcept { return Receive(*this); }

  /// Queues a message if there is room; false when there is none or the channel is closed: then
  /// `value` is as it was. For those who would rather drop than wait.
  [[nodiscard]] bool try_send(T&& value) {
    detail::ChannelLock lock(core_);
    return !core_.closed && offer(value);
  }
  [[nodiscard]] bool try_send(const T& value)
    requires std::copy_constructible<T>
  {
    return try_send(T(value));
  }

  /// No further messages: waiting senders fail, receivers get what is queued, then nothing.
  void close() {
    detail::ChannelLock lock(core_);
    core_.closed = true;
    while (auto* waiting = core_.first_receiver()) core_.complete(*waiting, 0);
    while (auto* waiting = core_.first_sender()) core_.complete(*waiting, -broken_pipe());
  }

  std::size_t capacity() const noexcept { return capacity_; }

  class SendAwaiter final : public detail::ChannelWait {
   public:
    SendAwaiter(Channel& channel, T value)
        : ChannelWait(channel.core_), channel_(channel), value_(std::move(value)) {}
    bool await_ready() {
      detail::ChannelLock lock(channel_.core_);
      if (channel_.core_.closed) this->result = -broken_pipe();
      return channel_.core_.closed || channel_.offer(value_);
    }
    template <detail::HasScope P>
    bool await_suspend(std::coroutine_handle<P> awaiting) {
      {
        detail::ChannelLock lock(channel_.core_);
        // Between await_ready() and here another thread may have made room.
        if (channel_.core_.closed) this->result = -broken_pipe();
        if (channel_.core_.closed || channel_.offer(value_)) return false;
        channel_.core_.wait_to_send(*this);
      }
      this->suspend(awaiting);
      return true;
    }
    void await_resume() {
      if (this->result < 0) detail::throw_channel_error(-this->result);
    }

   private:
    friend Channel;
    Channel& channel_;
    T value_;
  };

  class ReceiveAwaiter final : public detail::ChannelWait {
   public:
    explicit ReceiveAwaiter(Channel& channel) noexcept
        : ChannelWait(channel.core_), channel_(channel) {}
    unsigned awaits(const detail::Suspension& /*own*/) const noexcept override {
      return detail::awaits_others;
    }
    bool await_ready() {
      detail::ChannelLock lock(channel_.core_);
      return channel_.take(value_) || channel_.core_.closed;
    }
    template <detail::HasScope P>
    bool await_suspend(std::coroutine_handle<P> awaiting) {
      {
        detail::ChannelLock lock(channel_.core_);
        if (channel_.take(value_) || channel_.core_.closed) return false;
        channel_.core_.wait_to_receive(*this);
      }
      this->suspend(awaiting);
      return true;
    }
    std::optional<T> await_resume() {
      if (this->result < 0 && !value_) detail::throw_channel_error(-this->result);
      return std::move(value_);
    }

   private:
    friend Channel;
    Channel& channel_;
    std::optional<T> value_;
  };

 private:
  static int broken_pipe() noexcept { return static_cast<int>(std::errc::broken_pipe); }

  // Memory may run out in these two, and the user's move may throw: then whoever waits still
  // waits, and the one who called gets the exception.

  // With the lock held. Hands the value to a waiting receiver, else queues it if there is room.
  bool offer(T& value) {
    if (auto* waiting = static_cast<ReceiveAwaiter*>(core_.first_receiver())) {
      waiting->value_.emplace(std::move(value));
      core_.complete(*waiting, 0);
      return true;
    }
    if (queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(value));
    return true;
  }

  // With the lock held. Takes the oldest message and lets a waiting sender fill the gap.
  bool take(std::optional<T>& value) {
    if (queue_.empty()) return false;
    auto* waiting = static_cast<SendAwaiter*>(core_.first_sender());
    if (waiting != nullptr && queue_.size() <= capacity_) {  // More: the last call failed below.
      queue_.push_back(std::move(waiting->value_));
      core_.complete(*waiting, 0);
    }
    value.emplace(std::move(queue_.front()));
    queue_.pop_front();
    return true;
  }

  std::size_t capacity_;
  std::deque<T> queue_;
  // The first to go: a receiver may destroy the channel while the sender who completed him on
  // another thread still holds its lock.
  detail::ChannelCore core_;
};

}  // namespace weir
