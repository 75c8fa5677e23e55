// The extractor on one aligned crop; labels, levels and priors are those that its file names.

import { CROP, cut, inverse, luminance, similarity, TEMPLATE, transform } from "./align.js";
import { readMetadata } from "./metadata.js";

/** @typedef {import("../index.d.ts").Estimates} Estimates */
/** @typedef {import("../index.d.ts").Picture} Picture */
/** @typedef {import("../index.d.ts").Runtime} Runtime */

const FORMAT = "mien-affect-1";

export class Extractor {
  /** @param {Runtime} runtime @param {Uint8Array} model */
  static async open(runtime, model) {
    const told = readMetadata(model);
    if (told.format !== FORMAT) throw new Error(`this is a model of format ${told.format}, not ${FORMAT}`);
    return new Extractor(runtime, await runtime.InferenceSession.create(model), told);
  }

  /** @param {Runtime} runtime @param {import("../index.d.ts").Session} session @param {Record<string, any>} told */
  constructor(runtime, session, told) {
    this.runtime = runtime; this.session = session;
    /** @type {string[]} */ this.columns = told.outputs;
    /** @type {string[]} */ this.expressions = told.expressions ?? told.outputs.filter((/** @type {string} */ n) => n.startsWith("expr_"));
    /** @type {number[]} */ this.actionUnits = told.action_units
      ?? told.outputs.filter((/** @type {string} */ n) => n.startsWith("au")).map((/** @type {string} */ n) => Number(n.slice(2)));
    /** @type {number[]} */ this.decisions = told.au_decisions ?? this.actionUnits.map(() => 0.5);
    /** @type {number | null} */ this.qualityLevel = told.quality_level ?? null;
    /** @type {Record<string, number[]> | null} */ this.priors = told.prior ?? null;
    /** @type {string} */ this.caveat = told.caveat ?? "";
    this.input = session.inputNames[0];
    this.affect = session.outputNames.includes("affect") ? "affect" : session.outputNames[0];
  }

  /** @param {Picture} picture @param {import("../index.d.ts").Points} landmarks @returns {Promise<Estimates>} */
  async estimate(picture, landmarks) {
    return this.read(cut(picture, landmarks), landmarks);
  }

  /** @param {Float32Array[]} crop as of `cut` @param {import("../index.d.ts").Points} landmarks @returns {Promise<Estimates>} */
  async read(crop, landmarks) {
    const planes = this.input === "luminance" ? [luminance(crop)] : crop, size = CROP * CROP;
    const data = new Float32Array(planes.length * size);
    planes.forEach((plane, c) => { for (let i = 0; i < size; i++) data[c * size + i] = plane[i] * (2 / 255) - 1; });
    const faces = new this.runtime.Tensor("float32", data, [1, planes.length, CROP, CROP]);
    const said = await this.session.run({ [this.input]: faces });
    const own = (/** @type {string} */ name, /** @type {number} */ count) =>
      said[name] ? Float64Array.from(said[name].data) : new Float64Array(count).fill(NaN);
    const pair = (/** @type {string} */ name) => /** @type {[number, number]} */ ([...own(name, 2)]);
    const back = inverse(similarity(landmarks, TEMPLATE));
    return {
      affect: own(this.affect, 0),
      intensities: own("au_intensity", this.actionUnits.length),
      landmarks: transform(back, own("landmarks", 52)),
      pose: turned(own("pose", 3), back),
      eyeOpen: pair("eye_open"),
      gaze: pair("gaze"),
      quality: own("quality", 1)[0],
    };
  }
}

/** Roll against the upright of the picture. @param {Float64Array} pose @param {import("../index.d.ts").Matrix} toPicture */
function turned([yaw, pitch, roll], toPicture) {
  const whole = roll - Math.atan2(toPicture[3], toPicture[0]) * 180 / Math.PI;
  return /** @type {[number, number, number]} */ ([yaw, pitch, whole - 360 * Math.ceil((whole - 180) / 360)]);
}
