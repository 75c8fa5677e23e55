export { align, similarity, TEMPLATE, transform } from "./align.js";
export { Detector } from "./detector.js";
export { Extractor } from "./extractor.js";
export { readMetadata } from "./metadata.js";
export { ACTION_UNIT_NAMES } from "./names.js";
export { FaceReader } from "./reader.js";
