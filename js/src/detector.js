// RetinaFace-MobileNet0.25 (Deng et al., CVPR 2020): the first look of mien.faces.detectors. Finer looks for small
// faces and turned looks for heads on their side are Python's alone: they take longer than a frame lasts.

import { planes, shrink, similarity, TEMPLATE, transform } from "./align.js";

/** @typedef {import("../index.d.ts").Face} Face */
/** @typedef {import("../index.d.ts").Picture} Picture */
/** @typedef {import("../index.d.ts").Runtime} Runtime */

const LEVELS = [[8, 16, 32], [16, 64, 128], [32, 256, 512]]; // stride, sides of its anchors
const CENTER = 0.1, SIZE = 0.2; // variances
const MEAN_RGB = [123, 117, 104];
const SAME = 0.4; // of two boxes that overlap more, one goes
const UPRIGHT_DEG = 30, PROFILE_PX = 16; // of the landmarks beside those of a face that looks ahead

export class Detector {
  /** @param {Runtime} runtime @param {Uint8Array} model @param {import("../index.d.ts").DetectorOptions} options */
  static async open(runtime, model, options = {}) {
    return new Detector(runtime, await runtime.InferenceSession.create(model), options);
  }

  /** @param {Runtime} runtime @param {import("../index.d.ts").Session} session @param {import("../index.d.ts").DetectorOptions} options */
  constructor(runtime, session, { maxSide = 640, minScore = 0.9, minFace = 20 }) {
    this.runtime = runtime; this.session = session;
    this.maxSide = maxSide; this.minScore = minScore; this.minFace = minFace;
  }

  /** @param {Picture} picture @returns {Promise<Face[]>} */
  async detect(picture) {
    const scale = Math.min(1, this.maxSide / Math.max(picture.width, picture.height));
    const width = Math.max(1, Math.round(picture.width * scale)), height = Math.max(1, Math.round(picture.height * scale));
    const input = new this.runtime.Tensor("float32", input_of(picture, width, height), [1, 3, height, width]);
    const said = await this.session.run({ input });
    const found = this.decode(said.loc.data, said.conf.data, said.landmarks.data, width, height);
    const x = picture.width / width, y = picture.height / height;
    for (const face of found) {
      face.box = [face.box[0] * x, face.box[1] * y, face.box[2] * x, face.box[3] * y];
      face.landmarks = face.landmarks.map((value, i) => value * (i % 2 ? y : x));
    }
    return without_doubles(found).filter((face) => Math.max(face.box[2], face.box[3]) >= this.minFace && stands(face));
  }

  /**
   * @param {Float32Array} offsets @param {Float32Array} scores @param {Float32Array} points
   * @param {number} width @param {number} height @returns {Face[]}
   */
  decode(offsets, scores, points, width, height) {
    const found = [];
    let n = 0;
    for (const [stride, ...sides] of LEVELS) {
      const rows = Math.ceil(height / stride), columns = Math.ceil(width / stride);
      for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) for (const side of sides) {
        const score = scores[2 * n + 1];
        if (score >= this.minScore) {
          const ax = (column + 0.5) * stride, ay = (row + 0.5) * stride;
          const w = side * Math.exp(offsets[4 * n + 2] * SIZE), h = side * Math.exp(offsets[4 * n + 3] * SIZE);
          const x = ax + offsets[4 * n] * CENTER * side, y = ay + offsets[4 * n + 1] * CENTER * side;
          const landmarks = Float64Array.from(
            { length: 10 }, (_, i) => (i % 2 ? ay : ax) + points[10 * n + i] * CENTER * side,
          );
          found.push(/** @type {Face} */ ({ score, box: [x - w / 2, y - h / 2, w, h], landmarks }));
        }
        n++;
      }
    }
    return found.sort((a, b) => b.score - a.score);
  }
}

/** @param {Picture} picture @param {number} width @param {number} height */
function input_of(picture, width, height) {
  let colors = planes(picture, [0, 0, picture.width, picture.height]);
  if (width < picture.width || height < picture.height) colors = colors.map((plane) => shrink(plane, width, height));
  const size = width * height, data = new Float32Array(3 * size);
  for (let c = 0; c < 3; c++) {
    const { values } = colors[c], to = (2 - c) * size, mean = MEAN_RGB[c]; // blue first
    for (let i = 0; i < size; i++) data[to + i] = values[i] - mean;
  }
  return data;
}

/** @param {Face[]} faces best first */
function without_doubles(faces) {
  /** @type {Face[]} */
  const kept = [];
  for (const face of faces) if (kept.every((other) => overlap(face.box, other.box) <= SAME)) kept.push(face);
  return kept;
}

/** Intersection over union. @param {Face["box"]} a @param {Face["box"]} b */
export function overlap(a, b) {
  const w = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  return w * h / (a[2] * a[3] + b[2] * b[3] - w * h);
}

/** Whether the landmarks lie as those of an upright face. @param {Face} face */
function stands({ box, landmarks }) {
  if (!landmarks.every(Number.isFinite) || !box.every(Number.isFinite) || Math.min(box[2], box[3]) <= 0) return false;
  const x = landmarks.filter((_, i) => i % 2 === 0), y = landmarks.filter((_, i) => i % 2);
  if (Math.max(Math.max(...x) - Math.min(...x), Math.max(...y) - Math.min(...y)) <= 1) return false;
  const matrix = similarity(landmarks, TEMPLATE), placed = transform(matrix, landmarks);
  const turn = Math.abs(Math.atan2(matrix[3], matrix[0])) * 180 / Math.PI;
  return turn <= UPRIGHT_DEG && placed.every((value, i) => Math.abs(value - TEMPLATE[i]) <= PROFILE_PX);
}
