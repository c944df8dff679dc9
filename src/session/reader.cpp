#include <weir/reader.h>

#include <cerrno>

#include "base/assert.h"

namespace weir {

std::string_view Reader::view() const noexcept {
  const std::string_view all =
      gathered_.empty() ? chunk_.text() : std::string_view(gathered_).substr(read_);
  return all.substr(pending_);
}

std::string_view Reader::take(std::size_t count) noexcept {
  const std::string_view taken = view().substr(0, count);
  pending_ += count;
  return taken;
}

// Drops what the last call handed out. The views of that call end here.
void Reader::drop_pending() noexcept {
  if (gathered_.empty()) {
    chunk_.remove_prefix(pending_);
    if (chunk_.empty()) chunk_ = Chunk();  // Gives the buffer back while we wait.
  } else {
    read_ += pending_;
    if (read_ == gathered_.size()) {
      gathered_.clear();
      read_ = 0;
    }
  }
  pending_ = 0;
}

// Receives behind what is there. What is there and the new chunk become one piece of memory only
// if there is something: a message that lies whole in one chunk is never copied.
Task<bool> Reader::fill() {
  Chunk chunk = co_await connection_.receive();
  if (!chunk) co_return false;
  if (gathered_.empty() && chunk_.empty()) {
    chunk_ = std::move(chunk);
    co_return true;
  }
  if (gathered_.empty()) {
    gathered_.assign(chunk_.text());
    chunk_ = Chunk();
  } else if (read_ > gathered_.size() / 2) {
    gathered_.erase(0, read_);
    read_ = 0;
  }
  gathered_.append(chunk.text());
  co_return true;
}

namespace {

[[noreturn]] void throw_cut_short() {
  throw IoError(EPROTO, "the peer finished in the middle of a message");
}

}  // namespace

Task<std::optional<std::string_view>> Reader::exactly(std::size_t count) {
  drop_pending();
  while (view().size() < count) {
    const bool more = co_await fill();
    if (more) continue;
    if (view().empty()) co_return std::nullopt;
    throw_cut_short();
  }
  co_return take(count);
}

Task<std::optional<std::string_view>> Reader::until(std::string_view delimiter,
                                                    std::size_t limit) {
  ASSERT(!delimiter.empty());
  drop_pending();
  std::size_t searched = 0;
  for (;;) {
    const std::string_view all = view();
    const std::size_t found = all.find(delimiter, searched);
    const std::size_t length = found == std::string_view::npos ? all.size() : found;
    // Unfinished, up to a delimiter's beginning may already be there beyond the limit.
    const std::size_t slack = found == std::string_view::npos ? delimiter.size() - 1 : 0;
    if (length > limit + slack) throw IoError(EMSGSIZE, "no delimiter within the limit");
    if (found != std::string_view::npos) {
      const std::string_view message = take(found + delimiter.size());
      co_return message.substr(0, found);
    }
    searched = all.size() < delimiter.size() ? 0 : all.size() - delimiter.size() + 1;
    const bool more = co_await fill();
    if (more) continue;
    if (view().empty()) co_return std::nullopt;
    throw_cut_short();
  }
}

Task<std::string_view> Reader::peek(std::size_t count) {
  drop_pending();
  for (bool more = true; more && view().size() < count;) { more = co_await fill(); }
  co_return view().substr(0, count);
}

Task<std::string_view> Reader::some() {
  drop_pending();
  if (view().empty()) co_await fill();
  co_return take(view().size());
}

Task<std::string> Reader::rest(std::size_t limit) {
  drop_pending();
  std::string all(view());
  take(view().size());
  drop_pending();
  for (;;) {
    if (all.size() > limit) throw IoError(EMSGSIZE, "the rest of the stream exceeds the limit");
    const Chunk chunk = co_await connection_.receive();
    if (!chunk) co_return all;
    all.append(chunk.text());
  }
}

}  // namespace weir
