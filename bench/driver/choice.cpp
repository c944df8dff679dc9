#include "choice.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>

namespace bench {

std::vector<std::string> choose(const std::vector<std::string>& patterns,
                                const std::vector<std::string>& names, const std::string& kind) {
  if (patterns.empty()) return names;
  std::set<std::string> chosen;
  for (const std::string& pattern : patterns) {
    const bool exact = contains(names, pattern);
    bool any = false;
    for (const std::string& name : names) {
      if (exact ? name != pattern : !name.starts_with(pattern)) continue;
      any = true;
      chosen.insert(name);
    }
    if (!any) {
      throw std::invalid_argument("no " + kind + " has a name that is '" + pattern +
                                  "' or begins so; --list prints them");
    }
  }
  std::vector<std::string> result;
  std::copy_if(names.begin(), names.end(), std::back_inserter(result),
               [&](const std::string& name) { return chosen.count(name) > 0; });
  return result;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace bench
