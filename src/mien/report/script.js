// The page is complete without this script; it adds the cursor over the charts and some buttons.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("curves").textContent);
  const MINUS = "\u2212";

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

  const equip = (stack) => {
    const curve = data.faces[Number(stack.dataset.face)];
    const section = stack.closest(".face");
    const from = Number(stack.dataset.from) * 1000;
    const to = Number(stack.dataset.to) * 1000;
    const cells = [...stack.querySelectorAll("[data-column]")];
    const means = cells.map((cell) => [...cell.childNodes]);
    const when = stack.querySelector("[data-when]");
    const resting = when.textContent;
    const dot = section.querySelector(".now");

    const scrub = document.createElement("div");
    scrub.className = "scrub";
    scrub.tabIndex = 0;
    scrub.setAttribute("role", "slider");
    scrub.setAttribute("aria-label", `Time cursor of ${stack.dataset.who}`);
    scrub.setAttribute("aria-valuemin", (from / 1000).toFixed(2));
    scrub.setAttribute("aria-valuemax", (to / 1000).toFixed(2));
    const cross = document.createElement("i");
    scrub.append(cross);
    stack.append(scrub);

    let current = from;
    let index = 0;

    const clear = () => {
      scrub.classList.remove("on");
      dot.classList.remove("on");
      cells.forEach((cell, row) => cell.replaceChildren(...means[row]));
      when.textContent = resting;
      scrub.setAttribute("aria-valuenow", (current / 1000).toFixed(2));
      scrub.setAttribute("aria-valuetext", resting);
    };

    const place = (ms) => {
      current = Math.min(Math.max(ms, from), to);
      index = nearest(curve.time, current);
      const seen = curve.left[index] <= current && current <= curve.right[index];
      const at = (column) => (seen ? curve.values[column][index] : null);
      const known = data.names.some((_, column) => at(column) !== null);
      cells.forEach((cell) => {
        const column = Number(cell.dataset.column);
        cell.textContent = shown(at(column), column < 2 || column > 25);
      });
      const moment = clock(known ? curve.time[index] : current);
      when.textContent = known ? `at ${moment}` : `${moment}: no usable frame`;
      cross.style.left = `${((current - from) / (to - from)) * 100}%`;
      scrub.classList.add("on");
      const inPlane = at(0) !== null && at(1) !== null;
      dot.classList.toggle("on", inPlane);
      if (inPlane) {
        const centre = Number(dot.dataset.centre);
        const radius = Number(dot.dataset.radius) / 1000;
        dot.setAttribute("cx", centre + at(0) * radius);
        dot.setAttribute("cy", centre - at(1) * radius);
      }
      const spoken = [0, 1, 2, 3, 4, 5, 6, 7, 8]
        .map((column) => `${data.names[column]} ${shown(at(column), column < 2)}`)
        .join(", ");
      scrub.setAttribute("aria-valuenow", (current / 1000).toFixed(2));
      scrub.setAttribute("aria-valuetext", known ? `${moment}: ${spoken}` : when.textContent);
    };

    const point = (event) => {
      const box = scrub.getBoundingClientRect();
      place(from + ((event.clientX - box.left) / box.width) * (to - from));
    };
    scrub.addEventListener("pointermove", point);
    scrub.addEventListener("pointerdown", point);
    scrub.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") clear();
    });
    scrub.addEventListener("blur", clear);
    scrub.addEventListener("keydown", (event) => {
      const last = curve.time.length - 1;
      const leap = (to - from) / 20;
      const moves = {
        ArrowLeft: () => curve.time[Math.max(index - 1, 0)],
        ArrowDown: () => curve.time[Math.max(index - 1, 0)],
        ArrowRight: () => curve.time[Math.min(index + 1, last)],
        ArrowUp: () => curve.time[Math.min(index + 1, last)],
        PageDown: () => current - leap,
        PageUp: () => current + leap,
        Home: () => curve.time[0],
        End: () => curve.time[last],
      };
      if (event.key === "Escape") clear();
      else if (moves[event.key]) {
        event.preventDefault();
        place(moves[event.key]());
      }
    });
    clear();

    section.querySelectorAll(".at[data-t]").forEach((label) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label.textContent;
      button.title = "Show this moment in the charts";
      button.addEventListener("click", () => {
        stack.scrollIntoView({ block: "nearest" });
        place(Number(label.dataset.t) * 1000);
      });
      label.replaceChildren(button);
    });
  };

  document.querySelectorAll(".stack").forEach(equip);

  document.querySelectorAll("[data-folding]").forEach((line) => {
    [["Unfold all", true], ["Fold all", false]].forEach(([text, open]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => {
        document.querySelectorAll("details.face").forEach((face) => { face.open = open; });
      });
      line.append(button);
    });
  });

  const unfold = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();
})();
