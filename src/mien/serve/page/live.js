// The camera, or a video of this machine: frames go to the worker, numbers come back and are drawn.
// Which worker, the page says: one reads them in this tab, the other has the server read them. Nothing here sends anything.

import { ACTION_UNIT_NAMES } from "/faces/names.js";

const $ = (id) => document.getElementById(id);
const LONGEST_PX = 960; // of a frame: larger ones tell no more of a face that fills them
const KEPT = 200_000; // rows of a recording
const TEXT_EVERY_MS = 150; // digits that change with every frame cannot be read

const video = $("video");
let worker = null, told = null; // what the worker said of the model
let source = null; // {stream} or {url}
let began = 0, frame = 0, busy = false, waiting = null, asked = 0;
let shown = null, textAt = 0; // face that is chosen, when digits were last written
let way = [];
let times = [], delays = [];
let last = 0; // time of the frame that was read last
let recording = false, rows = [], marks = [];

function say(text) { $("doing").textContent = text; }

function fail(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// ------------------------------------------------------------------------------------------------ networks

function load() {
  worker?.terminate();
  told = null;
  busy = false;
  const made = new Worker(document.body.dataset.worker, { type: "module" });
  worker = made;
  return new Promise((done, failed) => {
    made.addEventListener("message", ({ data }) => {
      if (made !== worker) return;
      if (data.kind === "ready") { told = data; prepare(); done(); }
      else if (data.kind === "read") take(data);
      else { if (told) stop(); busy = false; fail(`This cannot be read: ${data.message}`); failed(new Error(data.message)); }
    });
    made.addEventListener("error", () => failed(new Error("the worker does not start")));
    made.postMessage({ kind: "open", model: $("model").value, prior: $("prior").value });
  });
}

function bar(list, key, label, color, level) {
  const item = document.createElement("li");
  const name = document.createElement("span"), track = document.createElement("span"), value = document.createElement("span");
  name.textContent = label;
  track.className = "track";
  const fill = document.createElement("i");
  if (color) fill.style.background = `var(--${color})`;
  track.append(fill);
  if (level !== undefined) {
    const tick = document.createElement("u");
    tick.style.left = `${100 * level}%`;
    tick.title = `counts as active from ${level}`;
    track.append(tick);
  }
  value.className = "value";
  value.textContent = "–";
  item.dataset.key = key;
  item.append(name, track, value);
  list.append(item);
  return { item, fill, value, level };
}

let bars = new Map();

function prepare() {
  bars = new Map();
  $("expressions").replaceChildren();
  $("units").replaceChildren();
  for (const name of told.expressions) bars.set(`expr_${name}`, bar($("expressions"), name, name, name));
  told.actionUnits.forEach((unit, i) => {
    const column = told.columns.find((name) => /^au\d+$/.test(name) && Number(name.slice(2)) === unit);
    const label = `AU${unit} ${ACTION_UNIT_NAMES[unit] ?? ""}`.trim();
    bars.set(column, bar($("units"), column, label, null, told.decisions[i]));
  });
  $("caveat").textContent = told.caveat;
  for (const option of $("prior").options) {
    option.disabled = option.value === "everyday" && !told.priors.includes("everyday");
  }
}

// ------------------------------------------------------------------------------------------------ frames

async function start(open) {
  stop();
  fail("");
  $("camera").disabled = true;
  try {
    say("Asking for the picture …");
    source = await open();
    say("Loading the networks …");
    if (!told) await load();
    if (!source) return; // stopped meanwhile
    await video.play();
  } catch (error) {
    const text = source ? String(error.message) : refusal(error);
    stop();
    fail(text);
    return;
  } finally { $("camera").disabled = false; }
  began = performance.now();
  frame = 0; times = []; delays = []; way = []; shown = null;
  worker.postMessage({ kind: "reset" });
  $("stage").classList.toggle("mirrored", Boolean(source.stream));
  $("curtain").hidden = true;
  for (const id of ["record", "mark", "stop"]) $(id).disabled = false;
  next();
}

function refusal(error) {
  if (!navigator.mediaDevices) return "A browser gives the camera only to this machine's own address or over https.";
  if (error.name === "NotAllowedError") return "The camera was not allowed. Allow it in the address bar and start again.";
  if (error.name === "NotFoundError") return "There is no camera here; a video of yours can be opened instead.";
  return `The camera cannot be used: ${error.message}`;
}

function camera() {
  return start(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false, video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" },
    });
    video.srcObject = stream;
    return { stream };
  });
}

function stop() {
  asked += 1; // callbacks of before mean nothing any more
  waiting = null;
  source?.stream?.getTracks().forEach((track) => track.stop());
  if (source?.url) URL.revokeObjectURL(source.url);
  source = null;
  video.srcObject = null;
  video.removeAttribute("src");
  video.load();
  worker?.postMessage({ kind: "stop" });
  record(false);
  for (const id of ["mark", "stop", "record"]) $(id).disabled = true;
  $("curtain").hidden = false;
  say("Ready when you are.");
  draw([], 1, 1);
}

