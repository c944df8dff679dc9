// The report of weir compare: everything is made from the data in this page.
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { charts } from "./charts.js";
import { figures, make } from "./format.js";
import { cellTable, machineTable, rawData, subjectTable } from "./tables.js";

function head(data) {
  const cpus = data.server_cpus.length === 0 ? "on shared CPUs"
    : `servers on CPU ${data.server_cpus.join(", ")}, generator on ${data.load_cpus.join(", ")}`;
  const runs = data.repeats === 1 ? "One run" : `Medians of ${data.repeats} runs`;
  const how = `${data.date}. ${runs} of ${figures(data.seconds)} s each, ` +
    `the subjects in turn, in an order drawn anew; ${cpus}.`;
  return [make("h1", {}, "weir compare"), make("p", { class: "quiet" }, how),
    make("ul", { class: "reading" },
      ...[...data.reading, ...data.notes.map((note) => note + ".")]
        .map((sentence) => make("li", {}, sentence)))];
}

function foot(data, text) {
  const seed = make("p", { class: "quiet" },
    `Everything: ${data.command} (seed ${data.seed}). One run by hand:`);
  return [make("h2", {}, "Correctness"), subjectTable(data.subjects),
    make("h2", {}, "Figures"),
    make("p", { class: "quiet" }, "Medians, with the least and the most of all runs below."),
    ...data.cells.map((cell) => cellTable(cell, data.reference)),
    make("h2", {}, "Machine"), machineTable(data.machine),
    make("h2", {}, "Commands"), seed, make("pre", {}, data.commands.join("\n")),
    rawData(text)];
}

function show() {
  const text = document.getElementById("data").textContent;
  const data = JSON.parse(text);
  const all = charts(data);
  const grid = make("div", { class: "charts" }, ...all.map((chart) => chart.element));
  document.getElementById("page").append(...head(data), grid, ...foot(data, text));
  const draw = () => all.forEach((chart) => chart.draw());
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  // A little later: a chart that grows at once would call the observer from within itself.
  const resize = () => setTimeout(() => all.forEach((chart) => chart.resize()), 0);
  new ResizeObserver(resize).observe(grid);
  document.documentElement.dataset.ready = "yes";
}

show();
