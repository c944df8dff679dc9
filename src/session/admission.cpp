#include "session/admission.h"

#include <algorithm>

namespace weir::detail {
namespace {

bool among(const std::vector<Network>& networks, const Endpoint& endpoint) noexcept {
  return std::ranges::any_of(networks,
                             [&](const Network& network) { return network.contains(endpoint); });
}

}  // namespace

Admission::Admission(const Options& options)
    : allow_(options.allow),
      deny_(options.deny),
      proxies_(options.proxy_from),
      proxies_only_(options.proxy_only),
      header_deadline_(options.proxy_header) {}

// The lists hold for clients. A proxy is none, and is let in because it is trusted. Whoever has
// reset his connection already has no address any more (getpeername(2), ENOTCONN), but what he
// sent before can still be received: he could be anybody, and is refused.
Admission::Verdict Admission::judge(const Endpoint& source) const noexcept {
  if (source.family == Endpoint::Family::none) return Verdict::refused;
  if (among(proxies_, source)) return Verdict::introduced;
  return proxies_only_ || !lets_in(source) ? Verdict::refused : Verdict::served;
}

bool Admission::lets_in(const Endpoint& client) const noexcept {
  if (client.family == Endpoint::Family::unix_socket) return true;
  return !among(deny_, client) && (allow_.empty() || among(allow_, client));
}

}  // namespace weir::detail
