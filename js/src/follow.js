// Where a face is in the next picture, from the extractor's landmarks: mien.pipeline.following.

import { similarity, transform } from "./align.js";

/** @typedef {import("../index.d.ts").Face} Face */
/** @typedef {import("../index.d.ts").Estimates} Estimates */
/** @typedef {import("../index.d.ts").Points} Points */
/** @typedef {{ face: Face, found: Face, offset: Points }} Followed as it was last, as it was detected, and how the
 * detector's points lie beside the extractor's in the face's own axes, over the distance of the eyes */

const LEAST_QUALITY = 0.5;
const MOVED_AT_MOST = 0.22, SHAPE_OFF_AT_MOST = 0.3; // of the distance of the eyes
const TURNED_AT_MOST_DEG = 50;
const OFFSET_SHARE = 0.5;
const PARTS = [[6, 8], [7, 9], [20], [18], [19]]; // which of the 26 points make each of the five

/** @param {Points} landmarks 26 */
function fivePoints(landmarks) {
  return Float64Array.from({ length: 10 }, (_, i) => {
    const part = PARTS[i >> 1];
    return part.reduce((sum, k) => sum + landmarks[2 * k + i % 2], 0) / part.length;
  });
}

/** @param {Estimates} said */
function isClear({ landmarks, quality, pose }) {
  return landmarks.every(Number.isFinite) && quality >= LEAST_QUALITY && !(Math.abs(pose[0]) > TURNED_AT_MOST_DEG);
}

/** The face's own axis along the eyes, and their distance. @param {Points} points */
function axis(points) {
  const x = points[2] - points[0], y = points[3] - points[1], size = Math.hypot(x, y);
  return size > 1 ? { x: x / size, y: y / size, size } : null;
}

/** @param {Face} found @param {Estimates} said @param {Followed | undefined} before @returns {Followed | null} */
export function begin(found, said, before) {
  if (!isClear(said)) return null;
  const points = fivePoints(said.landmarks), own = axis(points);
  if (!own) return null;
  const offset = new Float64Array(10);
  for (let i = 0; i < 10; i += 2) {
    const dx = found.landmarks[i] - points[i], dy = found.landmarks[i + 1] - points[i + 1];
    offset[i] = (dx * own.x + dy * own.y) / own.size;
    offset[i + 1] = (dy * own.x - dx * own.y) / own.size;
  }
  if (before) offset.forEach((value, i) => { offset[i] = OFFSET_SHARE * value + (1 - OFFSET_SHARE) * before.offset[i]; });
  return { face: found, found, offset };
}

/** @param {Followed} followed @param {Estimates} said @param {Points} cutAt @returns {Followed | null} null: in doubt */
export function goOn({ found, offset }, said, cutAt) {
  if (!isClear(said)) return null;
  const now = fivePoints(said.landmarks), own = axis(now);
  if (!own) return null;
  const moved = [0, 0];
  for (let i = 0; i < 10; i += 2) {
    now[i] += (offset[i] * own.x - offset[i + 1] * own.y) * own.size;
    now[i + 1] += (offset[i] * own.y + offset[i + 1] * own.x) * own.size;
    moved[0] += (now[i] - cutAt[i]) / 5;
    moved[1] += (now[i + 1] - cutAt[i + 1]) / 5;
  }
  if (Math.max(Math.abs(moved[0]), Math.abs(moved[1])) > MOVED_AT_MOST * own.size) return null;
  const matrix = similarity(found.landmarks, now);
  const expected = transform(matrix, found.landmarks);
  if (expected.some((value, i) => Math.abs(value - now[i]) > SHAPE_OFF_AT_MOST * own.size)) return null;
  const scale = Math.hypot(matrix[0], matrix[3]);
  const [, , width, height] = found.box.map((value) => value * scale);
  const [x, y] = transform(matrix, [found.box[0] + found.box[2] / 2, found.box[1] + found.box[3] / 2]);
  return { face: { score: found.score, box: [x - width / 2, y - height / 2, width, height], landmarks: now }, found, offset };
}
