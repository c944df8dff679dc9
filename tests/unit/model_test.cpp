// model_test.cpp - the registry of models, as users see it.
#include <weir/model.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using weir::Model;

TEST(Models, Are_the_nine_of_the_textbooks_in_their_order) {
  std::vector<std::string_view> names;
  for (const weir::ModelInfo& info : weir::models()) names.push_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string_view>{"iterative", "fork", "threads", "nonblocking",
                                                  "select", "poll", "epoll-lt", "epoll-et",
                                                  "io-uring"}));
}

TEST(Models, Are_found_by_their_names_in_both_spellings) {
  for (const weir::ModelInfo& info : weir::models()) {
    EXPECT_EQ(weir::model_named(info.name), info.model);
    EXPECT_EQ(weir::name(info.model), info.name);
  }
  EXPECT_EQ(weir::model_named("epoll_et"), Model::epoll_et);
  EXPECT_EQ(weir::model_named("io_uring"), Model::io_uring);
}

TEST(Models, Are_not_found_by_other_names) {
  for (const char* name : {"", "epoll", "EPOLL-ET", "epoll-et ", "epoll--et", "uring"}) {
    EXPECT_FALSE(weir::model_named(name)) << name;
  }
}

TEST(Models, Say_in_one_line_what_they_do_and_what_bounds_them) {
  std::set<std::string_view> summaries;
  for (const weir::ModelInfo& info : weir::models()) {
    EXPECT_FALSE(info.summary.empty()) << info.name;
    EXPECT_FALSE(info.limit.empty()) << info.name;
    EXPECT_EQ(info.summary.find('\n'), std::string_view::npos) << info.name;
    EXPECT_EQ(info.limit.find('\n'), std::string_view::npos) << info.name;
    EXPECT_TRUE(summaries.insert(info.summary).second) << info.name << " copies another's";
  }
}

TEST(Models, Give_a_reason_when_they_do_not_work_here) {
  for (const weir::ModelInfo& info : weir::models()) {
    const weir::Availability here = weir::availability(info.model);
    if (here.available) continue;
    EXPECT_FALSE(here.reason.empty()) << info.name;
    EXPECT_EQ(here.reason.find('\n'), std::string::npos) << here.reason;
  }
}

TEST(Models, Work_everywhere_but_for_io_uring) {
  for (const weir::ModelInfo& info : weir::models()) {
    if (info.model == Model::io_uring) continue;
    EXPECT_TRUE(weir::availability(info.model).available) << info.name;
  }
}

TEST(Models, Are_chosen_with_a_reason) {
  const weir::Choice choice = weir::choose_model();
  const bool uring = weir::availability(Model::io_uring).available;
  EXPECT_EQ(choice.model, uring ? Model::io_uring : Model::epoll_et);
  EXPECT_FALSE(choice.reason.empty());
}

}  // namespace
