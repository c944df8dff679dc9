// trace.cpp - records made into calls: which descriptor, who was asked about, who was reported.
#include <weir/trace.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>

#include "kernel/epoll.h"
#include "os/call_text.h"
#include "os/recorder.h"

namespace weir {
namespace {

using os::CallKind;
using os::CallRecord;

constexpr std::uint32_t receive_bits = kernel::event::readable | kernel::event::peer_done |
                                       kernel::event::error | kernel::event::hung_up |
                                       kernel::event::urgent;
constexpr std::uint32_t send_bits =
    kernel::event::writable | kernel::event::error | kernel::event::hung_up;
constexpr std::uint64_t accept_opcode = 13;  // IORING_OP_ACCEPT

/// What earlier calls say of later ones: an epoll object reports the number that it was given
/// with a descriptor, a ring the number that came with the request.
class Context {
 public:
  void learn(const CallRecord& record) {
    if (record.call.kind == CallKind::epoll_ctl && record.item_count > 0) {
      const auto epoll = static_cast<int>(record.call.arguments[0]);
      watched_[{record.process, epoll, record.items[0].data}] = record.call.fd();
    } else if (record.call.kind == CallKind::request) {
      requests_[{record.process, record.call.arguments[3]}] = {record.call.fd(),
                                                               record.call.arguments[1]};
    }
  }

  int watched(const CallRecord& record, std::uint64_t data) const {
    const auto epoll = static_cast<int>(record.call.arguments[0]);
    const auto found = watched_.find({record.process, epoll, data});
    return found == watched_.end() ? -1 : found->second;
  }

  struct Request {
    int fd = -1;
    std::uint64_t opcode = 0;
  };
  Request request(const CallRecord& record) const {
    const auto found = requests_.find({record.process, record.call.arguments[0]});
    return found == requests_.end() ? Request{} : found->second;
  }

 private:
  std::map<std::tuple<int, int, std::uint64_t>, int> watched_;
  std::map<std::tuple<int, std::uint64_t>, Request> requests_;
};

bool can_wait(const os::Call& call) noexcept {
  switch (call.kind) {
    case CallKind::epoll_wait:
    case CallKind::poll:
    case CallKind::select:
    case CallKind::nanosleep:
    case CallKind::io_uring_enter:
    case CallKind::accept4:
    case CallKind::recv:
    case CallKind::send:
    case CallKind::waitpid:
    case CallKind::pthread_join: return true;
    default: return false;
  }
}

void set_interests(const CallRecord& record, const Context& context, TracedCall& traced) {
  for (std::uint32_t i = 0; i < record.item_count; ++i) {
    const CallRecord::Item& item = record.items[i];
    const int fd = item.fd >= 0 ? item.fd : context.watched(record, item.data);
    const auto interest = [fd](std::uint32_t bits) {
      return TracedInterest{fd, (bits & receive_bits & ~kernel::event::peer_done) != 0,
                            (bits & send_bits) != 0};
    };
    if (item.wanted != 0) traced.asked.push_back(interest(item.wanted));
    if (item.happened != 0) {
      traced.told.push_back(
          {fd, (item.happened & receive_bits) != 0, (item.happened & send_bits) != 0});
    }
  }
}

// Of a call that has not returned, only what was written before it may be looked at.
TracedCall traced_call(const CallRecord& record, std::size_t order, const Context& context) {
  const bool returned = order != 0;
  TracedCall traced;
  const os::Call& call = record.call;
  traced.name = os::traced_name(call, call.arguments[1]);
  traced.process = record.process;
  traced.thread = record.thread;
  traced.begin = record.begin;
  traced.returned = returned;
  traced.order = order;
  traced.fd = call.fd();
  traced.can_wait = can_wait(call);
  if (returned) {
    traced.end = record.end;
    traced.result = call.result;
    traced.accepted = call.kind == CallKind::accept4 && call.result >= 0;
    set_interests(record, context, traced);
  }
  if (call.kind == CallKind::completion) {
    const Context::Request request = context.request(record);
    traced.fd = request.fd;
    traced.name = os::traced_name(call, request.opcode);
    traced.accepted = request.opcode == accept_opcode && call.result >= 0;
  }
  os::describe(record, traced);
  return traced;
}

}  // namespace

struct Trace::State {
  os::Recorder recorder;
};

Trace::Trace() : state_(std::make_unique<State>()) {}
Trace::~Trace() = default;

void Trace::spare_this_thread() noexcept { os::Recorder::spare_this_thread(); }
void Trace::stop() noexcept { state_->recorder.stop(); }
std::size_t Trace::returned() const noexcept { return state_->recorder.returned(); }
std::size_t Trace::lost() const noexcept { return state_->recorder.lost(); }

std::vector<TracedCall> Trace::calls(std::size_t after) const {
  constexpr std::uint32_t not_returned = ~0u;
  std::vector<std::pair<std::uint32_t, const CallRecord*>> order;
  for (const CallRecord& record : state_->recorder.records()) {
    const std::uint32_t returned = record.returned.load();
    if (returned != 0) order.emplace_back(returned, &record);
    else if (record.begun.load()) order.emplace_back(not_returned, &record);
  }
  std::ranges::sort(
      order);  // Those that have not returned by when they began, which is their place.
  Context context;
  std::vector<TracedCall> result;
  result.reserve(order.size() - std::min(order.size(), after));
  for (const auto& [place, record] : order) {
    context.learn(*record);
    if (place <= after) continue;
    result.push_back(traced_call(*record, place != not_returned ? place : 0, context));
  }
  return result;
}

}  // namespace weir
