// What a worker's answer to a roll call tells the worker.
#include "os/ledger.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Ledger, Tells_a_worker_once_whether_its_answer_was_waited_for) {
  os::Ledger ledger(2);
  EXPECT_FALSE(ledger.answer(0, Statistics{}));
  const std::uint64_t call = ledger.call();
  EXPECT_TRUE(ledger.is_called(0));
  EXPECT_TRUE(ledger.answer(0, Statistics{}));
  EXPECT_TRUE(ledger.answered(0, call));
  EXPECT_FALSE(ledger.answered(1, call));
  EXPECT_FALSE(ledger.is_called(0));
  EXPECT_FALSE(ledger.answer(0, Statistics{}));
  ledger.call();
  EXPECT_TRUE(ledger.answer(0, Statistics{}));
}

// What a killed worker had held stayed in the statistics for ever.
TEST(Ledger, Keeps_the_sums_of_a_worker_that_is_gone_and_none_of_its_levels) {
  os::Ledger ledger(2);
  Statistics counted;
  counted.accepted = 5;
  counted.closed = counted.ended = 3;
  counted.bytes_sent = 1000;
  counted.buffers = 7;
  counted.outbox_bytes = 4096;
  counted.outbox_bytes_peak = 4096;
  ledger.answer(0, counted);
  ledger.answer(1, counted);
  EXPECT_EQ(ledger.retire(0, 2), 2U);
  const Statistics sum = ledger.sum();
  EXPECT_EQ(sum.accepted, 10U);
  EXPECT_EQ(sum.lost, 2U);
  EXPECT_EQ(sum.open(), 2U);
  EXPECT_EQ(sum.bytes_sent, 2000U);
  EXPECT_EQ(sum.outbox_bytes_peak, 4096U);
  EXPECT_EQ(sum.buffers, 7U);
  EXPECT_EQ(sum.outbox_bytes, 4096U);
}

}  // namespace
}  // namespace weir
