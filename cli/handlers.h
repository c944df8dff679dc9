// handlers.h - the handlers that the tool brings along: the classic small TCP services.
#pragma once

#include <span>
#include <string_view>

#include <weir/connection.h>
#include <weir/task.h>

namespace weir::cli {

using HandlerFunction = Task<> (*)(Connection& peer);

struct HandlerInfo {
  std::string_view name;     ///< as on the command line
  std::string_view summary;  ///< what it does, one line
  HandlerFunction handler;
};

std::span<const HandlerInfo> handlers() noexcept;
/// The handler of that name; nullptr when there is none.
const HandlerInfo* handler_named(std::string_view name) noexcept;

}  // namespace weir::cli
