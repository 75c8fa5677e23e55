// The queue as the server tells it, and the files that are on their way to it.
// What others called a file is only ever put in as text.

import { showPeople } from "/people.js";
import { offerStudy } from "/study.js";

const $ = (id) => document.getElementById(id);
const sending = new Map(); // number -> {name, share, message, size, request}
const items = new Map(); // key -> element
let analyses = [];
let limits = { max_upload_bytes: Infinity, keep_hours: 0 };
let next = 0;
let known = null; // key -> state that was said last

function size(bytes) {
  if (bytes >= 1e9) return `${+(bytes / 1e9).toFixed(1)} GB`;
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${+(bytes / 1e6).toFixed(1)} MB`;
}

function count(number, one) {
  return `${number} ${one}${number === 1 ? "" : "s"}`;
}

function words(entry) {
  const total = entry.frames_total ?? 0;
  switch (entry.state) {
    case "sending": return entry.share < 1 ? `sending, ${Math.floor(entry.share * 100)} %` : "arriving";
    case "queued": return "waiting";
    case "running":
      if (!entry.frames) return "starting";
      return total >= entry.frames ? `frame ${entry.frames} of ${total}` : count(entry.frames, "frame");
    case "done":
      return entry.faces ? `done: ${count(entry.faces, "person").replace("persons", "people")}, `
        + count(entry.frames, "frame") : `done: no face found in ${count(entry.frames, "frame")}`;
    default: return "failed";
  }
}

function make(key) {
  const item = $("item").content.firstElementChild.cloneNode(true);
  item.querySelector(".delete").addEventListener("click", (event) => remove(key, event.currentTarget));
  const who = item.querySelector(".who"), people = item.querySelector(".people");
  who.addEventListener("click", () => {
    people.hidden = !people.hidden;
    who.setAttribute("aria-expanded", String(!people.hidden));
    if (!people.hidden) showPeople(key, people, say);
  });
  items.set(key, item);
  return item;
}

function set(element, name, value) { // what is the same is left alone: the focus stays where it is
  if (element[name] !== value) element[name] = value;
}

function show(key, entry) {
  const item = items.get(key) ?? make(key);
  const part = (name) => item.querySelector(name);
  const { state } = entry;
  set(item, "className", state);
  set(part(".name"), "textContent", entry.name);
  set(part(".state"), "textContent", words(entry));
  set(part(".message"), "textContent", entry.message ?? "");
  set(part(".message"), "hidden", !entry.message);
  const bar = part("progress");
  set(bar, "hidden", !["sending", "running"].includes(state));
  bar.setAttribute("aria-label", `Progress of ${entry.name}`);
  const share = state === "sending" ? entry.share
    : entry.frames && entry.frames_total ? Math.min(1, entry.frames / entry.frames_total) : null;
  if (share === null) bar.removeAttribute("value"); else bar.value = share;
  for (const [name, file, label] of [
    [".open", null, "Open report"], [".zip", "result.zip", "All files (zip)"], [".csv", "frames.csv", "Table (csv)"],
  ]) {
    const link = part(name), place = encodeURIComponent(key);
    set(link, "hidden", state !== "done");
    if (state === "done") link.setAttribute("href", file ? `/v1/analyses/${place}/${file}` : `/results/${place}`);
    link.setAttribute("aria-label", `${label} of ${entry.name}`);
  }
  const who = part(".who");
  set(who, "hidden", state !== "done" || !entry.faces);
  who.setAttribute("aria-label", `People in ${entry.name}`);
  const button = part(".delete");
  if (!button.classList.contains("sure")) {
    set(button, "textContent", state === "done" || entry.message ? "Delete" : "Cancel");
    button.setAttribute("aria-label", `${button.textContent} ${entry.name}`);
  }
  return item;
}

function draw() {
  const entries = [
    ...[...sending].reverse().map(([key, entry]) => [key, { ...entry, state: entry.message ? "failed" : "sending" }]),
    ...analyses.map((entry) => [entry.id, entry]),
  ];
  const there = new Set(entries.map(([key]) => key));
  for (const [key, item] of items) if (!there.has(key)) { item.remove(); items.delete(key); }
  entries.forEach(([key, entry], index) => {
    const item = show(key, entry);
    if ($("list").children[index] !== item) $("list").insertBefore(item, $("list").children[index] ?? null);
  });
  $("nothing").hidden = entries.length > 0;
  $("all").hidden = analyses.filter(({ state }) => state === "done").length < 2;
  offerStudy(analyses.filter(({ state, faces }) => state === "done" && faces).map(({ id }) => id), say);
}

function say(text) { $("said").textContent = text; }

function tell() { // for those who do not see the list change
  if (known) {
    for (const { id, name, state } of analyses) {
      if (known.get(id) !== state && (state === "done" || state === "failed")) say(`${name}: ${state}`);
    }
  }
  known = new Map(analyses.map(({ id, state }) => [id, state]));
}

// One after another: many at once would only share the line.
const line = [];
let busy = false;

function send(files) {
  for (const file of files) {
    const key = `sending-${next++}`;
    const entry = { name: file.name, share: 0, message: null, request: null };
    if (file.size > limits.max_upload_bytes) {
      entry.message = `${size(file.size)} is more than the ${size(limits.max_upload_bytes)} that are taken here`;
    } else {
      line.push([key, file]);
    }
    sending.set(key, entry);
  }
  draw();
  if (!busy) sendNext();
}

function sendNext() {
  const [key, file] = line.shift() ?? [];
  busy = key !== undefined;
  if (!busy) return;
  const entry = sending.get(key);
  if (!entry) { sendNext(); return; } // cancelled
  const form = new FormData();
  form.append("file", file);
  const request = new XMLHttpRequest(); // fetch does not tell how much was sent
  entry.request = request;
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) entry.share = event.loaded / event.total;
    draw();
  });
  request.addEventListener("loadend", () => {
    if (request.status === 201) {
      const made = JSON.parse(request.responseText);
      sending.delete(key);
      if (!analyses.some(({ id }) => id === made.id)) analyses = [made, ...analyses];
    } else if (sending.has(key)) {
      entry.message = reason(request) ?? "was not taken; is the server still there, and the file not too large?";
    }
    draw();
    sendNext();
  });
  request.open("POST", "/v1/analyses");
  request.send(form);
}

function reason(request) {
  try {
    const { detail } = JSON.parse(request.responseText);
    return typeof detail === "string" ? detail : null;
  } catch { return null; }
}

async function remove(key, button) {
  const entry = sending.get(key);
  if (entry) {
    sending.delete(key);
    entry.request?.abort();
    draw();
    return;
  }
  const found = analyses.find(({ id }) => id === key);
  if (found?.state === "done" && !button.classList.contains("sure")) { // results: asked once more
    button.classList.add("sure");
    button.textContent = "Really delete?";
    button.setAttribute("aria-label", `Really delete ${found.name}?`);
    say("Press again to delete");
    setTimeout(() => { button.classList.remove("sure"); draw(); }, 4000);
    return;
  }
  try {
    const answer = await fetch(`/v1/analyses/${encodeURIComponent(key)}`, { method: "DELETE" });
    if (!answer.ok && answer.status !== 404) return;
  } catch { return; } // the line with the server's absence is shown already
  analyses = analyses.filter(({ id }) => id !== key);
  draw();
  $("files").focus();
  say(`${found?.name ?? "It"} is deleted`);
}

function listen() {
  const events = new EventSource("/v1/events");
  events.addEventListener("analyses", (event) => {
    analyses = JSON.parse(event.data);
    tell();
    draw();
  });
  events.addEventListener("open", () => { $("lost").hidden = true; });
  events.addEventListener("error", () => {
    $("lost").textContent = "The server does not answer. What was queued goes on when it is started again.";
    $("lost").hidden = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

$("files").addEventListener("change", (event) => {
  send([...event.target.files]);
  event.target.value = "";
});
let depth = 0;
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragenter", (event) => { if (hasFiles(event)) { depth += 1; $("drop").classList.add("over"); } });
addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) $("drop").classList.remove("over"); });
addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
addEventListener("drop", (event) => { // anywhere on the page
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  $("drop").classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.some((entry) => entry.isDirectory)) filesOf(entries).then(sendMedia);
  else send([...event.dataTransfer.files]);
});

/** All files in what was dropped, folders in folders included. */
async function filesOf(entries) {
  const found = [];
  for (const entry of entries) {
    if (entry.isFile) found.push(await new Promise((done, failed) => entry.file(done, failed)));
    else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (;;) { // a part at a time, until there is none left
        const part = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (!part.length) break;
        found.push(...await filesOf(part));
      }
    }
  }
  return found;
}

const MEDIA = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|mts|m2ts|ts|3gp|wmv|flv|ogv|gif|jpe?g|png|bmp|webp|tiff?|avif|heic|heif)$/i;

/** Of a folder what looks like a video or a picture: the rest in it was not meant. */
function sendMedia(files) {
  const media = files.filter(({ name, type }) => /^(video|image)\//.test(type) || MEDIA.test(name));
  media.sort((a, b) => (a.webkitRelativePath || a.name).localeCompare(b.webkitRelativePath || b.name));
  if (media.length) send(media);
  else say("There is no video and no picture in this folder.");
}

$("folder").addEventListener("change", (event) => {
  sendMedia([...event.target.files]);
  event.target.value = "";
});

fetch("/v1/settings").then((answer) => answer.json()).then((found) => {
  limits = found;
  const kept = found.keep_hours ? `results after ${count(found.keep_hours, "hour")}` : "results when you delete them";
  $("limits").textContent = `Up to ${size(found.max_upload_bytes)} each. Uploads are deleted as soon as they have been read, ${kept}.`;
}).catch(() => {});
listen();
