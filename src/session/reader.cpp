#include <weir/reader.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <weir/misuse.h>

namespace weir {

std::string_view Reader::gathered() const noexcept {
  return std::string_view(gathered_).substr(read_);
}

// The next `count` bytes in one piece. Requires: they are there. Only what belongs to a message
// that was split is copied.
std::string_view Reader::front(std::size_t count) {
  const std::size_t have = gathered_.size() - read_;
  if (have == 0) return chunk_.text().substr(0, count);
  if (count > have) {
    gathered_.append(chunk_.text().substr(0, count - have));
    chunk_.remove_prefix(count - have);
  }
  return gathered().substr(0, count);
}

std::string_view Reader::take(std::size_t count) {
  pending_ = count;
  return front(count);
}

// Drops what the last call handed out, which lies in one place. The views of that call end here.
void Reader::drop_pending() noexcept {
  if (read_ == gathered_.size()) {
    chunk_.remove_prefix(pending_);
  } else {
    read_ += pending_;
  }
  pending_ = 0;
  if (read_ == gathered_.size()) {
    gathered_.clear();
    read_ = 0;
  }
  if (chunk_.empty()) chunk_ = Chunk();  // Gives the buffer back while we wait.
}

// Receives behind what is there.
Task<bool> Reader::fill() {
  Chunk chunk = co_await connection_.receive();
  if (!chunk) co_return false;
  if (read_ > gathered_.size() / 2) {
    gathered_.erase(0, read_);
    read_ = 0;
  }
  gathered_.append(chunk_.text());
  chunk_ = std::move(chunk);
  co_return true;
}

// Where `delimiter` begins, from byte `from` on: in what is gathered, across its end, or in the
// chunk.
std::size_t Reader::find(std::string_view delimiter, std::size_t from) const noexcept {
  const std::string_view first = gathered(), second = chunk_.text();
  if (const std::size_t at = first.find(delimiter, from); at != std::string_view::npos) return at;
  const std::size_t longest = delimiter.size() - 1;
  for (std::size_t at = std::max(from, first.size() - std::min(first.size(), longest));
       at < first.size(); ++at) {
    const std::string_view head = first.substr(at);
    if (delimiter.starts_with(head) && second.starts_with(delimiter.substr(head.size()))) {
      return at;
    }
  }
  const std::size_t at = second.find(delimiter, from - std::min(from, first.size()));
  return at == std::string_view::npos ? at : first.size() + at;
}

namespace {

[[noreturn]] void throw_cut_short() {
  throw IoError(EPROTO, "the peer finished in the middle of a message");
}

}  // namespace

Task<std::optional<std::string_view>> Reader::exactly(std::size_t count) {
  drop_pending();
  while (buffered() < count) {
    const bool more = co_await fill();
    if (more) continue;
    if (buffered() == 0) co_return std::nullopt;
    throw_cut_short();
  }
  co_return take(count);
}

Task<std::optional<std::string_view>> Reader::until(std::string_view delimiter,
                                                    std::size_t limit) {
  if (delimiter.empty()) detail::misuse("until() was given an empty delimiter", "Reader::until");
  drop_pending();
  std::size_t searched = 0;
  for (;;) {
    const std::size_t found = find(delimiter, searched);
    const std::size_t length = found == std::string_view::npos ? buffered() : found;
    // Unfinished, up to a delimiter's beginning may already be there beyond the limit.
    const std::size_t slack = found == std::string_view::npos ? delimiter.size() - 1 : 0;
    if (length > limit + slack) throw IoError(EMSGSIZE, "no delimiter within the limit");
    if (found != std::string_view::npos) {
      const std::string_view message = take(found + delimiter.size());
      co_return message.substr(0, found);
    }
    searched = length < delimiter.size() ? 0 : length - delimiter.size() + 1;
    const bool more = co_await fill();
    if (more) continue;
    if (buffered() == 0) co_return std::nullopt;
    throw_cut_short();
  }
}

Task<std::string_view> Reader::peek(std::size_t count) {
  drop_pending();
  for (bool more = true; more && buffered() < count;) { more = co_await fill(); }
  co_return front(std::min(count, buffered()));
}

Task<std::string_view> Reader::some(std::size_t most) {
  if (most == 0) detail::misuse("some() was asked for no bytes", "Reader::some");
  drop_pending();
  if (buffered() == 0) co_await fill();
  const std::size_t ready = gathered_.size() - read_;
  co_return take(std::min(most, ready != 0 ? ready : chunk_.size()));
}

Task<> Reader::skip(std::size_t count) {
  while (count > 0) {
    const std::string_view part = co_await some(count);
    if (part.empty()) throw_cut_short();
    count -= part.size();
  }
}

Task<std::string> Reader::rest(std::size_t limit) {
  drop_pending();
  std::string all(gathered());
  all.append(chunk_.text());
  gathered_.clear();
  read_ = 0;
  chunk_ = Chunk();
  for (;;) {
    if (all.size() > limit) throw IoError(EMSGSIZE, "the rest of the stream exceeds the limit");
    const Chunk chunk = co_await connection_.receive();
    if (!chunk) co_return all;
    all.append(chunk.text());
  }
}

}  // namespace weir
