// stream.cpp - what can be done with a connected stream, and what arrives at one.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/epoll.h"
#include "simulation/network.h"

namespace weir::simulated {
namespace {

using namespace kernel::event;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::uint32_t everything = readable | writable | peer_done | error | hung_up;

}  // namespace

int Network::call_error(Stream& stream, Fault fault) {
  if (!strikes(fault)) return 0;
  constexpr int receiving[] = {ECONNRESET, ETIMEDOUT, ENOBUFS, ENOMEM};
  constexpr int sending[] = {ECONNRESET, EPIPE, ETIMEDOUT, ENOBUFS, ENOMEM};
  const int error_number = fault == Fault::receive_error
                               ? receiving[prng_.below(std::size(receiving))]
                               : sending[prng_.below(std::size(sending))];
  // The connection is lost for good; the other end hears of it.
  send_reset(stream);
  stream.broken = true;
  stream.in->read = stream.in->arrived;
  stream.notify(everything);
  return error_number;
}

std::int64_t Network::receive(Stream& stream, void* data, std::size_t size) {
  if (stream.phase != Stream::State::open) return -ENOTCONN;
  Pipe& in = *stream.in;
  if (const std::size_t there = in.unread(); there > 0) {
    if (const int lost = call_error(stream, Fault::receive_error)) {
      trace_.add(now_, Entry::receive_failed, stream.name, static_cast<std::uint64_t>(lost));
      return -lost;
    }
    std::size_t count = std::min(size, there);
    // TCP gives what it has. Other sockets may stop at a mark.
    if (!stream.is_tcp && count > 1 && strikes(Fault::short_receive)) {
      count = 1 + prng_.below(count - 1);
    }
    std::memcpy(data, in.bytes.data() + (in.read - in.base), count);
    in.read += count;
    ++moved_;
    if (in.read == in.sent) {
      in.bytes.clear();
      in.base = in.read;
    }
    trace_.add(now_, Entry::received, stream.name, count);
    if (in.full && !in.room_announced && !stream.vanished) {
      in.room_announced = true;
      schedule(now_ + stream.latency, Arrival::room, *stream.peer);
    }
    return static_cast<std::int64_t>(count);
  }
  if (stream.error != 0) {
    trace_.add(now_, Entry::receive_failed, stream.name,
               static_cast<std::uint64_t>(stream.error));
    return -std::exchange(stream.error, 0);
  }
  if (stream.fin_arrived || stream.broken) {
    trace_.add(now_, Entry::received, stream.name, 0);
    return 0;
  }
  return -EAGAIN;
}

std::int64_t Network::send(Stream& stream, std::string_view bytes) {
  if (stream.phase != Stream::State::open) return -ENOTCONN;
  if (stream.error != 0) return -std::exchange(stream.error, 0);
  if (stream.fin_sent) note_misuse("a send after the FIN");
  if (stream.broken || stream.fin_sent) return -EPIPE;
  if (const int lost = call_error(stream, Fault::send_error)) {
    trace_.add(now_, Entry::send_failed, stream.name, static_cast<std::uint64_t>(lost));
    return -lost;
  }
  if (bytes.empty()) return 0;
  Pipe& out = *stream.out;
  std::size_t count = std::min(bytes.size(), out.room());
  if (count > 1 && strikes(Fault::short_send)) {
    count = 1 + prng_.below(count - 1);
    // For want of memory; there is room again soon, and then the sender is told.
    if (!out.room_announced) {
      out.room_announced = true;
      schedule(now_ + prng_.between(1'000, 1'000'000), Arrival::room, stream);
    }
  }
  if (count < bytes.size()) out.full = true;
  if (count == 0) return -EAGAIN;
  trace_.add(now_, Entry::sent, stream.name, count);
  if (stream.fin_arrived && faults_[Fault::half_close] > 0) {
    ++struck_[static_cast<std::size_t>(Fault::half_close)];
  }
  send_bytes(stream, bytes.substr(0, count));
  return static_cast<std::int64_t>(count);
}

void Network::take(Stream& stream, std::string_view bytes) {
  blame(stream, stream.in->delivery.take(bytes));
}

// Of a connection that was reset the end says nothing: after the error, which a send may have been
// told, a socket reads as one whose peer has finished.
void Network::take_end(Stream& stream) {
  ++stream.ends_taken;
  if (!stream.broken && breaking_strikes() == 0) blame(stream, stream.in->delivery.end());
}

void Network::blame(const Stream& stream, const std::string& wrong) {
  if (wrong.empty()) return;
  note_misuse(fmt::format("{} did not get what its peer gave: {}", stream.title(), wrong));
}

void Network::send_bytes(Stream& from, std::string_view bytes) {
  Pipe& out = *from.out;
  if (out.bytes.size() > 65536 && out.read - out.base > out.bytes.size() / 2) {
    out.bytes.erase(0, static_cast<std::size_t>(out.read - out.base));
    out.base = out.read;
  }
  out.bytes.append(bytes);
  if (from.vanished) return void(out.sent += bytes.size());
  if (strikes(Fault::vanish)) vanish(*from.peer);
  std::size_t left = bytes.size();
  const bool is_split = left > 1 && strikes(Fault::split);
  while (left > 0) {
    std::size_t piece = left;
    if (is_split && left > 1) piece = prng_.chance(0.3) ? 1 : 1 + prng_.below(left);
    if (is_split && bytes.size() > 1000)
      piece = std::max(piece, std::min(left, bytes.size() / 8));
    left -= piece;
    out.sent += piece;
    out.last_arrival = std::max(out.last_arrival, now_ + travel(from));
    if (strikes(Fault::reset)) {
      // Up to here it arrives; then the connection is no more.
      return break_off(from);
    }
    schedule(out.last_arrival, Arrival::bytes, *from.peer, out.sent);
  }
}

void Network::arrive(Stream& to, std::uint64_t upto) {
  if (to.vanished || to.broken) return;
  if (to.orphan) return send_reset(to);  // Nobody will read it (RFC 9293, 3.10.7.1).
  trace_.add(now_, Entry::arrived, to.name, upto - to.in->arrived);
  to.in->arrived = std::max(to.in->arrived, upto);
  to.notify(readable);
}

void Network::finish_sending(Stream& stream) {
  if (stream.fin_sent || stream.broken || stream.phase != Stream::State::open) return;
  stream.fin_sent = true;
  trace_.add(now_, Entry::fin_sent, stream.name);
  if (stream.vanished) return;
  stream.out->last_arrival = std::max(stream.out->last_arrival, now_ + travel(stream));
  schedule(stream.out->last_arrival, Arrival::fin, *stream.peer);
  if (stream.fin_arrived) stream.notify(hung_up);
}

void Network::send_reset(Stream& from) {
  if (from.vanished || from.peer->broken || from.peer->orphan) return;
  trace_.add(now_, Entry::reset_sent, from.name);
  schedule(std::max(from.out->last_arrival, now_ + from.latency), Arrival::reset, *from.peer);
}

void Network::reset_arrives(Stream& to, int error_number) {
  if (to.broken || to.orphan) return;
  if (to.phase == Stream::State::connecting) {
    to.phase = Stream::State::open;  // It was accepted first.
  }
  to.broken = true;
  to.error = error_number;
  trace_.add(now_, Entry::reset_arrived, to.name);
  // What has arrived and was not read yet may be lost with it (RFC 9293, 3.10.7.4).
  if (prng_.chance(0.5)) { to.in->read = to.in->arrived; }
  to.notify(everything);
}

void Network::break_off(Stream& stream) {
  send_reset(stream);
  send_reset(*stream.peer);
}

void Network::end_process(unsigned owner, const std::vector<int>& listeners) {
  for (const int listener : listeners) ++file(listener)->ghosts;
  for (const auto& link : links_) {
    for (Stream& end : link->ends) {
      if (end.owner == owner && end.references > 0 && end.phase == Stream::State::open) {
        break_off(end);
      }
    }
  }
}

// Nobody is told. An end that has something to send finds out when its retransmissions are
// given up; one that only waits, when the keep-alive is.
void Network::vanish(Stream& stream) {
  if (stream.vanished || stream.orphan || stream.broken) return;
  stream.vanished = true;
  trace_.add(now_, Entry::vanished, stream.name);
  schedule(now_ + prng_.between(900, 7200) * second, Arrival::give_up, *stream.peer);
  // It goes on by itself, cut off, and finds out in its turn.
  schedule(now_ + prng_.between(900, 7200) * second, Arrival::give_up, stream);
}

// Bytes that nobody has read make TCP send a reset instead of a FIN (RFC 2525, 2.17).
void Network::close_stream(Stream& stream) {
  stream.orphan = true;
  trace_.add(now_, Entry::closed, stream.name);
  if (stream.phase == Stream::State::connecting && stream.peer->phase == Stream::State::open) {
    return send_reset(stream);  // The other end has taken it for open.
  }
  if (stream.phase != Stream::State::open) return;
  const bool lost = stream.reset_on_close || stream.in->unread() > 0;
  if (stream.broken) return;
  if (lost) return send_reset(stream);
  finish_sending(stream);
}

}  // namespace weir::simulated
