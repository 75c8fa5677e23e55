// 1-euro filters (Casiez, Roussel & Vogel, CHI 2012), as mien.faces.one_euro and mien.pipeline.smoothing have them.

const SPEED_CUTOFF_HZ = 1.5;
const LANDMARKS = { rest: 0.8, perSpeed: 20 }; // Hz, and Hz per face size a second
const ESTIMATES = { rest: 1 / (2 * Math.PI * 0.08), perSpeed: 3 }; // Hz, and Hz per change of 1 a second

/** How much of a new value enters. @param {number} cutoff Hz @param {number} elapsed seconds */
function share(cutoff, elapsed) {
  return 1 / (1 + 1 / (2 * Math.PI * cutoff * elapsed));
}

/** The five landmarks by which a crop is cut; they share one cutoff, so that the shape is never bent. */
export class SteadyLandmarks {
  /** @type {Float64Array | null} */ points = null;
  velocity = [0, 0];
  time = 0;

  /** @param {Float64Array} points @param {number} time @returns {Float64Array} */
  update(points, time) {
    const elapsed = time - this.time, before = this.points;
    this.time = time;
    if (!before || elapsed <= 0) return this.points = points;
    const size = Math.max(1, Math.hypot(points[2] - points[0], points[3] - points[1]));
    for (const axis of [0, 1]) {
      let moved = 0;
      for (let i = axis; i < points.length; i += 2) moved += (points[i] - before[i]) / (points.length / 2);
      this.velocity[axis] += share(SPEED_CUTOFF_HZ, elapsed) * (moved / size / elapsed - this.velocity[axis]);
    }
    const own = share(LANDMARKS.rest + LANDMARKS.perSpeed * Math.hypot(...this.velocity), elapsed);
    return this.points = points.map((value, i) => before[i] + own * (value - before[i]));
  }
}

/** Numbers; those of one group share their cutoff. */
export class SteadyNumbers {
  /** @type {Float64Array | null} */ values = null;
  time = 0;

  /** @param {readonly number[]} groups of every number @param {number} reach of their range, beside 0 to 1 */
  constructor(groups, reach = 1) {
    this.groups = groups; this.reach = reach;
    this.speed = new Float64Array(groups.length);
  }

  /** @param {Float64Array} values @param {number} time @returns {Float64Array} */
  update(values, time) {
    const elapsed = time - this.time, before = this.values;
    this.time = time;
    if (!before || elapsed <= 0) return this.values = values;
    const fastest = new Map();
    this.groups.forEach((group, i) => {
      this.speed[i] += share(SPEED_CUTOFF_HZ, elapsed) * ((values[i] - before[i]) / elapsed - this.speed[i]);
      fastest.set(group, Math.max(fastest.get(group) ?? 0, Math.abs(this.speed[i]) / this.reach));
    });
    return this.values = values.map((value, i) => before[i]
      + share(ESTIMATES.rest + ESTIMATES.perSpeed * fastest.get(this.groups[i]), elapsed) * (value - before[i]));
  }
}
