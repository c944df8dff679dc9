#include "tests/conformance/handlers.h"

namespace conformance {

Handler handler_named(std::string_view name, const Settings& settings) {
  for (const auto& table :
       {stream_handlers(), waiting_handlers(), sharing_handlers(), working_handlers()}) {
    for (const Entry& entry : table) {
      if (entry.name != name) continue;
      return [run = entry.run, &settings](weir::Connection& peer) { return run(peer, settings); };
    }
  }
  return {};
}

}  // namespace conformance
