// Sends frames to the mien that serves this page, one at a time, and hands its numbers to the page.

let wish = { model: "quick", prior: "default" };
let session = null; // what the server said of it
let used = false; // a frame was sent: times cannot begin anew
let sent = 0; // its time, in seconds
let canvas = null;
let size = ""; // of the frames of a session

async function ask(path, init) {
  const answer = await fetch(`/v1/live${path}`, init);
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  throw new Error(typeof told.detail === "string" ? told.detail : `the server answers ${answer.status}`);
}

async function close() {
  if (session) await ask(`/${session.id}`, { method: "DELETE" }).catch(() => {});
  session = null;
}

async function open() {
  await close();
  const body = JSON.stringify({ prior: wish.prior, precise: wish.model === "precise" });
  session = await ask("", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  used = false;
  const { columns, expressions, action_units: actionUnits, decisions, caveat, priors } = session;
  postMessage({ kind: "ready", columns, expressions, actionUnits, decisions, caveat, priors });
}

// Nearly as it was, and a tenth of the bytes: a browser takes longer to send pixels than to pack them.
const PACKED = { type: "image/jpeg", quality: 0.95 };

function picture(bitmap) {
  const { width, height } = bitmap;
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height };
}

const numbers = (values) => Float64Array.from(values, (value) => value ?? NaN);

async function read({ bitmap, time, taken }) {
  const began = performance.now();
  const { width, height } = picture(bitmap);
  if (!session) { // it was stopped meanwhile
    postMessage({ kind: "read", faces: [], time, taken, width, height, took: 0 });
    return;
  }
  if (used && size !== `${width} ${height}`) await open(); // a phone was turned
  // The first frame may be of a moment before the page began to count.
  sent = used ? Math.max(time, sent + 0.001) : Math.max(time, 0);
  used = true;
  size = `${width} ${height}`;
  const told = await ask(`/${session.id}/frames?time_s=${sent}&width=${width}&height=${height}`, {
    method: "POST", headers: { "Content-Type": PACKED.type }, body: await canvas.convertToBlob(PACKED),
  });
  const faces = told.map(({ id, low, score, box, points, quality, ...face }) => ({
    id, low, quality: quality ?? NaN,
    face: { score, box: numbers(box), landmarks: numbers(points) },
    affect: numbers(face.affect), intensities: numbers(face.intensities), landmarks: numbers(face.landmarks),
    pose: numbers(face.pose), eyeOpen: numbers(face.eye_open), gaze: numbers(face.gaze),
  }));
  postMessage({ kind: "read", faces, time, taken, width, height, took: performance.now() - began });
}

async function take(data) {
  try {
    if (data.kind === "open") { wish = data; await open(); }
    else if (data.kind === "frame") await read(data);
    else if (data.kind === "prior") { wish = { ...wish, prior: data.prior }; if (session) await open(); }
    else if (data.kind === "reset" && (used || !session)) await open();
    else if (data.kind === "stop") await close();
  } catch (error) {
    await close(); // or the next start would have to wait for its end
    postMessage({ kind: "failed", message: String(error?.message ?? error) });
  }
}

let line = Promise.resolve();
addEventListener("message", ({ data }) => { line = line.then(() => take(data)); }); // one after another
