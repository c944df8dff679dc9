// compare_figures_test.cpp - the arithmetic of `weir compare`, on samples made up here.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/compare/comparison_json.h"
#include "cli/compare/reading.h"
#include "cli/compare/runner.h"
#include "cli/compare/statistics.h"
#include "cli/compare/table.h"

namespace weir::cli {
namespace {

Sample sample(double cpu_us, double requests_per_s = 1000) {
  Sample made;
  made.figures.fill(-1);
  made[Metric::cpu_us] = cpu_us;
  made[Metric::requests_per_s] = requests_per_s;
  made.requests = 500;
  made.generator_busy = 0.5;
  made.server_busy = 0.9;
  for (int i = 1; i <= 1000; ++i) made.latency.record(i * 1000);
  return made;
}

Row row(std::size_t subject, const std::vector<double>& cpu_us) {
  Row made;
  made.subject = subject;
  for (const double each : cpu_us) made.samples.push_back(sample(each));
  return made;
}

// Three subjects and the reference again; the reference costs 10 us, give or take.
Comparison comparison(const std::vector<double>& dear, const std::vector<double>& alike,
                      const std::vector<double>& again) {
  Comparison made;
  made.subjects = {{"reference", "epoll-et", {}, false},
                   {"dear", "poll", {}, false},
                   {"alike", "epoll-lt", {}, false},
                   {"reference (A/A)", "epoll-et", {}, true}};
  made.checks.assign(4, Check{true, "", 10, 1000});
  made.server_cpus = {1};
  made.repeats = 3;
  CellResult cell;
  cell.rows = {row(0, {10, 11, 10}), row(1, dear), row(2, alike), row(3, again)};
  made.cells.push_back(cell);
  return made;
}

bool says(const Comparison& data, const std::string& part) {
  for (const std::string& sentence : reading(data)) {
    if (sentence.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(CompareFigures, A_summary_has_median_least_and_most) {
  const Summary odd = summary(std::vector<double>{5, 1, 3});
  EXPECT_TRUE(odd.known);
  EXPECT_EQ(odd.median, 3);
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.max, 5);
  EXPECT_EQ(summary(std::vector<double>{4, 1, 3, 2}).median, 2.5);
  EXPECT_FALSE(summary(std::vector<double>{}).known);
}

TEST(CompareFigures, What_is_unknown_does_not_count) {
  const Summary some = summary(std::vector<double>{-1, 7, -1});
  EXPECT_EQ(some.median, 7);
  EXPECT_FALSE(summary(std::vector<double>{-1}).known);
}

TEST(CompareFigures, A_ratio_is_taken_within_each_repeat) {
  // Both drift by half from repeat to repeat; one always costs twice the other.
  const Summary times = ratio(row(1, {20, 30, 40}), row(0, {10, 15, 20}), Metric::cpu_us);
  EXPECT_EQ(times.min, 2);
  EXPECT_EQ(times.median, 2);
  EXPECT_EQ(times.max, 2);
}

TEST(CompareFigures, The_noise_is_the_largest_difference_of_the_reference_from_itself) {
  const Comparison data = comparison({20, 22, 20}, {10, 11, 10}, {12, 11, 9});
  const Noise found = noise(data.cells[0], data, Metric::cpu_us);
  EXPECT_TRUE(found.known);
  EXPECT_DOUBLE_EQ(found.factor, 1.2);
}

TEST(CompareFigures, Little_noise_in_a_few_runs_is_not_taken_for_none) {
  const Comparison data = comparison({20, 22, 20}, {10, 11, 10}, {10, 11, 10});
  EXPECT_DOUBLE_EQ(noise(data.cells[0], data, Metric::cpu_us).factor, noise_floor);
}

TEST(CompareFigures, One_run_tells_nothing_of_the_noise) {
  Comparison data = comparison({20}, {10}, {10});
  EXPECT_FALSE(noise(data.cells[0], data, Metric::cpu_us).known);
  EXPECT_FALSE(differs({5, 5, 5, true}, Noise{}));
  EXPECT_TRUE(says(data, "no measure of the noise"));
  EXPECT_FALSE(says(data, "dear"));
}

TEST(CompareFigures, A_difference_must_show_in_every_repeat_and_exceed_the_noise) {
  const Noise noise{1.1, true};
  EXPECT_TRUE(differs({1.5, 1.2, 1.9, true}, noise));
  EXPECT_TRUE(differs({0.5, 0.4, 0.8, true}, noise));
  EXPECT_FALSE(differs({1.5, 1.05, 1.9, true}, noise));
  EXPECT_FALSE(differs({1.5, 0.9, 1.9, true}, noise));
  EXPECT_FALSE(differs({0.93, 0.92, 0.95, true}, noise));
}

TEST(CompareFigures, The_reading_claims_what_is_sure_and_no_more) {
  const Comparison sure = comparison({20, 22, 21}, {10, 11, 10}, {10.5, 11, 10});
  EXPECT_TRUE(says(sure, "more: dear 2.00 times"));
  EXPECT_TRUE(says(sure, "the same within the noise: alike"));
  // The same medians, but the reference itself is as far from itself.
  const Comparison unsure = comparison({20, 22, 21}, {10, 11, 10}, {21, 11, 10});
  EXPECT_FALSE(says(unsure, "more:"));
  EXPECT_TRUE(says(unsure, "the same within the noise: dear and alike"));
}

TEST(CompareFigures, The_generator_is_the_bottleneck_when_it_is_busy_and_the_server_is_not) {
  const Comparison data = comparison({20}, {10}, {10});
  Row made = row(1, {10});
  made.samples[0].generator_busy = 0.97;
  made.samples[0].server_busy = 0.6;
  EXPECT_TRUE(generator_bound(made, data));
  made.samples[0].server_busy = 0.98;
  EXPECT_FALSE(generator_bound(made, data));
  made.samples[0].generator_busy = 0.5;
  EXPECT_FALSE(generator_bound(made, data));
}

TEST(CompareFigures, A_power_law_is_found_again) {
  const std::vector<Point> proportional{{1, 3}, {10, 30}, {1000, 3000}};
  EXPECT_NEAR(power_fit(proportional).slope, 1, 1e-9);
  EXPECT_NEAR(power_fit(proportional).factor, 3, 1e-9);
  const std::vector<Point> level{{1, 7}, {100, 7}, {1000, 7}};
  EXPECT_NEAR(power_fit(level).slope, 0, 1e-9);
  const std::vector<Point> one{{5, 7}};
  EXPECT_FALSE(power_fit(one).known);
  const std::vector<Point> same_place{{5, 7}, {5, 9}};
  EXPECT_FALSE(power_fit(same_place).known);
}

TEST(CompareFigures, Idle_clients_that_cost_are_told_apart_from_those_that_do_not) {
  Comparison data = comparison({10, 11, 10}, {10, 11, 10}, {10, 11, 10});
  CellResult many = data.cells[0];
  data.cells[0].cell = {1, 0, 64, 1};
  many.cell = {1, 10'000, 64, 1};
  many.rows[1] = row(1, {93, 102, 93});
  data.cells.push_back(many);
  const auto points = cpu_against_clients(data, 1);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].x, 10'001);
  EXPECT_EQ(points[1].y, 93);
  EXPECT_TRUE(says(data, "with 10,000 idle clients, dear costs 9.3 times"));
  EXPECT_TRUE(
      says(data, "grows with the clients that are merely connected on dear (slope 0.24)"));
  EXPECT_TRUE(says(data,
                   "From 1 to 10,001 clients it grows by at most 10 % on reference and "
                   "alike."));
}

TEST(CompareFigures, Every_value_is_measured_with_the_others_at_their_base) {
  const auto cells = star_of({{1, 64, 1000}, {0, 1000}, {64, 16'384}, {1, 16}});
  const std::vector<Cell> expected{{64, 0, 64, 1},     {1, 0, 64, 1},   {1000, 0, 64, 1},
                                   {64, 0, 16'384, 1}, {64, 0, 64, 16}, {1, 1000, 64, 1}};
  EXPECT_EQ(cells, expected);
  EXPECT_EQ(product_of({{1, 64}, {0, 10}, {64}, {1, 2, 3}}).size(), 12u);
}

TEST(CompareFigures, A_row_that_cannot_run_says_why) {
  Conditions conditions;
  conditions.descriptors = 20'000;
  const Subject select{"select", "select", {}, false};
  const Subject iterative{"iterative", "iterative", {}, false};
  const Subject epoll{"epoll-et", "epoll-et", {}, false};
  EXPECT_NE(beyond(select, {1, 10'000, 64, 1}, conditions).find("FD_SETSIZE"), std::string::npos);
  EXPECT_EQ(beyond(select, {64, 0, 64, 1}, conditions), "");
  EXPECT_NE(beyond(iterative, {2, 0, 64, 1}, conditions), "");
  EXPECT_EQ(beyond(iterative, {1, 0, 64, 1}, conditions), "");
  EXPECT_EQ(beyond(epoll, {64, 10'000, 64, 1}, conditions), "");
  EXPECT_NE(beyond(epoll, {64, 100'000, 64, 1}, conditions).find("20,000"), std::string::npos);

  Comparison data = comparison({20, 22, 21}, {10, 11, 10}, {10, 11, 10});
  data.cells[0].rows[1].samples.clear();
  data.cells[0].rows[1].unavailable = "beyond its limit";
  EXPECT_NE(tables(data).find("beyond its limit"), std::string::npos);
  EXPECT_EQ(to_json(data)["cells"][0]["rows"][1]["unavailable"], "beyond its limit");
}

TEST(CompareFigures, A_wrong_server_is_named_and_spoils_the_whole) {
  Comparison data = comparison({20, 22, 21}, {10, 11, 10}, {10, 11, 10});
  EXPECT_TRUE(all_well(data));
  EXPECT_EQ(verdict(data, 1), "every byte came back");
  data.checks[1] = {false, "wrong bytes", 1, 1};
  EXPECT_EQ(verdict(data, 1), "FAILED: wrong bytes");
  EXPECT_FALSE(all_well(data));
  // What does not exist on this machine is not wrong.
  data.checks[1] = {false, "not available here: io_uring is disabled", 0, 0};
  EXPECT_TRUE(all_well(data));
}

TEST(CompareFigures, The_JSON_has_medians_ratios_spectrum_and_the_raw_samples) {
  const Comparison data = comparison({20, 22, 21}, {10, 11, 10}, {10, 11, 10});
  const auto json = to_json(data);
  const auto& dear = json["cells"][0]["rows"][1];
  EXPECT_EQ(dear["figures"]["cpu_us"]["median"], 21);
  EXPECT_EQ(dear["figures"]["cpu_us"]["min"], 20);
  EXPECT_TRUE(dear["figures"]["calls"].is_null());
  EXPECT_DOUBLE_EQ(dear["ratios"]["cpu_us"]["median"], 2);
  EXPECT_EQ(dear["ratios"]["cpu_us"]["differs"], true);
  EXPECT_EQ(dear["samples"].size(), 3u);
  const auto& spectrum = dear["spectrum"];
  ASSERT_GT(spectrum.size(), 10u);
  for (std::size_t i = 1; i < spectrum.size(); ++i) {
    EXPECT_LE(spectrum[i][0], spectrum[i - 1][0]);
    EXPECT_GE(spectrum[i][1], spectrum[i - 1][1]);
  }
  EXPECT_EQ(json["reference"], "reference");
}

}  // namespace
}  // namespace weir::cli
