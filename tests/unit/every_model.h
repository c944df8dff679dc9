// every_model.h - a test that runs a task under weir::run() on every model.
//
//     TEST_P(Sleep, Waits) {
//       EXPECT_EQ(run_here(waits()), 0);
//     }
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <weir/client.h>
#include <weir/model.h>

namespace unit {

class EveryModel : public testing::TestWithParam<weir::Model> {
 protected:
  void SetUp() override {
    const weir::Availability here = weir::availability(GetParam());
    if (!here.available) GTEST_SKIP() << "not available here: " << here.reason;
  }

  template <class T>
  int run_here(weir::Task<T> task) {
    return weir::run(std::move(task), GetParam());
  }
};

/// run() calls blocking system calls for iterative, fork and threads alike; one stands for all.
inline std::vector<weir::Model> different_models() {
  std::vector<weir::Model> models;
  for (const weir::ModelInfo& info : weir::models()) {
    if (info.model != weir::Model::fork && info.model != weir::Model::threads) {
      models.push_back(info.model);
    }
  }
  return models;
}

inline std::string model_name(const testing::TestParamInfo<weir::Model>& info) {
  std::string name(weir::name(info.param));
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

}  // namespace unit
