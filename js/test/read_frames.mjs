// Reads frames from a file, for tests: node read_frames.mjs RUNTIME DETECTOR EXTRACTOR FRAMES. FRAMES begins with a
// line of JSON, {"width", "height", "times", "prior"}, then RGBA frame after frame. Prints the readings as JSON.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Detector, Extractor, FaceReader } from "../src/index.js";

const [runtimeFile, detectorFile, extractorFile, framesFile] = process.argv.slice(2);
const ort = await import(pathToFileURL(runtimeFile).href);
ort.env.wasm.numThreads = 1;
const bytes = (file) => new Uint8Array(readFileSync(file));
const frames = bytes(framesFile), end = frames.indexOf(10);
const { width, height, times, prior } = JSON.parse(new TextDecoder().decode(frames.subarray(0, end)));
const reader = new FaceReader(
  await Detector.open(ort, bytes(detectorFile)), await Extractor.open(ort, bytes(extractorFile)), { prior },
);
const told = [], took = [];
for (const [index, time] of times.entries()) {
  const size = 4 * width * height, start = end + 1 + index * size;
  const before = performance.now();
  const faces = await reader.read({ data: frames.subarray(start, start + size), width, height }, time);
  took.push(performance.now() - before);
  told.push({
    detected: reader.detected,
    faces: faces.map(({ affect, intensities, landmarks, pose, ...rest }) => ({
      ...rest, affect: [...affect], intensities: [...intensities], landmarks: [...landmarks], pose: [...pose],
      face: { ...rest.face, landmarks: [...rest.face.landmarks] },
    })),
  });
}
writeFileSync(1, JSON.stringify({ columns: reader.extractor.columns, frames: told, took_ms: took }));
process.exit(0);
