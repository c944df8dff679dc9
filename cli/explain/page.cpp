#include "cli/explain/page.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace weir::cli {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --server: #57606a;
  --A: #0a66c2; --B: #b0530a; --mark: #d4a72c44; }
@media (prefers-color-scheme: dark) { :root { --server: #9aa4af; --A: #6cb4ff; --B: #ffa657; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 110rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 1.5rem; }
.models { display: grid; gap: 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 20rem; table-layout: fixed; }
th { text-align: left; font-weight: 600; padding: .2rem .6rem; }
td { padding: .1rem .6rem; vertical-align: top; border-left: 2px solid var(--soft); }
td.step, th.step { border: 0; text-align: right; color: var(--server); white-space: nowrap; }
th.step { width: 3.6rem; }
tr.act th { padding-top: 1rem; border-bottom: 1px solid var(--line); }
tr.differs td { background: var(--mark); }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 40rem) { td { padding: .1rem .25rem; } code { font-size: 11px; } }
.server { color: var(--server); } .A { color: var(--A); } .B { color: var(--B); }
.result { opacity: .8; }
ol { padding-left: 2rem; } li code { color: var(--server); }
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

constexpr std::array<std::string_view, 3> lanes{"server", "A", "B"};

// The lane in which a call stands: who makes it or, where one thread makes all, whom it is about.
std::string_view lane_of(const Timeline& timeline, const Line& line) {
  const std::string& of = timeline.several_lanes ? line.lane : line.about;
  const auto found = std::ranges::find(lanes, of);
  return found == lanes.end() ? lanes.front() : *found;
}

std::string step_text(const ModelInfo& info, std::string_view step) {
  for (std::size_t i = 0; i < info.recipe.size(); ++i) {
    if (step == std::to_string(i + 1)) return std::string(info.recipe[i].text);
  }
  for (const SharedStep& each : shared_steps()) {
    if (step == each.name) return std::string(each.text);
  }
  return {};
}

bool has_like(const Scene* scene, const Line& line) {
  return scene == nullptr || std::ranges::any_of(scene->lines, [&](const Line& other) {
           return other.call == line.call && other.outcome == line.outcome;
         });
}

std::string row(const Timeline& timeline, const Line& line, bool differs) {
  std::string text = fmt::format(
      "<tr{}><td class=\"step\" title=\"{}\">{}</td>", differs ? " class=\"differs\"" : "",
      escaped(step_text(timeline.info, line.step)), escaped(line.step));
  for (const std::string_view lane : lanes) {
    if (lane != lane_of(timeline, line)) {
      text += "<td></td>";
      continue;
    }
    text += fmt::format("<td class=\"{}\"><code>{}</code>", lane, escaped(line.call));
    if (!line.outcome.empty()) {
      text += fmt::format(" <code class=\"result\">= {}</code>", escaped(line.outcome));
    }
    text += "</td>";
  }
  return text + "</tr>\n";
}

std::string recipe(const ModelInfo& info) {
  std::string text = "<ol>\n";
  for (const RecipeStep& step : info.recipe) {
    text += fmt::format("<li>{} <code>{}</code></li>\n", escaped(step.text), escaped(step.where));
  }
  return text + "</ol>\n";
}

std::string section(const Timeline& timeline, const Timeline* other) {
  std::string text =
      fmt::format("<section>\n<h2>{}</h2>\n<p>{}</p>\n{}", escaped(timeline.info.name),
                  escaped(timeline.info.summary), recipe(timeline.info));
  text += "<div class=\"scroll\"><table>\n<tr><th class=\"step\">step</th>";
  for (const std::string_view lane : lanes) {
    text += fmt::format("<th class=\"{0}\">{0}</th>", lane);
  }
  text += "</tr>\n";
  for (std::size_t i = 0; i < timeline.scenes.size(); ++i) {
    const Scene& scene = timeline.scenes[i];
    const Scene* beside =
        other != nullptr && i < other->scenes.size() ? &other->scenes[i] : nullptr;
    text += fmt::format("<tr class=\"act\"><th></th><th colspan=\"3\">{}</th></tr>\n",
                        escaped(scene.title));
    if (scene.lines.empty()) {
      text +=
          fmt::format("<tr><td class=\"step\"></td><td colspan=\"3\">{}</td></tr>\n", no_call);
    }
    for (const Line& line : scene.lines) { text += row(timeline, line, !has_like(beside, line)); }
  }
  return text + "</table></div>\n</section>\n";
}

}  // namespace

std::string to_page(std::span<const Timeline> timelines) {
  std::string title;
  for (const Timeline& each : timelines) {
    if (!title.empty()) title += " and ";
    title += each.info.name;
  }
  std::string text = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}, call by call</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<h1>{0}, call by call</h1>\n"
      "<p>A real run with two clients, A and B. L is the listening socket, E the epoll object, W "
      "what ends a sleep from outside. The number is the step of the recipe.</p>\n"
      "<div class=\"models\">\n",
      escaped(title), style);
  for (const Timeline& each : timelines) {
    const Timeline* other =
        timelines.size() == 2 ? &timelines[&each == &timelines[0] ? 1 : 0] : nullptr;
    text += section(each, other);
  }
  return text + "</div>\n</body>\n</html>\n";
}

}  // namespace weir::cli
