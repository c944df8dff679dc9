// release.h - when a handler that blocks goes on.
#pragma once

#include <fstream>
#include <string>

#include "tests/support/sandbox.h"

namespace conformance {

/// Lets the handlers that were given its path go on when it is told to, or goes.
class Release {
 public:
  ~Release() { now(); }
  std::string path() const { return directory_.path() + "/go-on"; }
  void now() const { std::ofstream(path()).put('\n'); }

 private:
  support::TemporaryDirectory directory_;
};

}  // namespace conformance
