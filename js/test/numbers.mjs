// Ids of faces over five pictures, with a detector and an extractor that are made up; prints them as JSON.

import { FaceReader } from "../src/index.js";

const at = (x) => {
  const landmarks = Float64Array.of(x + 20, 40, x + 60, 40, x + 40, 60, x + 25, 80, x + 55, 80);
  return { score: 1, box: [x, 0, 80, 100], landmarks };
};
const said = {
  affect: Float64Array.of(0, 0), intensities: new Float64Array(0), landmarks: new Float64Array(52).fill(NaN),
  pose: [0, 0, 0], eyeOpen: [1, 1], gaze: [0, 0], quality: 1,
};
let faces = [];
const detector = { detect: async () => faces };
const extractor = {
  columns: ["valence", "arousal"], actionUnits: [], qualityLevel: null, priors: null, estimate: async () => said,
};
const reader = new FaceReader(detector, extractor);
const picture = { data: new Uint8Array(4), width: 1, height: 1 };
const read = async (time, ...places) => {
  faces = places.map(at);
  return (await reader.read(picture, time)).map(({ id }) => id);
};
console.log(JSON.stringify([
  await read(0, 300, 0),
  await read(0.1, 10, 310),
  await read(0.2, 310),
  await read(0.3, 310, 10, 600),
  await read(5, 310),
]));
