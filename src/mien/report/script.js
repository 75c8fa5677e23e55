// The page is complete without this script; it adds cursor, zoom, the video in step, and buttons.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("curves").textContent);
  const MINUS = "\u2212";

  // Curves in detail come packed: numbers of two bytes, channel by channel.
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  data.faces = data.faces.map((face) => {
    if (!face.packed) return face;
    const time = [...new Int32Array(bytes(face.time))];
    const all = new Int16Array(bytes(face.packed));
    const values = data.names.map((_, column) =>
      Array.from(all.subarray(column * time.length, (column + 1) * time.length),
        (value) => (value === -32768 ? null : value)));
    const half = face.step / 2;
    return { time, values, fine: true,
      left: time.map((t) => t - half), right: time.map((t) => t + half) };
  });

  // As clock() and number() in text.py.
  const clock = (ms) => {
    const hundredths = Math.round(ms / 10);
    const text = (value, width) => (value / 100).toFixed(2).padStart(width, "0");
    if (hundredths < 6000) return text(hundredths, 4).replace("-", MINUS) + " s";
    const minutes = Math.floor(hundredths / 6000);
    const tail = text(hundredths % 6000, 5);
    const hours = Math.floor(minutes / 60);
    return hours
      ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${tail}`
      : `${minutes}:${tail}`;
  };
  const shown = (thousandths, signed) => {
    if (thousandths === null) return "\u2013";
    const rounded = Math.round(Math.abs(thousandths) / 10) / 100;
    const sign = !rounded ? "" : thousandths < 0 ? MINUS : signed ? "+" : "";
    return sign + rounded.toFixed(2);
  };

  const nearest = (times, ms) => {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < ms) low = middle + 1;
      else high = middle;
    }
    return low > 0 && ms - times[low - 1] <= times[low] - ms ? low - 1 : low;
  };
  // What a face showed at a moment: its point and a reader of channels, null in gaps.
  const reading = (face, ms) => {
    const curve = data.faces[face];
    const index = curve.time.length ? nearest(curve.time, ms) : 0;
    const seen = curve.left[index] <= ms && ms <= curve.right[index];
    return { index, at: (column) => (seen ? curve.values[column][index] : null) };
  };

  const video = document.querySelector(".player video");
  const videoStart = video ? Number(video.dataset.start) * 1000 : 0;
  const charts = [];
  let view = null; // the stretch of time that all charts show, in ms; null: each its own
  let now = null;
  let last = null; // where the cursor was, after it is gone

  const go = (ms, seek) => {
    now = last = ms;
    if (seek && view && (ms < view[0] || ms > view[1])) {
      zoom(ms - (view[1] - view[0]) / 2, ms + (view[1] - view[0]) / 2);
    }
    charts.forEach((chart) => chart.place(ms));
    if (seek && video && video.readyState) video.currentTime = Math.max(0, (ms - videoStart) / 1000);
  };
  const rest = () => {
    if (video && !video.paused) return;
    now = null;
    charts.forEach((chart) => chart.clear());
  };
  const zoom = (from, to) => {
    const whole = charts.reduce(
      ([low, high], chart) => [Math.min(low, chart.from), Math.max(high, chart.to)],
      [Infinity, -Infinity],
    );
    const width = Math.max(to - from, 40);
    const start = Math.min(Math.max(from, whole[0]), Math.max(whole[0], whole[1] - width));
    view = width >= whole[1] - whole[0] ? null : [start, start + width];
    charts.forEach((chart) => chart.show());
    document.querySelectorAll(".tools .reset").forEach((button) => { button.disabled = !view; });
    if (now !== null) charts.forEach((chart) => chart.place(now));
  };

  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];
  const ticks = (line, from, to) => {
    if (!line.dataset.whole) line.dataset.whole = line.innerHTML;
    if (!view) { line.innerHTML = line.dataset.whole; return; }
    const step = (STEPS.find((s) => (to - from) / 1000 / s <= 8) || 3600) * 1000;
    line.replaceChildren();
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const mark = document.createElement("span");
      mark.style.left = `${((t - from) / (to - from)) * 100}%`;
      mark.textContent = clock(t);
      line.append(mark);
    }
  };

  const button = (text, title, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = title;
    made.addEventListener("click", act);
    return made;
  };
  const save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const fileName = (end) => `${document.title.split(":")[0].replace(/\.\w+$/, "")}-${end}`;

  const ink = (name) => (name.startsWith("--")
    ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : name);
  // Draws what a zoom shows from the curves in detail; false where the drawing from before serves.
  const repaint = (plot, curve, from, to) => {
    const kind = ["va", "expr", "au"].find((name) => plot.parentElement.classList.contains(name));
    const [first, stop] = data.plan.units;
    if (!kind || plot.dataset.plain) return false;
    const canvas = plot.querySelector("canvas") || plot.appendChild(document.createElement("canvas"));
    canvas.setAttribute("aria-hidden", "true");
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.width = Math.max(1, plot.clientWidth * ratio);
    const height = canvas.height = Math.max(1, plot.clientHeight * ratio);
    const pen = canvas.getContext("2d");
    const x = (ms) => ((ms - from) / (to - from)) * width;
    const begin = Math.max(0, nearest(curve.time, from) - 1);
    const end = Math.min(curve.time.length - 1, nearest(curve.time, to) + 1);
    const columns = kind === "va" ? [1, 0] : kind === "expr" ? data.plan.stack.map(([c]) => c)
      : Array.from({ length: stop - first }, (_, k) => first + k);
    const box = (k, top, tall) => pen.fillRect(x(curve.left[k]), top,
      x(curve.right[k]) - x(curve.left[k]) + 0.6, tall);
    const seen = (k) => columns.some((c) => curve.values[c][k] !== null);
    pen.fillStyle = ink("--ground");
    for (let k = begin; k <= end; k += 1) if (seen(k)) box(k, 0, height);
    if (kind === "au") {
      const tall = height / columns.length;
      pen.fillStyle = ink("--heat");
      columns.forEach((column, row) => {
        for (let k = begin; k <= end; k += 1) {
          pen.globalAlpha = Math.min(Math.max((curve.values[column][k] || 0) / 1000, 0), 1);
          if (pen.globalAlpha > 0.01) box(k, row * tall, tall);
        }
      });
      pen.globalAlpha = 1;
    } else if (kind === "expr") {
      for (let k = begin; k <= end; k += 1) {
        let below = 0;
        data.plan.stack.forEach(([column, color]) => {
          const share = Math.max(curve.values[column][k] || 0, 0) / 1000;
          pen.fillStyle = ink(color);
          box(k, height * (1 - below - share), height * share + 0.6);
          below += share;
        });
      }
    } else {
      pen.lineWidth = 1.6 * ratio;
      pen.lineJoin = "round";
      columns.forEach((column) => {
        pen.strokeStyle = ink(column ? "--arousal" : "--valence");
        pen.beginPath();
        let on = false;
        for (let k = begin; k <= end; k += 1) {
          const value = curve.values[column][k];
          if (value === null) { on = false; continue; }
          const at = [x(curve.time[k]), (0.5 - value / 2000) * height];
          if (on) pen.lineTo(...at); else pen.moveTo(...at);
          on = true;
        }
        pen.stroke();
      });
      pen.fillStyle = ink("--grid");
      pen.fillRect(0, height / 2, width, ratio);
    }
    return true;
  };

  const equip = (stack) => {
    const face = stack.dataset.face === undefined ? null : Number(stack.dataset.face);
    const section = stack.closest(".face") || stack.parentElement;
    const from = Number(stack.dataset.from) * 1000;
    const to = Number(stack.dataset.to) * 1000;
    const cells = [...stack.querySelectorAll("[data-column]")];
    const means = cells.map((cell) => [...cell.childNodes]);
    const when = stack.querySelector("[data-when]");
    const resting = when.textContent;
    const dot = section.querySelector(".now");
    const pictures = section.querySelectorAll(".plot > svg, .plot > img");
    const axes = section.querySelectorAll(".ticks");
    const bounds = () => view || [from, to];

    const scrub = document.createElement("div");
    scrub.className = "scrub";
    scrub.tabIndex = 0;
    scrub.setAttribute("role", "slider");
    scrub.setAttribute("aria-label", `Time cursor of ${stack.dataset.who}`);
    scrub.setAttribute("aria-valuemin", (from / 1000).toFixed(2));
    scrub.setAttribute("aria-valuemax", (to / 1000).toFixed(2));
    const cross = document.createElement("i");
    const band = document.createElement("b");
    scrub.append(cross, band);
    stack.append(scrub);

    let current = from;

    const clear = () => {
      scrub.classList.remove("on");
      if (dot) dot.classList.remove("on");
      cells.forEach((cell, row) => cell.replaceChildren(...means[row]));
      when.textContent = resting;
      scrub.setAttribute("aria-valuenow", (current / 1000).toFixed(2));
      scrub.setAttribute("aria-valuetext", resting);
    };

    const place = (ms) => {
      current = Math.min(Math.max(ms, from), to);
      const [start, end] = bounds();
      const told = face === null ? null : reading(face, current);
      const known = told && data.names.some((_, column) => told.at(column) !== null);
      cells.forEach((cell) => {
        const column = Number(cell.dataset.column);
        const own = told || reading(Number(cell.dataset.face), current);
        cell.textContent = shown(own.at(column), column < 2 || column > 25);
      });
      const moment = clock(known ? data.faces[face].time[told.index] : current);
      when.textContent = known || face === null ? `at ${moment}` : `${moment}: no usable frame`;
      const across = (current - start) / (end - start);
      cross.style.left = `${across * 100}%`;
      scrub.classList.toggle("on", across >= 0 && across <= 1);
      const inPlane = Boolean(dot && told && told.at(0) !== null && told.at(1) !== null);
      if (dot) dot.classList.toggle("on", inPlane);
      if (inPlane) {
        const centre = Number(dot.dataset.centre);
        const radius = Number(dot.dataset.radius) / 1000;
        dot.setAttribute("cx", centre + told.at(0) * radius);
        dot.setAttribute("cy", centre - told.at(1) * radius);
      }
      scrub.setAttribute("aria-valuenow", (current / 1000).toFixed(2));
      const spoken = [0, 1, 2, 3, 4, 5, 6, 7, 8]
        .map((column) => known && `${data.names[column]} ${shown(told.at(column), column < 2)}`)
        .join(", ");
      scrub.setAttribute("aria-valuetext", known ? `${moment}: ${spoken}` : when.textContent);
    };

    const show = () => {
      const [start, end] = bounds();
      const curve = face === null ? null : data.faces[face];
      const anew = Boolean(view && curve && curve.fine);
      stack.querySelectorAll(".row > .plot").forEach((plot) => {
        plot.classList.toggle("fine", anew && repaint(plot, curve, start, end));
        if (!plot.classList.contains("fine")) plot.querySelectorAll("canvas").forEach((c) => c.remove());
      });
      const width = (to - from) / (end - start);
      pictures.forEach((picture) => {
        picture.style.width = `${width * 100}%`;
        picture.style.left = `${((from - start) / (end - start)) * 100}%`;
      });
      axes.forEach((line) => ticks(line, start, end));
    };

    const timeAt = (event) => {
      const box = scrub.getBoundingClientRect();
      const [start, end] = bounds();
      return start + ((event.clientX - box.left) / box.width) * (end - start);
    };
    let pressed = null;
    scrub.addEventListener("pointerdown", (event) => {
      pressed = { x: event.clientX, ms: timeAt(event), view, moved: false, pan: event.shiftKey };
      if (event.pointerType === "mouse") scrub.setPointerCapture(event.pointerId);
      go(timeAt(event), false);
    });
    scrub.addEventListener("pointermove", (event) => {
      if (pressed && event.pointerType === "mouse" && Math.abs(event.clientX - pressed.x) > 6) {
        pressed.moved = true;
        const box = scrub.getBoundingClientRect();
        if (pressed.pan && pressed.view) {
          const [start, end] = pressed.view;
          const shift = ((pressed.x - event.clientX) / box.width) * (end - start);
          zoom(start + shift, end + shift);
        } else {
          band.style.left = `${Math.min(pressed.x, event.clientX) - box.left}px`;
          band.style.width = `${Math.abs(event.clientX - pressed.x)}px`;
          band.classList.add("on");
        }
      }
      if (!pressed || !pressed.pan) go(timeAt(event), false);
    });
    scrub.addEventListener("pointerup", (event) => {
      band.classList.remove("on");
      if (pressed && pressed.moved && !pressed.pan) {
        const end = timeAt(event);
        zoom(Math.min(pressed.ms, end), Math.max(pressed.ms, end));
      } else if (pressed && !pressed.moved) go(timeAt(event), true);
      pressed = null;
    });
    scrub.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && !pressed) rest();
    });
    scrub.addEventListener("wheel", (event) => {
      const [start, end] = bounds();
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const at = timeAt(event);
        const factor = Math.exp(Math.sign(event.deltaY) * 0.25);
        zoom(at - (at - start) * factor, at + (end - at) * factor);
      } else if (view && sideways) {
        event.preventDefault();
        const shift = Math.sign(sideways) * (end - start) * 0.1;
        zoom(start + shift, end + shift);
      }
    }, { passive: false });
    scrub.addEventListener("blur", rest);
    scrub.addEventListener("keydown", (event) => {
      const curve = face === null ? null : data.faces[face];
      const [start, end] = bounds();
      const leap = (end - start) / 20;
      const step = (by) => {
        if (!curve) return current + by * leap / 5;
        const index = nearest(curve.time, current) + by;
        return curve.time[Math.min(Math.max(index, 0), curve.time.length - 1)];
      };
      const scaled = (factor) => {
        const at = Math.min(Math.max(current, start), end);
        zoom(at - (at - start) * factor, at + (end - at) * factor);
      };
      const moves = {
        ArrowLeft: () => step(-1),
        ArrowDown: () => step(-1),
        ArrowRight: () => step(1),
        ArrowUp: () => step(1),
        PageDown: () => current - leap,
        PageUp: () => current + leap,
        Home: () => (curve ? curve.time[0] : from),
        End: () => (curve ? curve.time[curve.time.length - 1] : to),
      };
      const acts = {
        "+": () => scaled(0.5),
        "=": () => scaled(0.5),
        "-": () => scaled(2),
        "0": () => zoom(-Infinity, Infinity),
        "[": () => zoom(start - leap * 4, end - leap * 4),
        "]": () => zoom(start + leap * 4, end + leap * 4),
        Enter: () => go(current, true),
      };
      if (event.key === "Escape") clear();
      else if (moves[event.key]) {
        event.preventDefault();
        go(Math.min(Math.max(moves[event.key](), from), to), false);
        if (view && (now < view[0] || now > view[1])) {
          zoom(now - (view[1] - view[0]) / 2, now + (view[1] - view[0]) / 2);
        }
      } else if (acts[event.key] && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        acts[event.key]();
      }
    });
    charts.push({ from, to, place, clear, show });
    clear();

    const tools = document.createElement("p");
    tools.className = "tools";
    const reset = button("Whole video", "Undo the zoom (0)", () => zoom(-Infinity, Infinity));
    reset.className = "reset";
    reset.disabled = true;
    tools.append(
      button("Zoom in", "Zoom in (+); or drag over a chart, or Ctrl and the wheel", () => {
        const [start, end] = bounds();
        const middle = now === null ? (start + end) / 2 : now;
        zoom(middle - (end - start) / 4, middle + (end - start) / 4);
      }),
      reset,
      button("CSV", "The numbers of what is seen, as a table", () => {
        const [start, end] = bounds();
        const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
        const rows = [["person", "time_s", ...data.names.map(quoted)].join(",")];
        data.faces.forEach((curve, index) => {
          if (face !== null && index !== face) return;
          curve.time.forEach((time, k) => {
            if (time < start || time > end) return;
            const values = curve.values.map((v) => (v[k] === null ? "" : v[k] / 1000));
            rows.push([quoted(data.people[index]), time / 1000, ...values].join(","));
          });
        });
        save(fileName("curves.csv"), "text/csv", `${rows.join("\r\n")}\r\n`);
      }),
      button("SVG", "What is seen, as a picture", () => {
        save(fileName("curves.svg"), "image/svg+xml", drawn(stack, bounds(), stack.dataset.who));
      }),
      button("PNG", "What is seen, as a picture of points", () => {
        points(drawn(stack, bounds(), stack.dataset.who), (png) => {
          save(fileName("curves.png"), "image/png", png);
        });
      }),
    );
    stack.before(tools);

    section.querySelectorAll(".at[data-t]").forEach((label) => {
      label.replaceChildren(button(label.textContent, "Show this moment in the charts", () => {
        stack.scrollIntoView({ block: "nearest" });
        go(Number(label.dataset.t) * 1000, true);
      }));
    });
  };

  // The charts of a stack as one picture, with the colors that the page has now.
  const drawn = (stack, [from, to], who) => {
    const WIDTH = 800;
    const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity"];
    let y = 28;
    const parts = [];
    stack.querySelectorAll(".row > .plot").forEach((plot) => {
      const title = plot.parentElement.previousElementSibling;
      const left = plot.parentElement.querySelector(".left a");
      const height = plot.clientHeight;
      const words = left ? left.textContent : title && title.tagName === "H4" ? title.textContent : "";
      parts.push(`<text x="0" y="${y - 6}">${words.replace(/[<>&]/g, " ")}</text>`);
      const canvas = plot.querySelector("canvas");
      if (canvas) {
        parts.push(`<image x="0" y="${y}" width="${WIDTH}" height="${height}" ` +
          `preserveAspectRatio="none" href="${canvas.toDataURL()}"/>`);
      }
      plot.querySelectorAll(canvas ? ":scope > none" : ":scope > svg, :scope > img").forEach((picture) => {
        const place = `x="${parseFloat(picture.style.left || 0) / 100 * WIDTH}" y="${y}" ` +
          `width="${parseFloat(picture.style.width || 100) / 100 * WIDTH}" height="${height}"`;
        if (picture.tagName === "IMG") {
          parts.push(`<image ${place} preserveAspectRatio="none" href="${picture.src}"/>`);
          return;
        }
        const copy = picture.cloneNode(true);
        const of = [...picture.querySelectorAll("*")];
        [...copy.querySelectorAll("*")].forEach((one, k) => {
          const style = getComputedStyle(of[k]);
          one.setAttribute("style", kept.map((name) => `${name}:${style.getPropertyValue(name)}`)
            .concat("vector-effect:non-scaling-stroke").join(";"));
        });
        const box = picture.getAttribute("viewBox");
        parts.push(`<svg ${place} viewBox="${box}" preserveAspectRatio="none">${
          new XMLSerializer().serializeToString(copy).replace(/^<svg[^>]*>|<\/svg>$/g, "")}</svg>`);
      });
      y += height + 26;
    });
    const ends = `<text x="0" y="${y - 8}">${clock(from)}</text>` +
      `<text x="${WIDTH}" y="${y - 8}" text-anchor="end">${clock(to)} ${who.replace(/[<>&]/g, " ")}</text>`;
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" ` +
      `width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="13" fill="${
        getComputedStyle(document.body).color}"><rect width="100%" height="100%" fill="${
        getComputedStyle(document.body).backgroundColor}"/>${parts.join("")}${ends}</svg>`;
  };

  // A picture of points of an SVG, at twice its size.
  const points = (text, then) => {
    const picture = new Image();
    picture.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * picture.width;
      canvas.height = 2 * picture.height;
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(then, "image/png");
    });
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  };

  document.querySelectorAll(".shared, .stack").forEach(equip);
  const lanes = document.querySelector(".lanes");
  if (lanes) {
    const { from, to } = document.querySelector(".shared").dataset;
    const [start, end] = [Number(from) * 1000, Number(to) * 1000];
    const moment = () => Math.min(Math.max(last ?? start, start), end);
    addLanes(lanes, { charts, from: start, to: end, bounds: () => view || [start, end],
      moment, clock, go, save, fileName, button });
  }

  if (video) {
    const follow = () => go(videoStart + video.currentTime * 1000, false);
    const run = () => {
      follow();
      if (!video.paused && !video.ended) requestAnimationFrame(run);
    };
    video.addEventListener("play", run);
    video.addEventListener("seeked", follow);
    video.addEventListener("error", () => {
      video.parentElement.hidden = true; // the page was sent without it
    });
  }

  document.querySelectorAll("[data-folding]").forEach((line) => {
    [["Unfold all", true], ["Fold all", false]].forEach(([text, open]) => {
      line.append(button(text, text, () => {
        document.querySelectorAll("details.face").forEach((face) => { face.open = open; });
      }));
    });
  });

  const unfold = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();
})();
