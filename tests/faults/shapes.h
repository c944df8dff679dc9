// shapes.h - every model with every kind of worker, for tests that fail something in each.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <weir/weir.h>

#include "tests/support/client.h"
#include "tests/support/clock.h"

namespace faults {

struct Shape {
  weir::Model model;
  unsigned workers;
  weir::WorkerKind kind;

  std::string name() const {
    std::string text(weir::name(model));
    std::replace(text.begin(), text.end(), '-', '_');
    if (workers > 1) text += kind == weir::WorkerKind::process ? "_2_processes" : "_2_threads";
    return text;
  }
  /// A lone worker starts where the server is waited for, and fails there if it has to.
  bool starts_late() const { return workers == 1 && kind == weir::WorkerKind::thread; }
};
inline void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name(); }

inline std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const weir::ModelInfo& info : weir::models()) {
    all.push_back({info.model, 1, weir::WorkerKind::thread});
    all.push_back({info.model, 2, weir::WorkerKind::thread});
    all.push_back({info.model, 2, weir::WorkerKind::process});
  }
  return all;
}

inline std::string shape_name(const testing::TestParamInfo<Shape>& info) {
  return info.param.name();
}

/// A test of each shape, skipped where the model is not available.
class EveryShape : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    const weir::Availability here = weir::availability(GetParam().model);
    if (!here.available) GTEST_SKIP() << "not available here: " << here.reason;
  }

  static void set_up(weir::Server& server) {
    weir::Options options;
    options.workers = GetParam().workers;
    options.worker_kind = GetParam().kind;
    server.options(options).model(GetParam().model).listen("127.0.0.1:0");
  }
};

/// Waits for a server that was started, on a thread of its own.
class Running {
 public:
  explicit Running(weir::Server& server)
      : server_(server), thread_([this] {
          code_ = server_.wait();
          ended_ = true;
        }) {}
  ~Running() { stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// The exit code.
  int stop(std::chrono::milliseconds drain = ten_seconds) {
    if (!thread_.joinable()) return code_;
    server_.stop(drain);
    thread_.join();
    return code_;
  }
  /// Knocks meanwhile: a blocking accept on a thread sees a stop when somebody comes, or after
  /// 250 ms.
  int stop_with_knocks(const std::string& address,
                       std::chrono::milliseconds drain = ten_seconds) {
    server_.stop(drain);
    for (; !ended_; support::rest(std::chrono::milliseconds(1))) {
      try {
        support::Client knock(address);
        knock.finish();                   // A child that `fork` makes here holds a copy of it.
      } catch (const std::exception&) {}  // Nobody listens any more.
    }
    return stop(drain);
  }

 private:
  static constexpr std::chrono::milliseconds ten_seconds{10'000};

  weir::Server& server_;
  int code_ = -1;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace faults
