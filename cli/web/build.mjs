// Bundles the page and writes it as C++: node build.mjs OUT.cpp
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const result = await build({
  entryPoints: ["main.js"], bundle: true, minify: true, format: "iife", target: "es2022",
  outdir: "out", write: false, charset: "utf8", legalComments: "none", logLevel: "warning",
});
const text = (ending) => result.outputFiles.find(({ path }) => path.endsWith(ending)).text.trim();
// Whoever passes the page on passes uPlot on, and with it its licence.
const licence = readFileSync("node_modules/uplot/LICENSE", "utf8").trim();
if (licence.includes("*/")) throw new Error("the licence would end its own comment");
const script = `/* Charts: uPlot\n\n${licence}\n*/\n${text(".js")}`;
if (script.includes("</script")) throw new Error("the script would end its own element");

// Split, not replaced: a replacement would give "$" in the script a meaning.
const [beforeStyle, afterStyle] = readFileSync("index.html", "utf8").split("STYLE");
const [beforeData, afterData] = afterStyle.split("DATA");
const [beforeScript, afterScript] = afterData.split("SCRIPT");
const before = beforeStyle + text(".css") + beforeData;
const after = beforeScript + script + afterScript;

function literal(whole) {
  const pieces = whole.match(/[^]{1,8000}/gu);
  return pieces.map((piece) => `    R"page(${piece})page"`).join("\n");
}

function constant(name, whole) {
  if (whole.includes(')page"')) throw new Error("the page ends its own literal");
  return `std::string_view ${name}() noexcept {\n  return std::string_view(\n${literal(whole)},\n` +
    `    ${Buffer.byteLength(whole)});\n}\n`;
}

writeFileSync(process.argv[2], `// Made by cli/web/build.mjs.
#include "cli/compare/page.h"

namespace weir::cli {

${constant("page_before_data", before)}
${constant("page_after_data", after)}
}  // namespace weir::cli
`);
