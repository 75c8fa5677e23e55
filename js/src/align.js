// Similarity alignment, as mien.faces.align does it: the same points, the same way of shrinking, the same border.

/** @typedef {import("../index.d.ts").Picture} Picture */
/** @typedef {import("../index.d.ts").Matrix} Matrix */
/** @typedef {{ values: Float32Array, width: number, height: number }} Plane */

export const CROP = 112;
export const TEMPLATE = Float64Array.of(36, 43, 76, 43, 56, 67, 40, 85, 72, 85);

const LUMINANCE = [0.299, 0.587, 0.114];

/** @param {ArrayLike<number>} source @param {ArrayLike<number>} target @returns {Matrix} */
export function similarity(source, target) {
  const count = source.length / 2;
  let sx = 0, sy = 0, tx = 0, ty = 0;
  for (let i = 0; i < source.length; i += 2) {
    sx += source[i] / count; sy += source[i + 1] / count; tx += target[i] / count; ty += target[i + 1] / count;
  }
  let spread = 0, cosine = 0, sine = 0;
  for (let i = 0; i < source.length; i += 2) {
    const ax = source[i] - sx, ay = source[i + 1] - sy, bx = target[i] - tx, by = target[i + 1] - ty;
    spread += ax * ax + ay * ay;
    cosine += ax * bx + ay * by;
    sine += ax * by - ay * bx;
  }
  if (!(spread > 1e-12)) throw new RangeError("all source points coincide: no similarity is defined");
  cosine /= spread; sine /= spread;
  return Float64Array.of(cosine, -sine, tx - cosine * sx + sine * sy, sine, cosine, ty - sine * sx - cosine * sy);
}

/** @param {Matrix} m @param {ArrayLike<number>} points */
export function transform(m, points) {
  const moved = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    moved[i] = m[0] * points[i] + m[1] * points[i + 1] + m[2];
    moved[i + 1] = m[3] * points[i] + m[4] * points[i + 1] + m[5];
  }
  return moved;
}

/** @param {Matrix} m @returns {Matrix} the way back */
export function inverse(m) {
  const area = m[0] * m[4] - m[1] * m[3];
  const a = m[4] / area, b = -m[1] / area, c = -m[3] / area, d = m[0] / area;
  return Float64Array.of(a, b, -a * m[2] - b * m[5], c, d, -c * m[2] - d * m[5]);
}

/**
 * Part of a picture as planes: red, green and blue.
 * @param {Picture} picture @param {[number, number, number, number]} part left, top, right, bottom
 * @returns {Plane[]}
 */
export function planes({ data, width: row }, [left, top, right, bottom]) {
  const width = right - left, height = bottom - top;
  return [0, 1, 2].map((color) => {
    const values = new Float32Array(width * height);
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0, from = 4 * ((top + y) * row + left) + color; x < width; x++, to++, from += 4) values[to] = data[from];
    }
    return { values, width, height };
  });
}

/**
 * Which pixels, with which weight, make each pixel of a shrunk side: mean over its area.
 * @param {number} from @param {number} to @returns {{ start: Int32Array, weights: Float32Array[] }}
 */
function areas(from, to) {
  const start = new Int32Array(to), weights = [];
  const step = from / to;
  for (let i = 0; i < to; i++) {
    const low = i * step, high = Math.min(from, (i + 1) * step);
    start[i] = Math.floor(low + 1e-9);
    const own = new Float32Array(Math.max(1, Math.ceil(high - 1e-9) - start[i]));
    for (let k = 0; k < own.length; k++) {
      own[k] = (Math.min(high, start[i] + k + 1) - Math.max(low, start[i] + k)) / (high - low);
    }
    weights.push(own);
  }
  return { start, weights };
}

/** @param {Plane} plane @param {number} width @param {number} height @returns {Plane} shrunk, mean over areas */
export function shrink(plane, width, height) {
  const across = areas(plane.width, width), down = areas(plane.height, height);
  const rows = new Float32Array(width * plane.height);
  for (let y = 0, to = 0; y < plane.height; y++) {
    const row = y * plane.width;
    for (let x = 0; x < width; x++, to++) {
      const own = across.weights[x], from = row + across.start[x];
      let sum = 0;
      for (let k = 0; k < own.length; k++) sum += own[k] * plane.values[from + k];
      rows[to] = sum;
    }
  }
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const own = down.weights[y];
    for (let k = 0; k < own.length; k++) {
      const from = (down.start[y] + k) * width;
      for (let x = 0; x < width; x++) values[y * width + x] += own[k] * rows[from + x];
    }
    for (let x = y * width; x < (y + 1) * width; x++) values[x] = Math.round(values[x]);
  }
  return { values, width, height };
}

