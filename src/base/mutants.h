// mutants.h - known bugs that the tests of the simulation plant, to see that they are found.
//
// Compiled in by WEIR_MUTANTS only, which only tests/simulation/mutants defines; otherwise
// planted() is false at compile time and nothing of this is left.
#pragma once

#include <cstdint>

namespace weir::base {

enum class Mutant : std::uint8_t {
  none,
  lost_edge,               // what comes while nobody waits is not remembered
  budget_parks,            // who used up its budget waits for an edge that has been
  connect_put_off,         // a connect that is over budget is taken for one that ended
  not_asked_anew,          // a send that was not tried waits for an edge that has been
  stale_event,             // a report is taken for whoever has the descriptor now
  short_write_forgotten,   // a send is not continued after a part
  deadline_not_cancelled,  // a timer outlives what it bounded
  timer_not_set_again,     // the timer that ends sleeps ends one
  dozes_too_long,          // a worker sleeps past the next deadline
  late_ticks_forgotten,    // a deadline is early for who noted a tick late
  double_resume,           // a wait at the outbox is completed twice
  leaked_buffer,           // a receive that finds nothing keeps its buffer
  fin_before_flush,        // FIN goes out before the outbox
  no_linger,               // a session closes without reading to the peer's end
  half_close_is_close,     // a peer that has finished is not answered any more
  accept_not_rearmed,      // after EMFILE nobody accepts again
  outbox_not_bounded,      // no high-water mark
  drain_forgets,           // a stop does not cancel who is idle
  cut_forgets,             // nor who is left at the deadline
  end_not_noticed,         // nor does the worker see that nobody is left
  wake_lost,               // a message from another worker does not wake
  room_not_noticed,        // a connection that closes lets nobody else in
  freed_in_kernel,         // io-uring: a socket is gone while the kernel holds its requests
  buffers_out_is_end,      // io-uring: no buffer left is taken for the end of the stream
  rest_forgotten,          // what came with a proxy's header never reaches the handler
  tail_sent_twice,         // what is left of a short write begins one byte too early
  staged_tail_lost,        // what the kernel did not take of a small send is forgotten
  stage_overtaken,         // a large send goes out before the small ones that came first
  stage_left_behind,       // io-uring: a small send goes out before what came back of one before
};

#ifdef WEIR_MUTANTS
inline Mutant planted_mutant = Mutant::none;
inline bool planted(Mutant mutant) noexcept { return planted_mutant == mutant; }
#else
constexpr bool planted(Mutant) noexcept { return false; }
#endif

}  // namespace weir::base
