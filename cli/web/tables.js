// The tables, the machine and the raw data.
import { duration, figures, make, size } from "./format.js";

const columns = [
  ["requests/s", "requests_per_s", figures], ["CPU a request, µs", "cpu_us", figures],
  ["user", "user_us", figures], ["system", "system_us", figures],
  ["system calls a request", "calls", figures],
  ["context switches a request", "switches", figures], ["p50", "p50_us", duration],
  ["p99", "p99_us", duration], ["p99.9", "p999_us", duration],
  ["memory a connection", "memory", size],
];

function figureCell(known, format) {
  if (known === null) return make("td", {}, "–");
  const range = known.min === known.max ? null
    : make("span", { class: "range" }, `${format(known.min)} to ${format(known.max)}`);
  return make("td", {}, format(known.median), range);
}

function ratioCell(row, reference) {
  const times = row.ratios.cpu_us;
  if (row.subject === reference || times === null) {
    return make("td", {}, times === null ? "–" : "1");
  }
  if (times.differs) return make("td", {}, times.median.toFixed(2));
  return make("td", { class: "unsure", title: "within the noise" },
    "~" + times.median.toFixed(2));
}

function remarks(row) {
  const errors = row.samples.reduce((sum, sample) => sum + sample.errors, 0);
  return [row.generator_bound ? "the generator was the bottleneck" : "",
    errors > 0 ? `${errors} errors` : ""].filter((text) => text !== "").join("; ");
}

function tableRow(row, reference) {
  const name = make("td", {}, row.subject);
  if (row.unavailable !== "" || row.samples.length === 0) {
    const words = make("td", { class: "words", colspan: columns.length + 2 }, row.unavailable);
    return make("tr", {}, name, words);
  }
  const cells = columns.map(([, metric, format]) => figureCell(row.figures[metric], format));
  cells.splice(2, 0, ratioCell(row, reference));
  return make("tr", row.subject === reference ? { class: "reference" } : {}, name, ...cells,
    make("td", { class: "words" }, remarks(row)));
}

export function cellTable({ cell, rows, noise }, reference) {
  const names = columns.map(([name]) => name);
  names.splice(2, 0, `against ${reference}`);
  const head = make("tr", {}, make("th"), ...names.map((name) => make("th", {}, name)),
    make("th"));
  const body = rows.map((row) => tableRow(row, reference));
  const text = noise.cpu_us === null ? "The noise is not known."
    : `CPU ratios below ${noise.cpu_us.toFixed(2)} are within the noise.`;
  return make("section", {}, make("h3", {}, `With ${cell.text}`),
    make("p", { class: "quiet" }, text),
    make("div", { class: "wide" }, make("table", { class: "figures" },
      make("thead", {}, head), make("tbody", {}, ...body))));
}

export function subjectTable(subjects) {
  const head = ["", "clients", "requests", "verdict"].map((name) =>
    make("th", name === "verdict" ? { class: "words" } : {}, name));
  const rows = subjects.map((subject) => make("tr", {}, make("td", {}, subject.name),
    make("td", {}, subject.clients.toLocaleString("en")),
    make("td", {}, subject.requests.toLocaleString("en")),
    make("td", { class: "words" }, subject.verdict)));
  return make("div", { class: "wide" }, make("table", { class: "figures" },
    make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

export function machineTable(machine) {
  const rows = Object.entries(machine).map(([name, value]) => make("tr", {},
    make("td", {}, name), make("td", { class: "words" }, value)));
  return make("table", { class: "figures" }, make("tbody", {}, ...rows));
}

export function rawData(text) {
  const link = make("a", { download: "weir-compare.json",
    href: "data:application/json;charset=utf-8," + encodeURIComponent(text) },
    "Save it as a file");
  return make("details", { id: "raw" }, make("summary", {}, "Raw data (JSON)"),
    make("p", {}, link), make("pre", {}, text));
}
