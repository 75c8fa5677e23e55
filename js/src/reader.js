// Pictures one after another: find once, then follow; as the live path of mien.pipeline.

import { cut } from "./align.js";
import { begin, goOn } from "./follow.js";
import { SteadyLandmarks, SteadyNumbers } from "./steady.js";

/** @typedef {import("../index.d.ts").Face} Face */
/** @typedef {import("../index.d.ts").Picture} Picture */
/** @typedef {import("../index.d.ts").Estimates} Estimates */
/** @typedef {import("../index.d.ts").Reading} Reading */

const DETECT_EVERY = 0.3, LONGEST_GAP = 0.25; // seconds
const BLANK = 1; // grey levels of contrast
const NEAR = 0.6, LIKE = 0.45; // of a face's size, and of its logarithm: where a face may be found again

/**
 * @typedef {object} Track
 * @property {import("./follow.js").Followed | null} followed
 * @property {Face["box"]} box where it was last
 * @property {number} seen when
 * @property {SteadyLandmarks} place
 * @property {SteadyNumbers} affect
 * @property {SteadyNumbers} intensities
 */

export class FaceReader {
  /** @type {Map<number, Track>} */ tracks = new Map();
  detected = false;
  detectedAt = -Infinity;
  next = 0;

  /**
   * @param {import("./detector.js").Detector} detector @param {import("./extractor.js").Extractor} extractor
   * @param {import("../index.d.ts").ReaderOptions} options
   */
  constructor(detector, extractor, { prior = "default", steady = true, maxLost = 2 } = {}) {
    this.detector = detector; this.extractor = extractor;
    this.prior = prior; this.steady = steady; this.maxLost = maxLost;
    const names = extractor.columns; // numbers that belong together move together
    this.groups = names.map((name, i) => i < 2 ? 0 : name.startsWith("expr_") ? 2 : i + 3);
  }

  reset() {
    this.tracks.clear();
    this.detectedAt = -Infinity;
  }

  /** @param {Picture} picture @param {number} time @returns {Promise<Reading[]>} */
  async read(picture, time) {
    for (const [id, track] of this.tracks) if (time - track.seen > this.maxLost) this.tracks.delete(id);
    const since = time - this.detectedAt;
    this.detected = !(since > 0 && since < DETECT_EVERY);
    return (this.detected ? null : await this.follow(picture, time)) ?? this.find(picture, time);
  }

  /** @param {Picture} picture @param {number} time @returns {Promise<Reading[] | null>} null: ask the detector */
  async follow(picture, time) {
    // All are placed before any is read: where one is in doubt, all are placed anew.
    const cuts = [...this.tracks].flatMap(([id, track]) => {
      if (!track.followed) return [];
      const place = this.place(track, track.followed.face, time);
      return [{ id, track, followed: track.followed, place, crop: cut(picture, place) }];
    });
    if (cuts.some(({ crop }) => contrast(crop[1]) < BLANK)) return null;
    /** @type {Array<[number, Track, import("./follow.js").Followed, Estimates]>} */
    const moved = [];
    for (const { id, track, followed, place, crop } of cuts) {
      const said = await this.extractor.read(crop, place);
      const now = said.affect.every(Number.isFinite) ? goOn(followed, said, place) : null;
      if (!now) return null;
      moved.push([id, track, now, said]);
    }
    return moved.map(([id, track, followed, said]) => {
      track.followed = followed;
      return this.told(id, track, followed.face, said, time);
    });
  }

  /** @param {Picture} picture @param {number} time @returns {Promise<Reading[]>} */
  async find(picture, time) {
    const faces = await this.detector.detect(picture);
    this.detected = true;
    this.detectedAt = time;
    const ids = this.match(faces, time);
    /** @type {Reading[]} */
    const readings = [];
    for (const [id, face] of [...ids].sort(([a], [b]) => a - b)) {
      const track = this.tracks.get(id) ?? this.begun(face, time);
      this.tracks.set(id, track);
      const place = this.place(track, face, time);
      const said = await this.extractor.estimate(picture, place);
      const is_known = said.affect.every(Number.isFinite);
      track.followed = is_known ? begin(face, said, track.followed ?? undefined) : null;
      if (!track.followed) this.detectedAt = -Infinity; // look again in the next picture
      if (is_known) readings.push(this.told(id, track, face, said, time));
    }
    for (const [id, track] of this.tracks) if (!ids.has(id)) track.followed = null;
    return readings;
  }

