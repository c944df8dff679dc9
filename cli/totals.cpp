#include "cli/totals.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace weir::cli {

std::string totals_line(const Statistics& statistics, const CpuTime& cpu) {
  return fmt::format(
      "served {} connections ({} failed, {} timed out, {} cut, {} lost; {} refused; {} at once), "
      "received {} bytes, sent {} bytes, buffers {} bytes at most, {} system calls, "
      "{} turns with {:.1f} events each, CPU {:.3f} s user, {:.3f} s system",
      statistics.closed, statistics.failed, statistics.timed_out, statistics.cut, statistics.lost,
      statistics.refused(), statistics.open_peak, statistics.bytes_received,
      statistics.bytes_sent, statistics.buffer_bytes_peak, statistics.calls(), statistics.turns,
      statistics.events_per_turn(), static_cast<double>(cpu.user_us) / 1e6,
      static_cast<double>(cpu.system_us) / 1e6);
}

std::string totals_json(Model model, const Statistics& statistics, const CpuTime& cpu) {
  const nlohmann::ordered_json object{
      {"model", name(model)},
      {"accepted", statistics.accepted},
      {"closed", statistics.closed},
      {"open", statistics.open()},
      {"open_peak", statistics.open_peak},
      {"ended", statistics.ended},
      {"failed", statistics.failed},
      {"cut", statistics.cut},
      {"timed_out", statistics.timed_out},
      {"lost", statistics.lost},
      {"proxy_invalid", statistics.proxy_invalid},
      {"proxy_denied", statistics.proxy_denied},
      {"timed_out_first_byte", statistics.timed_out_first_byte},
      {"timed_out_idle", statistics.timed_out_idle},
      {"timed_out_receive", statistics.timed_out_receive},
      {"timed_out_send", statistics.timed_out_send},
      {"timed_out_connection", statistics.timed_out_connection},
      {"timed_out_proxy", statistics.timed_out_proxy},
      {"timed_out_linger", statistics.timed_out_linger},
      {"refused", statistics.refused()},
      {"refused_full", statistics.refused_full},
      {"refused_address", statistics.refused_address},
      {"refused_network", statistics.refused_network},
      {"refused_memory", statistics.refused_memory},
      {"refused_descriptors", statistics.refused_descriptors},
      {"accept_rests", statistics.accept_rests},
      {"receives", statistics.receives},
      {"bytes_received", statistics.bytes_received},
      {"bytes_sent", statistics.bytes_sent},
      {"turns", statistics.turns},
      {"events", statistics.events},
      {"events_per_turn", statistics.events_per_turn()},
      {"budget_stops", statistics.budget_stops},
      {"stalls", statistics.stalls},
      {"buffers_missed", statistics.buffers_missed},
      {"overflows", statistics.overflows},
      {"buffers", statistics.buffers},
      {"buffer_bytes", statistics.buffer_bytes},
      {"buffer_bytes_peak", statistics.buffer_bytes_peak},
      {"outbox_bytes", statistics.outbox_bytes},
      {"outbox_bytes_peak", statistics.outbox_bytes_peak},
      {"memory_waits", statistics.memory_waits},
      {"calls", statistics.calls()},
      {"calls_accept", statistics.calls_accept},
      {"calls_receive", statistics.calls_receive},
      {"calls_send", statistics.calls_send},
      {"calls_wait", statistics.calls_wait},
      {"calls_control", statistics.calls_control},
      {"calls_other", statistics.calls_other},
      {"cpu_user_us", cpu.user_us},
      {"cpu_system_us", cpu.system_us},
      {"cpu_us", cpu.user_us + cpu.system_us},
  };
  return object.dump();
}

}  // namespace weir::cli
