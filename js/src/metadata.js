// An ONNX file is a protocol buffer; its field 14 holds pairs of a key and a value. onnxruntime-web does not
// hand them out, so they are read here.

const METADATA = 14, KEY = 1, VALUE = 2, BYTES = 2;

/** @param {Uint8Array} bytes @returns {Generator<[number, Uint8Array]>} fields that hold bytes, by number */
function* fields(bytes) {
  let at = 0;
  const number = () => {
    let value = 0, factor = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("the file is damaged");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = number(), kind = tag % 8;
    if (kind === 0) { number(); continue; }
    const length = kind === BYTES ? number() : kind === 1 ? 8 : 4;
    if (kind === BYTES) yield [(tag - kind) / 8, bytes.subarray(at, at + length)];
    at += length;
  }
}

/** @param {Uint8Array} model @returns {Record<string, any>} */
export function readMetadata(model) {
  const text = new TextDecoder();
  for (const [name, entry] of fields(model)) {
    if (name !== METADATA) continue;
    const pair = new Map(fields(entry));
    if (text.decode(pair.get(KEY)) === "mien") return JSON.parse(text.decode(pair.get(VALUE)));
  }
  throw new Error("the file has no metadata of mien: export it with 'mien export'");
}
