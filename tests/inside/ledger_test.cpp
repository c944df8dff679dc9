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

}  // namespace
}  // namespace weir
