// `node build.mjs [FOLDER]` bundles the page and its worker into dist/ or another folder, beside ONNX Runtime's
// WebAssembly and what lies in public/.
import { cpSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

const folder = process.argv[2] ?? "dist";
mkdirSync(folder, { recursive: true });
cpSync("public", folder, { recursive: true });
cpSync(
  "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
  `${folder}/ort-wasm-simd-threaded.wasm`,
);
await build({
  entryPoints: ["src/page.ts", "src/worker.ts"],
  outdir: folder,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  logLevel: "warning",
});