function next() {
  const number = asked;
  const look = (now, seen) => {
    if (number !== asked || !source) return;
    next();
    waiting = { now, taken: seen?.captureTime ?? seen?.presentationTime ?? now };
    if (!busy && told) give();
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(look);
  else requestAnimationFrame((now) => look(now));
}

/** The newest frame to the worker; those that came while it was busy are passed over. */
async function give() {
  const { now, taken } = waiting;
  waiting = null;
  busy = true;
  const scale = Math.min(1, LONGEST_PX / Math.max(video.videoWidth, video.videoHeight));
  const size = { resizeWidth: Math.round(video.videoWidth * scale), resizeHeight: Math.round(video.videoHeight * scale) };
  try {
    const bitmap = await createImageBitmap(video, scale < 1 ? size : {});
    worker.postMessage({ kind: "frame", bitmap, time: (now - began) / 1000, taken }, [bitmap]);
  } catch { busy = false; } // the picture went away meanwhile
}

function take({ faces, time, taken, width, height, took }) {
  busy = false;
  if (!source) return;
  if (waiting && told) give();
  frame += 1;
  last = time;
  draw(faces, width, height);
  tell(faces, time);
  const now = performance.now();
  times.push(now);
  delays.push(now - taken);
  if (times.length > 60) times.shift();
  if (delays.length > 60) delays.shift();
  if (recording) keep(faces, time);
  Object.assign(document.documentElement.dataset, { frames: frame, took: took.toFixed(1) });
}

// ------------------------------------------------------------------------------------------------ drawing

function draw(faces, width, height) {
  const canvas = $("marks");
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  for (const { id, face, landmarks, low } of faces) {
    const [x, y, w, h] = face.box;
    pen.strokeStyle = pen.fillStyle = low ? "#d9a441" : "#7cc4ef";
    pen.globalAlpha = 0.9;
    pen.lineWidth = Math.max(1.5, w / 120);
    pen.beginPath();
    pen.roundRect(x, y, w, h, w / 12);
    pen.stroke();
    for (let i = 0; i < landmarks.length; i += 2) {
      pen.beginPath();
      pen.arc(landmarks[i], landmarks[i + 1], Math.max(1.2, w / 90), 0, 7);
      pen.fill();
    }
    if (faces.length > 1) label(pen, `${id}`, x + w / 2, y, Math.max(12, w / 8));
  }
}

function label(pen, text, x, y, size) { // upright for the reader, mirrored or not
  pen.save();
  pen.translate(x, y - size / 3);
  if ($("stage").classList.contains("mirrored")) pen.scale(-1, 1);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.fillText(text, 0, 0);
  pen.restore();
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const degrees = (value) => `${Math.round(value) < 0 ? "−" : ""}${Math.abs(value).toFixed(0)}°`;

function tell(faces, time) {
  choose(faces);
  const face = faces.find(({ id }) => id === shown);
  const now = performance.now(), digits = now - textAt > TEXT_EVERY_MS;
  if (digits) {
    textAt = now;
    const [oldest] = times;
    if (times.length > 1) $("rate").textContent = ((times.length - 1) / (times.at(-1) - oldest) * 1000).toFixed(1);
    if (delays.length) $("latency").textContent = `${[...delays].sort((a, b) => a - b)[delays.length >> 1].toFixed(0)} ms`;
    $("count").textContent = faces.length;
    $("clock").textContent = `${time.toFixed(1)} s`;
    $("note").textContent = !face ? "No face in sight."
      : face.low ? "The face is seen badly: these numbers carry little." : "";
  }
  $("spot").style.visibility = face ? "visible" : "hidden";
  if (!face) { way = []; $("way").setAttribute("d", ""); return; }
  const { affect } = face;
  const [valence, arousal] = affect;
  $("spot").setAttribute("cx", valence);
  $("spot").setAttribute("cy", -arousal);
  way.push(`${valence.toFixed(3)} ${(-arousal).toFixed(3)}`);
  if (way.length > 40) way.shift();
  $("way").setAttribute("d", `M${way.join("L")}`);
  told.columns.forEach((name, i) => {
    const found = bars.get(name);
    if (!found) return;
    found.fill.style.transform = `scaleX(${Math.min(1, Math.max(0, affect[i]))})`;
    if (!digits) return;
    found.value.textContent = affect[i].toFixed(2);
    if (found.level !== undefined) found.item.classList.toggle("active", affect[i] >= found.level);
  });
  if (!digits) return;
  const strongest = told.expressions.reduce((best, name) => affect[told.columns.indexOf(`expr_${name}`)]
    > affect[told.columns.indexOf(`expr_${best}`)] ? name : best);
  for (const name of told.expressions) bars.get(`expr_${name}`).item.classList.toggle("active", name === strongest);
  $("valence").textContent = signed(valence);
  $("arousal").textContent = signed(arousal);
  const [yaw, pitch, roll] = face.pose;
  $("pose").textContent = `head ${degrees(yaw)} left, ${degrees(pitch)} up, ${degrees(roll)} roll`;
}

/** Who is shown: as chosen, else the largest. */
function choose(faces) {
  const ids = faces.map(({ id }) => id);
  if (!ids.includes(shown)) {
    const largest = faces.reduce((best, one) => !best || one.face.box[2] * one.face.box[3] > best.face.box[2] * best.face.box[3] ? one : best, null);
    shown = largest?.id ?? null;
    way = [];
  }
  const place = $("whose"), text = faces.length > 1 ? ids.join(" ") : "";
  if (place.dataset.ids !== text) {
    place.dataset.ids = text;
    place.hidden = !text;
    place.replaceChildren(...(text ? ids : []).map((id) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Face ${id}`;
      button.addEventListener("click", () => { shown = id; way = []; });
      return button;
    }));
  }
  [...place.children].forEach((button, i) => button.setAttribute("aria-pressed", String(ids[i] === shown)));
}

// ------------------------------------------------------------------------------------------------ records

function record(on) {
  recording = on;
  $("record").setAttribute("aria-pressed", String(on));
  $("record").textContent = on ? "End recording" : "Record";
}

function keep(faces, time) {
  const text = (value) => Number.isFinite(value) ? String(+value.toFixed(5)) : "";
  for (const { id, face, affect, intensities, pose, eyeOpen, gaze, quality, landmarks } of faces) {
    const numbers = [face.score, ...face.box, ...face.landmarks, ...affect, quality, ...pose, ...eyeOpen, ...gaze, ...intensities, ...landmarks];
    rows.push([frame - 1, time.toFixed(4), id, ...numbers.map(text)]);
  }
  if (!faces.length) rows.push([frame - 1, time.toFixed(3)]);
  $("table").disabled = rows.length === 0;
  if (rows.length >= KEPT) record(false);
}

function mark() {
  if (!source) return;
  marks.push((performance.now() - began) / 1000);
  $("events").disabled = false;
  $("mark").classList.add("sure");
  setTimeout(() => $("mark").classList.remove("sure"), 250);
}

function parts() { // a mark begins a part: it lasts to the next one, the last one to the end
  const ends = [...marks.slice(1), Math.max(last, marks.at(-1) + 0.001)];
  return marks.map((onset, i) => [onset.toFixed(3), (ends[i] - onset).toFixed(3), `mark ${i + 1}`]);
}

function save(name, head, lines) {
  const text = [head, ...lines].map((line) => head.map((_, i) => line[i] ?? "").join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\r\n`], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function columns() { // named as in frames.csv
  const xy = (names) => names.flatMap((name) => [`${name}_x`, `${name}_y`]);
  const units = told.columns.filter((name) => /^au\d+$/.test(name));
  return [
    "frame", "timestamp_s", "face_id", "face_score", "box_x", "box_y", "box_w", "box_h",
    ...xy(["right_eye", "left_eye", "nose", "mouth_right", "mouth_left"]), ...told.columns, "quality",
    "pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg", "eye_open_left", "eye_open_right", "gaze_yaw_deg", "gaze_pitch_deg",
    ...units.map((name) => `${name}_intensity`), ...xy(Array.from({ length: 26 }, (_, i) => `landmark_${String(i).padStart(2, "0")}`)),
  ];
}

$("camera").addEventListener("click", camera);
$("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  start(async () => {
    const url = URL.createObjectURL(file);
    video.src = url;
    video.loop = false;
    return { url };
  });
  target.value = "";
});
$("stop").addEventListener("click", stop);
$("record").addEventListener("click", () => {
  if (!recording) { rows = []; marks = []; $("table").disabled = $("events").disabled = true; }
  record(!recording);
});
$("mark").addEventListener("click", mark);
$("table").addEventListener("click", () => save("frames.csv", columns(), rows));
$("events").addEventListener("click", () => save("events.csv", ["onset", "duration", "label"], parts()));
$("prior").addEventListener("change", ({ target }) => worker?.postMessage({ kind: "prior", prior: target.value }));
$("model").addEventListener("change", () => { if (told) load().catch(() => {}); });
addEventListener("keydown", (event) => {
  if (event.key === "m" && !event.metaKey && !event.ctrlKey && !event.altKey && event.target.tagName !== "SELECT") mark();
});
video.addEventListener("ended", stop);
addEventListener("pagehide", stop);
