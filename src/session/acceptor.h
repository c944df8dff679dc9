// acceptor.h - accepts from one listener, as long as the worker wants more.
#pragma once

#include <weir/operation.h>

#include "engine/socket.h"

namespace weir::detail {

class Worker;

class Acceptor final : public Operation, private Socket {
 public:
  /// Does not own the listening descriptor's number, but closes it with its socket.
  Acceptor(Worker& worker, int listener);
  ~Acceptor();

  /// Accepts from now on, or again; no effect while it does.
  void resume() noexcept;
  /// Somebody may wait in the backlog of whom nobody was told.
  void look_again() noexcept;
  /// Accepts no more for now; what the kernel has accepted for us already is kept.
  void pause() noexcept;
  /// For good: serves what the kernel has accepted for us, and closes the listener.
  void stop() noexcept;

  void completed() noexcept override;
  /// Whoever destroys the acceptor awaits its end first.
  Operation& timer() noexcept { return rest_; }

 private:
  /// Out of descriptors or memory: tried again when a connection closes or this timer fires, so
  /// that the loop does not spin on a listener that stays readable. Each rest in vain is followed
  /// by a longer one.
  struct Rest final : Operation {
    explicit Rest(Acceptor& whose) noexcept : Operation(Kind::wait), acceptor(whose) {}
    void completed() noexcept override {
      if (acceptor.wanted_) acceptor.resume();  // Paused meanwhile: it rests on.
    }
    Acceptor& acceptor;
  };

  void closed() noexcept override;
  bool goes_on() const noexcept { return stopped_ ? winding_up_ : wanted_; }
  bool take_result() noexcept;
  void rest(int error) noexcept;

  Worker& worker_;
  Rest rest_;
  std::int64_t rest_ns_;  // The next one; grows while it is in vain.
  bool wanted_ = false;
  bool taking_ = false;
  bool called_off_ = false;  // By a pause: its result has not come yet.
  bool stopped_ = false;
  bool winding_up_ = false;  // Stopped, and the engine has not told yet that nobody is left.
};

}  // namespace weir::detail
