// line_protocol.cpp - a text protocol: one line in, one line out.
//
// Shows Reader for lines with a limit, within() as a deadline for each of them, and how to tell
// the errors apart that the peer should hear about. Commands: UPPER text, COUNT text, QUIT.
//
// Try it:  examples/line_protocol [ADDRESS [SECONDS]]  then  nc 127.0.0.1 7000  and type
// `UPPER hello`; or nothing, for 30 seconds. WEIR_MODEL chooses the model.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include <weir/weir.h>

namespace {

std::string answer(std::string_view line) {
  const auto space = std::min(line.find(' '), line.size());
  const auto command = line.substr(0, space);
  std::string text(line.substr(std::min(space + 1, line.size())));
  if (command == "COUNT") return "OK " + std::to_string(text.size());
  if (command != "UPPER") return "ERROR unknown command; there are UPPER, COUNT and QUIT";
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "OK " + text;
}

// Answers until the peer quits or has finished. The line that a Reader yields is a view of what
// was received; it is valid until the next one is asked for.
weir::Task<> converse(weir::Connection& peer, std::chrono::seconds patience) {
  weir::Reader reader(peer);
  while (auto line = co_await weir::within(patience, reader.until("\n", 512))) {
    if (line->ends_with('\r')) line->remove_suffix(1);
    if (*line == "QUIT") co_return;
    co_await peer.send(answer(*line), "\n");
  }
}

// Nothing can be awaited in a catch block, so it only chooses the last words.
weir::Task<> serve(weir::Connection& peer, std::chrono::seconds patience) {
  std::string_view last_words = "BYE\n";
  try {
    co_await converse(peer, patience);
  } catch (const weir::IoError& error) {
    if (error.code() == std::errc::timed_out) last_words = "ERROR nothing heard for too long\n";
    else if (error.code() == std::errc::message_size) last_words = "ERROR the line is too long\n";
    else throw;
  }
  co_await peer.send(last_words);
}

}  // namespace

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : "127.0.0.1:7000";
  const std::chrono::seconds patience(argc > 2 ? std::strtol(argv[2], nullptr, 10) : 30);
  const auto handler = [patience](weir::Connection& peer) { return serve(peer, patience); };
  return weir::Server(handler).listen(address).handle_signals().on_log(weir::log_to_stderr).run();
}
