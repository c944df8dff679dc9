#include "exact.h"
#include <nlohmann/json.hpp>
namespace bench { nlohmann::json count_exactly(const std::vector<std::string>&, bool){return {};} }
