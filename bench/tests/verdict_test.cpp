#include "verdict.h"

#include <gtest/gtest.h>

namespace bench {
namespace {

const Contest contest{{"weir:epoll-et"}, {"bare:epoll-et"}};

ContestResult measured(const std::string& subject, double ratio, int rounds = 30) {
  ContestResult result;
  result.contest = {{subject}, {"bare:epoll-et"}};
  result.estimates[Metric::cpu] =
      estimate(std::vector<double>(static_cast<std::size_t>(rounds), ratio));
  return result;
}

CellResult cell_of(const std::vector<ContestResult>& contests, const std::string& name = "one") {
  CellResult result;
  result.cell.name = name;
  result.contests = contests;
  return result;
}

GoalResult verdict_on(const Goal& goal, const std::vector<CellResult>& cells) {
  const auto judged = judge({goal}, cells);
  EXPECT_EQ(judged.size(), 1U);
  return judged.at(0);
}

Goal goal(double limit) { return {"a goal", {"one"}, contest, Metric::cpu, limit}; }

Goal goal_below_peers() {
  Goal goal = bench::goal(1.03);
  goal.below_peers = true;
  return goal;
}

TEST(Verdict, IsOnTheLimit) {
  const std::vector<CellResult> cells = {cell_of({measured("weir:epoll-et", 1.02)})};
  EXPECT_EQ(verdict_on(goal(1.03), cells).verdict(), Verdict::met);
  EXPECT_EQ(verdict_on(goal(1.01), cells).verdict(), Verdict::missed);
}

TEST(Verdict, NeedsEveryCell) {
  Goal both = goal(1.03);
  both.cells.push_back("another");
  EXPECT_EQ(verdict_on(both, {cell_of({measured("weir:epoll-et", 1.02)})}).verdict(),
            Verdict::not_measured);
}

// A goal "below every peer" was met when there was no peer at all.
TEST(VerdictBelowPeers, NeedsEveryPeer) {
  std::vector<ContestResult> contests = {measured("weir:epoll-et", 1.02)};
  EXPECT_EQ(verdict_on(goal_below_peers(), {cell_of(contests)}).verdict(), Verdict::not_measured);
  for (const std::string& peer : peer_names()) contests.push_back(measured(peer, 1.05));
  EXPECT_EQ(verdict_on(goal_below_peers(), {cell_of(contests)}).verdict(), Verdict::met);
  contests.pop_back();
  const GoalResult result = verdict_on(goal_below_peers(), {cell_of(contests)});
  EXPECT_EQ(result.verdict(), Verdict::not_measured);
  EXPECT_EQ(result.peers_missing, std::vector<std::string>{peer_names().back()});
}

TEST(VerdictBelowPeers, OneCheaperPeerIsEnoughToMiss) {
  const std::vector<ContestResult> contests = {measured("weir:epoll-et", 1.02),
                                               measured("libev", 1.01)};
  EXPECT_EQ(verdict_on(goal_below_peers(), {cell_of(contests)}).verdict(), Verdict::missed);
}

TEST(VerdictWithinNoise, IsWhereTheControlIsFartherFromOneThanTheValueFromTheLimit) {
  const auto with_control = [](double control) {
    return verdict_on(goal(1.03),
                      {cell_of({measured("weir:epoll-et", 1.02), measured("A/A", control)})});
  };
  EXPECT_FALSE(with_control(1.001).within_noise());
  EXPECT_TRUE(with_control(1.05).within_noise());
  EXPECT_TRUE(with_control(0.96).within_noise());
  EXPECT_FALSE(
      verdict_on(goal(1.03), {cell_of({measured("weir:epoll-et", 1.02)})}).within_noise());
}

TEST(VerdictWithinNoise, TheNoisiestCellCounts) {
  Goal both = goal(1.03);
  both.cells.push_back("another");
  const GoalResult result = verdict_on(
      both, {cell_of({measured("weir:epoll-et", 1.02), measured("A/A", 1.0)}),
             cell_of({measured("weir:epoll-et", 1.02), measured("A/A", 0.9)}, "another")});
  EXPECT_TRUE(result.within_noise());
  EXPECT_EQ(result.control->cell, "another");
}

// "At most the bare loop's growth" was judged by what both cost among idle connections.
TEST(VerdictOnGrowth, DividesGrowthByGrowth) {
  const Contest own{{"weir:poll", 100}, {"weir:poll"}}, bare{{"bare:poll", 100}, {"bare:poll"}};
  Goal growth{"growth", {"one"}, own, Metric::cpu, 1.00};
  growth.divided_by = bare;
  ContestResult ours = measured("", 12), theirs = measured("", 10);
  ours.contest = own;
  theirs.contest = bare;
  const GoalResult result = verdict_on(growth, {cell_of({ours, theirs})});
  EXPECT_EQ(result.verdict(), Verdict::missed);
  EXPECT_DOUBLE_EQ(result.value->median, 1.2);
  EXPECT_DOUBLE_EQ(result.growth->median, 12);
  EXPECT_DOUBLE_EQ(result.reference_growth->median, 10);
  EXPECT_EQ(verdict_on(growth, {cell_of({ours})}).verdict(), Verdict::not_measured);
}

}  // namespace
}  // namespace bench