/** @param {Plane} plane @param {Matrix} toCrop @returns {Float32Array} the crop; the border is repeated */
function warp({ values, width, height }, toCrop) {
  const [a, b, c, d, e, f] = inverse(toCrop);
  const crop = new Float32Array(CROP * CROP);
  const within = (/** @type {number} */ value, /** @type {number} */ most) => value < 0 ? 0 : value > most ? most : value;
  for (let y = 0, to = 0; y < CROP; y++) {
    for (let x = 0; x < CROP; x++, to++) {
      const u = a * x + b * y + c, v = d * x + e * y + f;
      const left = Math.floor(u), top = Math.floor(v), right = u - left, below = v - top;
      const x0 = within(left, width - 1), x1 = within(left + 1, width - 1);
      const y0 = within(top, height - 1) * width, y1 = within(top + 1, height - 1) * width;
      crop[to] = Math.round((1 - below) * ((1 - right) * values[y0 + x0] + right * values[y0 + x1])
        + below * ((1 - right) * values[y1 + x0] + right * values[y1 + x1]));
    }
  }
  return crop;
}

/**
 * @param {Picture} picture @param {number} left @param {number} top @param {number} right @param {number} bottom
 * @returns {[number, number, number, number]} what of it lies in the picture; all of that where nothing does
 */
function inside({ width, height }, left, top, right, bottom) {
  left = Math.max(0, left); top = Math.max(0, top); right = Math.min(width, right); bottom = Math.min(height, bottom);
  return right > left && bottom > top ? [left, top, right, bottom] : [0, 0, width, height];
}

/** The part of a picture that a crop shows. @param {Picture} picture @param {Matrix} toCrop */
function under(picture, toCrop) {
  const corners = transform(inverse(toCrop), [0, 0, CROP, 0, 0, CROP, CROP, CROP]);
  const x = corners.filter((_, i) => i % 2 === 0), y = corners.filter((_, i) => i % 2);
  return inside(picture, Math.floor(Math.min(...x)) - 1, Math.floor(Math.min(...y)) - 1, Math.ceil(Math.max(...x)) + 2, Math.ceil(Math.max(...y)) + 2);
}

/** The part around a face that `mien.faces.align` shrinks. @param {Picture} picture @param {ArrayLike<number>} landmarks */
function around(picture, landmarks) {
  let x = 0, y = 0, reach = 0;
  for (let i = 0; i < landmarks.length; i += 2) { x += 2 * landmarks[i] / landmarks.length; y += 2 * landmarks[i + 1] / landmarks.length; }
  for (let i = 0; i < landmarks.length; i += 2) {
    reach = Math.max(reach, 4 * Math.abs(landmarks[i] - x), 4 * Math.abs(landmarks[i + 1] - y));
  }
  return inside(picture, Math.floor(x - reach), Math.floor(y - reach), Math.ceil(x + reach) + 1, Math.ceil(y + reach) + 1);
}

/**
 * Red, green and blue of the aligned crop, 0 to 255, in whole numbers as pixels are.
 * @param {Picture} picture @param {ArrayLike<number>} landmarks @returns {Float32Array[]}
 */
export function cut(picture, landmarks) {
  const whole = similarity(landmarks, TEMPLATE), scale = Math.hypot(whole[0], whole[3]);
  const part = scale < 0.5 ? around(picture, landmarks) : under(picture, whole);
  let found = planes(picture, part);
  let points = Float64Array.from(landmarks, (value, i) => value - part[i % 2]);
  if (scale < 0.5) { // two by two pixels would leave some of a large face out: shrink it first
    const [{ width, height }] = found;
    const w = Math.max(1, Math.round(2 * scale * width)), h = Math.max(1, Math.round(2 * scale * height));
    found = found.map((plane) => shrink(plane, w, h));
    points = points.map((value, i) => (value + 0.5) * (i % 2 ? h / height : w / width) - 0.5);
  }
  const matrix = similarity(points, TEMPLATE);
  return found.map((plane) => warp(plane, matrix));
}

/** @param {Float32Array[]} colors @returns {Float32Array} */
export function luminance([red, green, blue]) {
  return red.map((value, i) => LUMINANCE[0] * value + LUMINANCE[1] * green[i] + LUMINANCE[2] * blue[i]);
}

/** @param {Picture} picture @param {ArrayLike<number>} landmarks */
export function align(picture, landmarks) {
  return luminance(cut(picture, landmarks));
}
