// Numbers as people read them, and small helpers for the page.

export function figures(number, digits = 3) {
  if (number === null || number === undefined || Number.isNaN(number)) return "–";
  if (number === 0) return "0";
  if (Math.abs(number) >= 1000) return Math.round(number).toLocaleString("en");
  return Number(number.toPrecision(digits)).toString();
}

export function duration(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return figures(us) + " µs";
  if (us < 1e6) return figures(us / 1000) + " ms";
  return figures(us / 1e6) + " s";
}

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return figures(bytes) + " " + units[unit];
}

/// An element with attributes and children; strings become text, never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Told apart by people who see no red or green, on light and on dark ground.
const colours = ["#8c6bb1", "#a6761d", "#d95f8b", "#7f7f7f", "#e6862a", "#d62f2f", "#3f9fd8",
  "#2166c4", "#1aa37a", "#b3a000", "#6d8f2f", "#00a5b5"];

export function colour(index) {
  return colours[index % colours.length];
}
