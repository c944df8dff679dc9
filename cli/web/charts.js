// The charts: each is drawn anew when the page's width or its colours change.
import uPlot from "uplot";
import { colour, duration, figures, make, size } from "./format.js";

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Whole steps on a logarithmic axis: powers of the base, and 2 and 5 times them where there is room.
function logSplits(base, least, most) {
  const powers = Math.log(most / least) / Math.log(base);
  const steps = base === 10 && powers <= 2.5 ? [1, 2, 5] : [1];
  const splits = [];
  for (let power = Math.floor(Math.log(least) / Math.log(base)); ; power += 1) {
    for (const step of steps) {
      const value = step * base ** power;
      if (value > most) return splits;
      if (value >= least) splits.push(value);
    }
  }
}

function logAxis(base = 10) {
  return { splits: (_, __, least, most) => logSplits(base, least, most),
    filter: (_, splits) => splits };
}

function axis(label, format, scale = {}) {
  return {
    label, stroke: style("--quiet"), labelSize: 22, size: 62,
    grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line"), width: 1 },
    values: (_, splits) => splits.map((value) => (value === null ? "" : format(value))),
    ...(scale.distr === 3 ? logAxis(scale.base) : {}),
  };
}

// A logarithmic scale with some room at both ends, and never less than a factor of ten.
function log(base = 10) {
  return { distr: 3, log: base === 10 ? 10 : 2, base, range: (_, least, most) => {
    if (!(least > 0)) return [1, 10];
    const room = Math.max(1.3, Math.sqrt(10 / (most / least)));
    return [least / room, most * room];
  } };
}

function fromZero() {
  return { range: (_, least, most) => [0, most > 0 ? most * 1.05 : 1] };
}

function line(name, index, format, extra = {}) {
  return {
    label: name, stroke: colour(index), width: 2, spanGaps: true, points: { size: 7 },
    value: (_, value) => (value === null || value === undefined ? "" : format(value)), ...extra,
  };
}

function options({ x, y, xScale, yScale, series, extra }) {
  return {
    height: 320, padding: [12, 16, 0, 0], cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false, ...xScale }, y: yScale },
    axes: [axis(x.label, x.format, xScale), axis(y.label, y.format, yScale)],
    series: [{ label: x.label, value: (_, v) => (v === null ? "" : x.format(v)) }, ...series],
    ...extra,
  };
}

/// A figure that holds a chart; `build` yields uPlot's options and data, or null for no data.
function figure(id, title, explanation, build) {
  const place = make("div", { class: "place" });
  const element = make("figure", { id, "data-chart": "" },
    make("figcaption", {}, title), make("p", {}, explanation), place);
  let chart = null;
  const draw = () => {
    chart?.destroy();
    const built = build();
    if (built === null) {
      place.textContent = "Nothing was measured for this picture.";
      return;
    }
    const width = Math.max(place.clientWidth, 240);
    chart = new uPlot({ ...built.options, width }, built.data, place);
  };
  return { element, draw, resize: () => {
    const width = Math.max(place.clientWidth, 240);
    if (chart !== null && chart.width !== width) chart.setSize({ width, height: chart.height });
  } };
}

function shown(data) {
  return data.subjects.map((subject, index) => ({ ...subject, index }))
    .filter((subject) => !subject.again);
}

function median(cell, index, metric) {
  return cell.rows[index].figures[metric]?.median ?? null;
}

function lines(subjects, cells, metric) {
  return subjects.map(({ index }) => cells.map((cell) => median(cell, index, metric)));
}

/// The cells that differ from the first one in the number of connections only.
function byConnections(data) {
  const base = data.cells[0].cell;
  return data.cells.filter(({ cell }) => cell.idle === base.idle &&
      cell.message === base.message && cell.pipeline === base.pipeline)
    .sort((a, b) => a.cell.connections - b.cell.connections);
}

function againstConnections(data, id, title, explanation, metric, y, yScale) {
  return figure(id, title, explanation, () => {
    const cells = byConnections(data);
    const subjects = shown(data);
    return {
      data: [cells.map(({ cell }) => cell.connections), ...lines(subjects, cells, metric)],
      options: options({
        x: { label: "connections", format: figures }, y, xScale: log(), yScale: yScale(),
        series: subjects.map((subject) => line(subject.name, subject.index, y.format)),
      }),
    };
  });
}

