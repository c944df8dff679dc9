// registry.cpp - the one place that names every model.
#include <algorithm>
#include <array>

#include <weir/misuse.h>

#include "model/model.h"

namespace weir {
namespace detail {
namespace {

// In the order of the textbooks.
const std::array entries{&iterative_entry,   &fork_entry,     &threads_entry,
                         &nonblocking_entry, &select_entry,   &poll_entry,
                         &epoll_lt_entry,    &epoll_et_entry, &io_uring_entry};

// What automatic tries, best first.
constexpr std::array preferred{Model::io_uring, Model::epoll_et, Model::poll};

}  // namespace

const ModelEntry& entry(Model model) noexcept {
  const auto found = std::find_if(entries.begin(), entries.end(), [=](const ModelEntry* each) {
    return each->info.model == model;
  });
  if (found == entries.end()) misuse("a value that is no Model was given as one", "models");
  return **found;
}

}  // namespace detail

std::span<const ModelInfo> models() noexcept {
  static const auto infos = [] {
    std::array<ModelInfo, detail::entries.size()> result{};
    std::transform(detail::entries.begin(), detail::entries.end(), result.begin(),
                   [](const detail::ModelEntry* each) { return each->info; });
    return result;
  }();
  return infos;
}

std::string_view name(Model model) noexcept {
  return model == Model::automatic ? "automatic" : detail::entry(model).info.name;
}

std::optional<Model> model_named(std::string_view name) noexcept {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '_', '-');
  if (wanted == "automatic" || wanted == "auto") return Model::automatic;
  for (const ModelInfo& info : models()) {
    if (info.name == wanted) return info.model;
  }
  return std::nullopt;
}

Availability availability(Model model) {
  return model == Model::automatic ? detail::always_available()
                                   : detail::entry(model).availability();
}

Choice choose_model() {
  std::string passed_over;
  for (const Model model : detail::preferred) {
    const Availability here = availability(model);
    if (here.available) {
      return {model, passed_over.empty() ? "the best available" : passed_over};
    }
    if (!passed_over.empty()) passed_over += "; ";
    passed_over += std::string(name(model)) + " is not available: " + here.reason;
  }
  return {Model::select, passed_over};
}

}  // namespace weir
