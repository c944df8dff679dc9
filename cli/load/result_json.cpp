#include <stdexcept>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/load/result.h"

namespace weir::cli {
namespace {

using Json = nlohmann::ordered_json;

// Everything that a merge needs, and the percentiles that a reader wants. A bucket is its lowest
// value and its count.
Json to_json(const Histogram& times) {
  auto buckets = Json::array();
  for (const auto& each : times.buckets()) buckets.push_back({each.lowest, each.count});
  return {{"count", times.count()},
          {"min", times.min()},
          {"mean", times.mean()},
          {"p50", times.at_percentile(50)},
          {"p90", times.at_percentile(90)},
          {"p99", times.at_percentile(99)},
          {"p99.9", times.at_percentile(99.9)},
          {"p99.99", times.at_percentile(99.99)},
          {"max", times.max()},
          {"buckets", std::move(buckets)}};
}

Histogram histogram_from(const Json& document) {
  std::vector<Histogram::Bucket> buckets;
  for (const Json& each : document.at("buckets")) {
    const std::int64_t lowest = each.at(0);
    buckets.push_back({lowest, lowest, each.at(1)});
  }
  Histogram result;
  result.restore(buckets, document.at("min"), document.at("max"));
  return result;
}

constexpr const char* form = "weir load 1";

}  // namespace

Json to_json(const Result& result) {
  return {{"form", form},
          {"server", result.server},
          {"protocol", result.protocol},
          {"loop", result.loop},
          {"rate", result.rate},
          {"connections", result.connections},
          {"idle", result.idle},
          {"message", result.message},
          {"pipeline", result.pipeline},
          {"churn", result.churn},
          {"workers", result.workers},
          {"model", result.model},
          {"seconds", result.seconds},
          {"requests", result.requests},
          {"requests_per_s", result.requests_per_s},
          {"requests_ever", result.requests_ever},
          {"greetings", result.greetings},
          {"bytes_received", result.bytes_received},
          {"errors", result.errors},
          {"statuses", result.statuses},
          {"cpu_s", result.cpu_s},
          {"unit", "ns"},
          {"latency", to_json(result.latency)},
          {"service", to_json(result.service)},
          {"connect", to_json(result.connects)}};
}

Result result_from_json(const Json& document) {
  Result result;
  if (!document.is_object() || document.value("form", "") != form) {
    throw std::runtime_error("not a result of weir load --json");
  }
  document.at("server").get_to(result.server);
  document.at("protocol").get_to(result.protocol);
  document.at("loop").get_to(result.loop);
  document.at("rate").get_to(result.rate);
  document.at("connections").get_to(result.connections);
  document.at("idle").get_to(result.idle);
  document.at("message").get_to(result.message);
  document.at("pipeline").get_to(result.pipeline);
  document.at("churn").get_to(result.churn);
  document.at("workers").get_to(result.workers);
  document.at("model").get_to(result.model);
  document.at("seconds").get_to(result.seconds);
  document.at("requests").get_to(result.requests);
  document.at("requests_per_s").get_to(result.requests_per_s);
  document.at("requests_ever").get_to(result.requests_ever);
  document.at("greetings").get_to(result.greetings);
  document.at("bytes_received").get_to(result.bytes_received);
  document.at("errors").get_to(result.errors);
  document.at("statuses").get_to(result.statuses);
  document.at("cpu_s").get_to(result.cpu_s);
  result.latency = histogram_from(document.at("latency"));
  result.service = histogram_from(document.at("service"));
  result.connects = histogram_from(document.at("connect"));
  return result;
}

}  // namespace weir::cli
