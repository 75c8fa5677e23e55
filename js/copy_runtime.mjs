// Copies the part of onnxruntime-web that the page needs from node_modules to where the wheel has it:
// npm install && npm run runtime. Then say the new version in its README.md there.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const FILES = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "ort.wasm.min.mjs"];
const here = (path) => new URL(path, import.meta.url);
const to = "../src/mien/serve/page/onnxruntime/";
const sums = FILES.map((name) => {
  let content = readFileSync(here(`node_modules/onnxruntime-web/dist/${name}`));
  if (name.endsWith(".mjs")) content = content.toString().replace(/^\/\/# sourceMappingURL=.*\n?/m, "");
  writeFileSync(here(to + name), content);
  return `${createHash("sha256").update(content).digest("hex")}  ${name}\n`;
});
writeFileSync(here(`${to}SHA256SUMS`), sums.join(""));
