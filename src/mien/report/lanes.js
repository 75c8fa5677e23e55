// A person's own marks on the time axis that everybody shares: lanes by label, and a list to edit.
"use strict";
const addLanes = (own, { charts, from, to, bounds, moment, clock, go, save, fileName, button }) => {
  const MOST = 1000; // as many as a server takes
  const LONGEST = 200;
  const framed = window.parent !== window; // in the page of mien serve, which keeps the marks
  let marks = JSON.parse(document.getElementById("marks").textContent);
  let open = null; // a mark whose end is still to be said
  const tracks = own.querySelector(".tracks");
  const list = own.querySelector(".noted");
  const items = new Map();
  const seconds = (ms) => Math.round(ms) / 1000;
  const say = (text) => { own.querySelector("[role=status]").textContent = text; };
  const words = (mark) => `${mark.label}, ${clock(mark.onset * 1000)}` +
    (mark.duration ? `, ${mark.duration.toFixed(2)} s long` : "");

  const tell = () => {
    marks.sort((a, b) => a.onset - b.onset);
    draw();
    if (framed) window.parent.postMessage({ mien: "marks", marks }, "*");
  };
  const remove = (mark) => {
    const at = marks.indexOf(mark);
    marks.splice(at, 1);
    if (open === mark) open = null;
    tell();
    say(`${words(mark)}: deleted`);
    const next = items.get(marks[Math.min(at, marks.length - 1)]);
    (next ? next.querySelector("button:last-child") : own.querySelector(".tools button")).focus();
  };
  const add = (start, end, isEdited) => {
    if (marks.length >= MOST) { say(`There are ${MOST} marks; no more are kept.`); return null; }
    const before = marks.length ? marks[marks.length - 1].label : "mark";
    const mark = { onset: seconds(start), duration: seconds(Math.max(0, end - start)),
      label: (lastLabel || before) };
    marks.push(mark);
    tell();
    say(`${words(mark)}: marked`);
    if (isEdited) items.get(mark).querySelector("input").select();
    return mark;
  };
  let lastLabel = null;

  // The first press begins a mark, the second ends it; without the second it is a moment.
  const press = () => {
    const ms = moment();
    if (open && ms > open.onset * 1000) {
      open.duration = seconds(ms - open.onset * 1000);
      say(`${words(open)}: ends`);
      open = null;
      tell();
    } else open = add(ms, ms, false);
    hint();
  };
  const hint = () => {
    own.querySelector("[data-hint]").textContent = (open
      ? `${open.label} has begun at ${clock(open.onset * 1000)}: Mark (or the key M) ends it. `
      : "Mark (or the key M) marks the moment under the cursor; once more ends it there. Or drag over the empty lane. ") +
      (framed ? "Marks are kept with the result." :
        "Marks that you make here are lost with this tab: save them, beside video.json, as events.csv.");
  };

  const field = (mark, name, label, type) => {
    const input = document.createElement("input");
    input.type = type;
    input.className = name;
    input.setAttribute("aria-label", label);
    if (type === "number") { input.step = "any"; input.min = name === "duration" ? "0" : ""; }
    else input.maxLength = LONGEST;
    input.addEventListener("change", () => {
      const value = type === "number" ? Number(input.value) : input.value.trim();
      const fits = type === "number"
        ? input.value !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6 && (name === "onset" || value >= 0)
        : value !== "";
      if (fits) {
        mark[name] = type === "number" ? seconds(value * 1000) : value;
        if (name === "label") lastLabel = value;
        if (open === mark && name !== "label") { open = null; hint(); }
        tell();
      } else show(mark);
    });
    return input;
  };
  const item = (mark) => {
    const made = document.createElement("li");
    const unit = (text) => Object.assign(document.createElement("span"), { textContent: text, className: "quiet" });
    made.append(field(mark, "label", "Label", "text"),
      unit("from"), field(mark, "onset", "Onset in seconds", "number"),
      unit("s for"), field(mark, "duration", "Duration in seconds", "number"), unit("s"),
      button("Show", "Show this moment in the charts", () => go(mark.onset * 1000, true)),
      button("Delete", "Delete this mark", () => remove(mark)));
    items.set(mark, made);
    return made;
  };
  const show = (mark) => {
    const made = items.get(mark) || item(mark);
    const values = { label: mark.label, onset: mark.onset.toFixed(3), duration: mark.duration.toFixed(3) };
    for (const [name, value] of Object.entries(values)) made.querySelector(`.${name}`).value = value;
    const [look, gone] = made.querySelectorAll("button");
    look.setAttribute("aria-label", `Show ${words(mark)}`);
    gone.setAttribute("aria-label", `Delete ${words(mark)}`);
    return made;
  };

  const row = (name) => {
    const made = document.createElement("div");
    made.className = "row";
    const left = document.createElement("div");
    left.className = "left";
    left.textContent = name;
    const lane = document.createElement("div");
    lane.className = "lane";
    made.append(left, lane, document.createElement("div"));
    tracks.append(made);
    return lane;
  };
  const bar = (mark) => {
    const [start, end] = bounds();
    const made = button("", words(mark), () => {
      go(mark.onset * 1000, true);
      items.get(mark).querySelector("input").focus();
    });
    made.setAttribute("aria-label", words(mark));
    made.className = mark.duration ? "span" : "span moment";
    const share = (ms) => Math.min(Math.max((ms - start) / (end - start), -0.01), 1.01) * 100;
    const [left, right] = [share(mark.onset * 1000), share((mark.onset + mark.duration) * 1000)];
    made.style.left = `${left}%`;
    made.style.width = `${right - left}%`;
    made.hidden = right < 0 || left > 100;
    made.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); remove(mark); }
    });
    return made;
  };

  const draw = () => {
    tracks.querySelectorAll(".row:not(.new)").forEach((one) => one.remove());
    for (const label of new Set(marks.map((mark) => mark.label))) {
      row(label).append(...marks.filter((mark) => mark.label === label).map(bar));
    }
    for (const [mark, made] of items) if (!marks.includes(mark)) { made.remove(); items.delete(mark); }
    marks.forEach((mark, index) => { // what stays in its place keeps the focus
      const made = show(mark);
      if (list.children[index] !== made) list.insertBefore(made, list.children[index] || null);
    });
    table.disabled = !marks.length;
  };

  const fresh = row("");
  fresh.parentElement.classList.add("new");
  fresh.textContent = "drag here for a new mark";
  const band = document.createElement("b");
  let pressed = null;
  const timeAt = (event) => {
    const box = fresh.getBoundingClientRect();
    const [start, end] = bounds();
    return start + Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * (end - start);
  };
  fresh.addEventListener("pointerdown", (event) => {
    pressed = { x: event.clientX, ms: timeAt(event) };
    fresh.setPointerCapture(event.pointerId);
  });
  fresh.addEventListener("pointermove", (event) => {
    go(timeAt(event), false);
    if (!pressed) return;
    const left = fresh.getBoundingClientRect().left;
    band.style.left = `${Math.min(pressed.x, event.clientX) - left}px`;
    band.style.width = `${Math.abs(event.clientX - pressed.x)}px`;
    fresh.append(band);
  });
  fresh.addEventListener("pointerup", (event) => {
    band.remove();
    if (pressed && Math.abs(event.clientX - pressed.x) > 6) {
      const end = timeAt(event);
      add(Math.min(pressed.ms, end), Math.max(pressed.ms, end), true);
    }
    pressed = null;
  });
  fresh.addEventListener("pointercancel", () => { band.remove(); pressed = null; });

  const cross = document.createElement("i");
  tracks.append(cross);
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const table = button("Save marks (csv)", "The marks as a table, as mien study reads it", () => {
    const rows = marks.map((mark) => [mark.onset.toFixed(3), mark.duration.toFixed(3), quoted(mark.label)].join(","));
    save(fileName("events.csv"), "text/csv", `${["onset,duration,label", ...rows].join("\r\n")}\r\n`);
  });
  own.querySelector(".tools").append(
    button("Mark", "Mark the moment under the cursor; press again to end it (M)", press),
    ...(framed ? [] : [table])); // that page has a link to the table
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "m" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName)) return;
    event.preventDefault();
    press();
  });
  charts.push({
    from, to, show: draw,
    place: (ms) => {
      const [start, end] = bounds();
      const across = (ms - start) / (end - start);
      cross.style.left = `calc(var(--left) + (100% - var(--left) - var(--right)) * ${across})`;
      cross.classList.toggle("on", across >= 0 && across <= 1);
    },
    clear: () => cross.classList.remove("on"),
  });
  hint();
  draw();
  own.hidden = false;
};
