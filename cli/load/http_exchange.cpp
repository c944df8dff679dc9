#include <string_view>

#include <fmt/format.h>
#include <llhttp/llhttp.h>

#include "cli/load/exchange.h"

namespace weir::cli {
namespace {

class HttpExchange final : public Exchange {
 public:
  HttpExchange(const Load& load, Statuses& statuses)
      : request_(load.request), statuses_(statuses), head_(request_.starts_with("HEAD ")) {
    llhttp_settings_init(&settings_);
    settings_.on_headers_complete = [](llhttp_t* parser) { return self(parser).header_ended(); };
    settings_.on_message_complete = [](llhttp_t* parser) { return self(parser).reply_ended(); };
  }

  void begin() override {
    llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
    closes_ = false;
  }

  std::span<const std::byte> request() override { return std::as_bytes(std::span(request_)); }

  unsigned take(std::span<const std::byte> bytes) override {
    replies_ = 0;
    const auto error =
        llhttp_execute(&parser_, reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (error != HPE_OK && !(closes_ && error == HPE_CLOSED_CONNECTION)) {
      throw BadReply(fmt::format("not HTTP ({})", llhttp_errno_name(error)));
    }
    return replies_;
  }

  unsigned take_end(std::size_t outstanding) override {
    replies_ = 0;
    // A body without a length ends with the connection.
    if (llhttp_finish(&parser_) != HPE_OK || replies_ < outstanding) {
      throw BadReply("closed by the server");
    }
    closes_ = true;
    return replies_;
  }

  bool closes() const noexcept override { return closes_; }

 private:
  static HttpExchange& self(llhttp_t* parser) {
    return *static_cast<HttpExchange*>(parser->data);
  }

  int header_ended() const { return head_ ? 1 : 0; }  // 1: no body follows.

  int reply_ended() {
    const unsigned status = parser_.status_code;
    if (status < 200 && status != 101) return 0;  // An interim reply.
    ++statuses_[status < statuses_.size() ? status : 0];
    ++replies_;
    if (llhttp_should_keep_alive(&parser_) == 0) closes_ = true;
    return 0;
  }

  const std::string& request_;
  Statuses& statuses_;
  const bool head_;
  llhttp_settings_t settings_;
  llhttp_t parser_;
  unsigned replies_ = 0;
  bool closes_ = false;
};

}  // namespace

std::unique_ptr<Exchange> make_http_exchange(const Load& load, Statuses& statuses) {
  return std::make_unique<HttpExchange>(load, statuses);
}

std::string http_request(const std::string& text, const Endpoint& server) {
  if (text.find('\n') != text.npos) return text;
  const bool local = server.family == Endpoint::Family::unix_socket;
  return fmt::format("{}\r\nHost: {}\r\nUser-Agent: weir-load\r\nAccept: */*\r\n\r\n", text,
                     local ? "localhost" : server.text());
}

}  // namespace weir::cli