function idle(data) {
  const title = "CPU a request against clients that are merely connected";
  const why = "Both axes logarithmic. A level line: what is idle costs nothing. Dashed: the " +
    "fitted power of the number of clients; its slope is in the legend.";
  return figure("chart-idle", title, why, () => {
    const cells = data.idle_cells.map((index) => data.cells[index]);
    if (cells.length < 2) return null;
    const clients = cells.map(({ cell }) => cell.connections + cell.idle);
    const subjects = shown(data).filter((subject) =>
      cells.some((cell) => median(cell, subject.index, "cpu_us") !== null));
    const fitted = subjects.filter((subject) => subject.idle_fit !== null);
    const format = (us) => figures(us) + " µs";
    return {
      data: [clients, ...lines(subjects, cells, "cpu_us"),
        ...fitted.map(({ idle_fit: fit }) => clients.map((x) => fit.factor * x ** fit.slope))],
      options: options({
        x: { label: "clients connected", format: figures },
        y: { label: "CPU a request, µs", format: figures }, xScale: log(), yScale: log(),
        series: [
          ...subjects.map((subject) => line(label(subject), subject.index, format)),
          ...fitted.map((subject) => line(subject.name + ", fitted", subject.index, format,
            { dash: [6, 6], width: 1, points: { show: false }, class: "fitted" })),
        ],
        extra: { legend: { markers: { width: 3 } } },
      }),
    };
  });
}

function label(subject) {
  if (subject.idle_fit === null) return subject.name;
  const slope = subject.idle_fit.slope.toFixed(2);
  return `${subject.name}, slope ${slope === "-0.00" ? "0.00" : slope}`;
}

function spectrum(data) {
  const cell = data.cells[0];
  const title = "Latency by percentile";
  const why = `With ${cell.cell.text}. To the right the rarer, slower requests: 99 % is one in ` +
    "a hundred.";
  return figure("chart-spectrum", title, why, () => {
    const subjects = shown(data).filter(({ index }) => cell.rows[index].spectrum.length > 0);
    if (subjects.length === 0) return null;
    const tables = subjects.map(({ index }) => {
      const points = cell.rows[index].spectrum.map(([above, us]) => [1 / above, us]);
      return [points.map(([x]) => x), points.map(([, us]) => us)];
    });
    const percentile = (x) => (x <= 1 ? "0 %" : figures(100 * (1 - 1 / x), 6) + " %");
    return {
      data: uPlot.join(tables),
      options: options({
        x: { label: "percentile", format: percentile },
        y: { label: "latency", format: duration }, xScale: log(), yScale: log(),
        series: subjects.map((subject) => line(subject.name, subject.index, duration,
          { points: { show: false } })),
      }),
    };
  });
}

// The cell with the most clients of which somebody's memory is known.
function memoryCell(data) {
  const known = data.cells.filter((cell) => cell.rows.some((row) => row.figures.memory !== null));
  const clients = ({ cell }) => cell.connections + cell.idle;
  return known.sort((a, b) => clients(b) - clients(a))[0];
}

function memory(data) {
  const cell = memoryCell(data);
  const why = cell === undefined ? "Resident memory of the server." :
    `Resident memory of the server, without the kernel's sockets, with ${cell.cell.text}.`;
  return figure("chart-memory", "Memory a connection", why, () => {
    if (cell === undefined) return null;
    const subjects = shown(data).filter(({ index }) => median(cell, index, "memory") > 0);
    if (subjects.length === 0) return null;
    const bars = subjects.map((subject, place) => subjects.map((_, at) =>
      (at === place ? median(cell, subject.index, "memory") : null)));
    return {
      data: [subjects.map((_, place) => place), ...bars],
      options: options({
        x: { label: "model", format: (place) => subjects[place]?.name ?? "" },
        y: { label: "a connection", format: size },
        xScale: { range: () => [-0.6, subjects.length - 0.4] }, yScale: log(4),
        series: subjects.map((subject) => line(subject.name, subject.index, size, {
          paths: uPlot.paths.bars({ size: [0.7, 60] }), fill: colour(subject.index) + "aa",
          points: { show: false },
        })),
        extra: { axes: memoryAxes(subjects) },
      }),
    };
  });
}

function memoryAxes(subjects) {
  const names = axis("", (place) => subjects[place]?.name ?? "");
  return [
    { ...names, splits: () => subjects.map((_, place) => place), rotate: -40, size: 70,
      labelSize: 0, grid: { show: false } },
    axis("a connection", size, log(4)),
  ];
}

export function charts(data) {
  const rate = { label: "requests a second", format: figures };
  const cpu = { label: "CPU a request, µs", format: figures };
  const tail = { label: "p99 latency", format: duration };
  return [
    againstConnections(data, "chart-throughput", "Throughput",
      "Requests a second against connections that send.",
      "requests_per_s", rate, fromZero),
    againstConnections(data, "chart-cpu", "CPU a request",
      "Of the server, user and system. This is what a request costs, whoever was the bottleneck.",
      "cpu_us", cpu, fromZero),
    againstConnections(data, "chart-tail", "Tail latency",
      "Of a hundred requests, one takes longer than this.", "p99_us", tail, () => log()),
    idle(data), spectrum(data), memory(data),
  ];
}
