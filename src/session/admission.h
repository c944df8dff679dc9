// admission.h - who is let in, by where he comes from: lists of networks, and trusted proxies.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <weir/network.h>
#include <weir/options.h>

namespace weir::detail {

/// Of a server; its workers share it and change nothing.
class Admission {
 public:
  /// How a connection is served, by its socket's address.
  enum class Verdict : std::uint8_t {
    served,
    introduced,  ///< by a proxy, whose header comes first
    refused,
  };

  explicit Admission(const Options& options);

  /// False: everybody is served, so that nobody need be asked where he comes from.
  bool decides() const noexcept { return !(allow_.empty() && deny_.empty() && proxies_.empty()); }
  Verdict judge(const Endpoint& source) const noexcept;
  /// Whether the client of a proxy is let in; `none` is one whom the proxy cannot name.
  bool lets_in(const Endpoint& client) const noexcept;
  std::chrono::nanoseconds header_deadline() const noexcept { return header_deadline_; }

 private:
  const std::vector<Network> allow_, deny_, proxies_;
  const bool proxies_only_;
  const std::chrono::nanoseconds header_deadline_;
};

}  // namespace weir::detail
