// Runs the networks beside the page's own thread. Frames come in; numbers go out, to the page alone.

import * as ort from "/onnxruntime/ort.wasm.min.mjs";
import { Detector, Extractor, FaceReader } from "/faces/index.js";

const MODELS = { quick: "extractor-int8.onnx", precise: "extractor.onnx" };

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  mjs: new URL("/onnxruntime/ort-wasm-simd-threaded.mjs", self.location).href,
  wasm: new URL("/live/files/ort-wasm-simd-threaded.wasm", self.location).href,
};

let reader = null;
let canvas = null;

async function bytes(name) {
  const answer = await fetch(`/live/files/${name}`);
  if (!answer.ok) throw new Error(`${name} is not there (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function open({ model, prior }) {
  const detector = await Detector.open(ort, await bytes("detector.onnx"), { minFace: 20 });
  const extractor = await Extractor.open(ort, await bytes(MODELS[model]));
  reader = new FaceReader(detector, extractor, { prior });
  await reader.read({ data: new Uint8Array(4 * 640 * 480), width: 640, height: 480 }, -10); // the first run is slow
  reader.reset();
  const { columns, expressions, actionUnits, decisions, caveat, priors } = extractor;
  postMessage({ kind: "ready", columns, expressions, actionUnits, decisions, caveat, priors: Object.keys(priors ?? {}) });
}

function picture(bitmap) {
  const { width, height } = bitmap;
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

async function read({ bitmap, time, taken }) {
  const began = performance.now();
  const image = picture(bitmap);
  const faces = await reader.read(image, time);
  postMessage({ kind: "read", faces, time, taken, width: image.width, height: image.height, took: performance.now() - began });
}

addEventListener("message", async ({ data }) => {
  try {
    if (data.kind === "open") await open(data);
    else if (data.kind === "frame") await read(data);
    else if (data.kind === "prior") reader.prior = data.prior;
    else if (data.kind === "reset") reader.reset();
  } catch (error) {
    postMessage({ kind: "failed", message: String(error?.message ?? error) });
  }
});
