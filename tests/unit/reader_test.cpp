// reader_test.cpp - messages out of a stream, however it was cut into pieces.
#include <weir/reader.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <weir/server.h>
#include "tests/support/client.h"
#include "tests/support/random.h"
#include "tests/unit/every_model.h"
#include "tests/unit/running_server.h"

namespace unit {
namespace {

using support::Client;
using weir::Connection;
using weir::Reader;
using weir::Task;

/// Sends `pieces`, each so that it arrives alone, finishes, and returns the answer.
std::string answer_to(const RunningServer& server, const std::vector<std::string>& pieces) {
  Client client(server.address());
  for (const std::string& piece : pieces) {
    client.send(piece);
    client.wait_until_delivered();
  }
  client.finish();
  return client.receive_to_end();
}

/// The name of the error that ends `attempt`.
Task<std::string> error_of(Task<> attempt) {
  try {
    co_await std::move(attempt);
  } catch (const weir::IoError& error) {
    if (error.code() == std::errc::message_size) co_return "message_size";
    if (error.code() == std::errc::protocol_error) co_return "protocol_error";
    co_return error.what();
  }
  co_return "none";
}

Task<> read_lines(Connection& peer, std::string delimiter, std::size_t limit, std::string& into) {
  Reader reader(peer);
  while (const auto line = co_await reader.until(delimiter, limit)) into.append(*line) += '|';
}

/// A server that reads lines and answers with them, and with the error that ended it.
auto line_server(std::string delimiter, std::size_t limit) {
  return [delimiter, limit](Connection& peer) -> Task<> {
    std::string lines;
    const std::string error = co_await error_of(read_lines(peer, delimiter, limit, lines));
    co_await peer.send(lines, error);
  };
}

class Lines : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Lines, testing::ValuesIn(different_models()), model_name);

TEST_P(Lines, Are_found_in_one_piece_and_in_many) {
  const RunningServer server(line_server("\r\n", 100), GetParam());
  EXPECT_EQ(answer_to(server, {"one\r\ntwo\r\n\r\nthree\r\n"}), "one|two||three|none");
  EXPECT_EQ(answer_to(server, {"on", "e\r\ntw", "o\r", "\n\r", "\nthr", "ee\r\n"}),
            "one|two||three|none");
}

TEST_P(Lines, Are_not_ended_by_half_a_delimiter) {
  const RunningServer server(line_server("\r\n", 100), GetParam());
  EXPECT_EQ(answer_to(server, {"a\rb\nc\r", "\r\n"}), "a\rb\nc\r|none");
  const RunningServer aab(line_server("aab", 100), GetParam());
  EXPECT_EQ(answer_to(aab, {"xa", "a", "aab"}), "xaa|none");
}

TEST_P(Lines, May_be_as_long_as_the_limit_and_no_longer) {
  const RunningServer server(line_server("\n", 5), GetParam());
  EXPECT_EQ(answer_to(server, {"12345\n"}), "12345|none");
  EXPECT_EQ(answer_to(server, {"123", "45", "\n"}), "12345|none");
  EXPECT_EQ(answer_to(server, {"1\n123456\n"}), "1|message_size");
  EXPECT_EQ(answer_to(server, {"123", "456"}), "message_size");
}

TEST_P(Lines, Must_not_end_in_the_middle) {
  const RunningServer server(line_server("\n", 100), GetParam());
  EXPECT_EQ(answer_to(server, {}), "none");
  EXPECT_EQ(answer_to(server, {"one\nhal"}), "one|protocol_error");
}

TEST(Reader, Reads_long_lines_that_span_many_chunks) {
  const RunningServer server(line_server("\n", 1'000'000));
  const std::string line(700'000, 'x');
  EXPECT_TRUE(answer_to(server, {line + "\n" + line + "\n"}) == line + "|" + line + "|none");
}

Task<> read_exactly(Connection& peer, std::string& into) {
  Reader reader(peer);
  for (const std::size_t count : {3U, 1U, 5U}) {
    const auto bytes = co_await reader.exactly(count);
    if (!bytes) into += "end|";
    else into.append(*bytes) += '|';
  }
}

TEST(Reader, Reads_exactly_as_many_bytes_as_it_should) {
  const RunningServer server([](Connection& peer) -> Task<> {
    std::string parts;
    const std::string error = co_await error_of(read_exactly(peer, parts));
    co_await peer.send(parts, error);
  });
  EXPECT_EQ(answer_to(server, {"abcdefghi"}), "abc|d|efghi|none");
  EXPECT_EQ(answer_to(server, {"a", "b", "cde", "f", "ghi", "more"}), "abc|d|efghi|none");
  EXPECT_EQ(answer_to(server, {"abcd"}), "abc|d|end|none");
  EXPECT_EQ(answer_to(server, {"abcdef"}), "abc|d|protocol_error");
}

TEST(Reader, Takes_messages_with_a_length_before_each) {
  const RunningServer server([](Connection& peer) -> Task<> {
    Reader reader(peer);
    std::string sizes;
    while (const auto head = co_await reader.exactly(2)) {
      const auto high = static_cast<unsigned char>((*head)[0]);
      const auto low = static_cast<unsigned char>((*head)[1]);
      const std::size_t length = high * 256U + low;
      const auto body = co_await reader.exactly(length);
      sizes += std::to_string(body->size()) + ",";
    }
    co_await peer.send(sizes);
  });
  support::Random random(1);
  std::string stream;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::size_t length = random.between(1, 3000);
    stream += static_cast<char>(length / 256);
    stream += static_cast<char>(length % 256);
    stream += std::string(length, 'x');
    expected += std::to_string(length) + ",";
  }
  EXPECT_EQ(answer_to(server, {stream}), expected);
}

TEST(Reader, Peeks_without_taking) {
  const RunningServer server([](Connection& peer) -> Task<> {
    Reader reader(peer);
    const std::string first(co_await reader.peek(4));
    const std::string again(co_await reader.peek(2));
    const auto taken = co_await reader.exactly(3);
    const std::string three(*taken);
    const std::string last(co_await reader.peek(100));
    co_await peer.send(first, "|", again, "|", three, "|", last);
  });
  EXPECT_EQ(answer_to(server, {"abcdefg"}), "abcd|ab|abc|defg");
  EXPECT_EQ(answer_to(server, {"a", "bc", "defg"}), "abcd|ab|abc|defg");
}

TEST(Reader, Reads_what_is_there_and_then_the_rest) {
  const RunningServer server([](Connection& peer) -> Task<> {
    Reader reader(peer);
    const auto line = co_await reader.until("\n", 100);
    std::string answer(*line);
    const std::string_view some = co_await reader.some();
    answer += some.empty() ? "|nothing|" : "|something|";
    const std::size_t left = reader.buffered() > 0 ? 0 : some.size();
    const std::string rest = co_await reader.rest(1'000'000);
    answer += std::to_string(left + rest.size());
    co_await peer.send(answer);
  });
  EXPECT_EQ(answer_to(server, {"head\n" + std::string(500'000, 'x')}), "head|something|500000");
  EXPECT_EQ(answer_to(server, {"head\n"}), "head|nothing|0");
}

// Once a message was split, everything behind it was copied, too, for as long as the stream never
// paused between two messages.
TEST(Reader, Copies_nothing_of_a_message_that_lies_whole_behind_a_split_one) {
  const RunningServer server([](Connection& peer) -> Task<> {
    Reader reader(peer);
    const auto split = co_await reader.until("\n", 100);
    const std::string first(*split);
    const auto whole = co_await reader.until("\n", 100);
    const char* const place = whole->data();
    const std::string second(*whole);
    const std::string_view next = co_await reader.peek(2);
    // In the chunk they are neighbours; a copy of the one would end where the other does not begin.
    const bool neighbours = next.data() == place + second.size() + 1;
    const std::string third(next);
    co_await peer.send(first, "|", second, "|", third, neighbours ? "|in place" : "|copied");
  });
  EXPECT_EQ(answer_to(server, {"spl", "it\nwhole\nne", "xt"}), "split|whole|ne|in place");
}

// Whatever the pieces and the calls, what is read is the stream.
TEST(Reader, Reads_the_stream_by_any_mixture_of_calls) {
  const auto mix = [](Reader& reader, std::uint64_t seed, std::string& into) -> Task<> {
    support::Random random(seed);
    for (bool more = true; more;) {
      std::string_view got;
      const std::size_t count = random.between(1, 9);
      const std::string ahead(co_await reader.peek(random.between(0, 12)));
      const std::size_t call = random.between(0, 3);
      if (call == 0) {
        got = co_await reader.some(random.between(1, 5));
      } else if (call == 1 && ahead.size() >= count) {
        const auto bytes = co_await reader.exactly(count);
        got = *bytes;
      } else {
        bool cut = false;
        try {
          const auto line = co_await reader.until("ab", 1000);
          if (line) into.append(*line) += "ab";
          more = line.has_value();
        } catch (const weir::IoError&) { cut = true; }  // No "ab" is left; the bytes still are.
        if (!cut) continue;
        got = co_await reader.some();
      }
      if (!got.starts_with(std::string_view(ahead).substr(0, got.size()))) into += "<not peeked>";
      into.append(got);
      more = !got.empty();
    }
  };
  const RunningServer server([mix](Connection& peer) -> Task<> {
    Reader reader(peer);
    const auto seed = co_await reader.exactly(4);
    const std::string digits(*seed);
    std::string all;
    co_await mix(reader, std::stoull(digits), all);
    co_await peer.send(all);
  });
  for (int seed = 1000; seed < 1050; ++seed) {
    support::Random random(static_cast<std::uint64_t>(seed));
    std::string stream;
    std::vector<std::string> pieces{std::to_string(seed)};
    for (int piece = 0; piece < 12; ++piece) {
      std::string& bytes = pieces.emplace_back();
      for (std::size_t i = random.between(1, 6); i > 0; --i) bytes += "abc"[random.between(0, 2)];
      stream += bytes;
    }
    pieces.emplace_back("ab");
    ASSERT_EQ(answer_to(server, pieces), stream + "ab") << "seed " << seed;
  }
}

class Bodies : public EveryModel {};
INSTANTIATE_TEST_SUITE_P(Every_model, Bodies, testing::ValuesIn(different_models()), model_name);

// some() took the next request along with the end of a body.
TEST_P(Bodies, Are_passed_on_as_they_come_and_skipped_without_what_follows) {
  const auto serve = [](Connection& peer) -> Task<> {
    Reader reader(peer);
    while (const auto head = co_await reader.until("\n", 100)) {
      const bool skips = head->front() == 's';
      std::size_t left = std::stoul(std::string(head->substr(1)));
      if (skips) co_await reader.skip(left);
      while (!skips && left > 0) {
        const std::string_view part = co_await reader.some(left);
        if (part.empty() || part.size() > left) co_return;
        left -= part.size();
        co_await peer.send(part);
      }
      co_await peer.send("|");
    }
  };
  const RunningServer server(
      [serve](Connection& peer) -> Task<> {
        const std::string error = co_await error_of(serve(peer));
        co_await peer.send(error);
      },
      GetParam());
  EXPECT_EQ(answer_to(server, {"p3\nabcs2\nxyp0\np1\nd"}), "abc|||d|none");
  EXPECT_EQ(answer_to(server, {"p3", "\na", "bcs", "2\nx", "yp2\nde", "s0\n"}), "abc||de||none");
  EXPECT_EQ(answer_to(server, {"s3\nab"}), "protocol_error");
  const std::string large(300'000, 'x');
  EXPECT_EQ(answer_to(server, {"s300000\n" + large + "p300000\n" + large}),
            "|" + large + "|none");
}

TEST(Reader, Limits_the_rest) {
  const auto read_rest = [](Connection& peer, std::size_t& size) -> Task<> {
    Reader reader(peer);
    const std::string rest = co_await reader.rest(1000);
    size = rest.size();
  };
  const RunningServer server([read_rest](Connection& peer) -> Task<> {
    std::size_t size = 0;
    const std::string error = co_await error_of(read_rest(peer, size));
    const std::string count = std::to_string(size);
    co_await peer.send(count, "|", error);
  });
  EXPECT_EQ(answer_to(server, {std::string(1000, 'x')}), "1000|none");
  EXPECT_EQ(answer_to(server, {std::string(1001, 'x')}), "0|message_size");
}

}  // namespace
}  // namespace unit