  /** Each face to the nearest that was there. @param {Face[]} faces @param {number} time */
  match(faces, time) {
    const pairs = [];
    for (const [id, track] of this.tracks) {
      const [x, y, size] = middle(track.box), lost = time - track.seen;
      for (const face of faces) {
        const [fx, fy, other] = middle(face.box);
        const far = Math.hypot(fx - x, fy - y) / size, grown = Math.abs(Math.log(other / size));
        if (far < NEAR + lost && grown < LIKE + lost / 2) pairs.push({ id, face, cost: far + grown });
      }
    }
    /** @type {Map<number, Face>} */
    const found = new Map();
    const taken = new Set();
    for (const { id, face } of pairs.sort((a, b) => a.cost - b.cost)) {
      if (found.has(id) || taken.has(face)) continue;
      found.set(id, face);
      taken.add(face);
    }
    const rest = faces.filter((face) => !taken.has(face)).sort((a, b) => a.box[0] - b.box[0]);
    for (const face of rest) found.set(this.next++, face);
    return found;
  }

  /** @param {Face} face @param {number} time @returns {Track} */
  begun(face, time) {
    return { followed: null, box: face.box, seen: time, ...this.filters() };
  }

  filters() {
    return {
      place: new SteadyLandmarks(),
      affect: new SteadyNumbers(this.groups),
      intensities: new SteadyNumbers(this.extractor.actionUnits, 5),
    };
  }

  /** The landmarks by which a face is cut. @param {Track} track @param {Face} face @param {number} time */
  place(track, face, time) {
    if (!this.steady) return face.landmarks;
    if (time - track.seen > LONGEST_GAP) Object.assign(track, this.filters()); // nothing to hold on to any more
    return track.place.update(face.landmarks, time);
  }

  /** @param {number} id @param {Track} track @param {Face} face @param {Estimates} said @param {number} time @returns {Reading} */
  told(id, track, face, said, time) {
    track.box = face.box;
    track.seen = time;
    const affect = this.steady ? track.affect.update(said.affect, time) : said.affect;
    const known = this.steady && said.intensities.every(Number.isFinite);
    const intensities = known ? track.intensities.update(said.intensities, time) : said.intensities;
    const { qualityLevel } = this.extractor;
    const low = qualityLevel !== null && said.quality < qualityLevel;
    return { ...said, id, face, low, affect: this.under_prior(affect), intensities };
  }

  /** Expressions under another prior (Saerens et al., 2002). @param {Float64Array} affect */
  under_prior(affect) {
    const { priors, columns } = this.extractor;
    if (this.prior === "default") return affect;
    if (!priors) throw new Error("this model does not say which prior it assumes");
    const own = columns.flatMap((name, i) => name.startsWith("expr_") ? [i] : []);
    const asked = priors[this.prior] ?? own.map(() => 1 / own.length);
    const assumed = priors.default, told = affect.slice();
    let sum = 0;
    own.forEach((at, k) => { sum += told[at] *= asked[k] / assumed[k]; });
    if (sum > 0) for (const at of own) told[at] /= sum;
    return told;
  }
}

/** @param {Face["box"]} box */
function middle([x, y, width, height]) {
  return [x + width / 2, y + height / 2, Math.sqrt(width * height)];
}

/** @param {Float32Array} plane */
function contrast(plane) {
  let sum = 0, squares = 0;
  for (const value of plane) { sum += value; squares += value * value; }
  return Math.sqrt(Math.max(0, squares / plane.length - (sum / plane.length) ** 2));
}
