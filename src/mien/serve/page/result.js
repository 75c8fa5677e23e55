// A report in a frame that can ask nobody; what is marked in it comes here, and is kept by the server.

const $ = (id) => document.getElementById(id);
const key = location.pathname.split("/").pop();
const place = `/v1/analyses/${encodeURIComponent(key)}`;
let waiting = null; // marks that came while others were on their way
let busy = false;

function offer(marks) {
  $("marks").href = `${place}/events.csv`;
  $("marks").hidden = !marks.length;
}

async function keep(marks) {
  if (busy) { waiting = marks; return; }
  busy = true;
  $("state").textContent = "Keeping your marks …";
  try {
    const answer = await fetch(`${place}/marks`, {
      method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ marks }),
    });
    const told = await answer.json();
    const count = (number) => `${number} mark${number === 1 ? "" : "s"}`;
    $("state").textContent = answer.ok ? `${count(told.marks.length)} kept.`
      : `Your marks were not kept: ${typeof told.detail === "string" ? told.detail : "they do not fit."}`;
    if (answer.ok) offer(told.marks);
  } catch { $("state").textContent = "Your marks were not kept: the server does not answer."; }
  busy = false;
  if (waiting) { const next = waiting; waiting = null; keep(next); }
}

addEventListener("message", ({ source, data }) => {
  if (source !== $("report").contentWindow || data?.mien !== "marks" || !Array.isArray(data.marks)) return;
  keep(data.marks.map(({ onset, duration, label }) => ({ onset, duration, label })));
});

$("report").addEventListener("load", () => $("report").focus()); // so that its keys work at once
$("report").src = `${place}/report`;
fetch(place).then((answer) => answer.json()).then(({ name }) => {
  $("name").textContent = name;
  document.title = `${name}: what the faces express`;
}).catch(() => {});
fetch(`${place}/marks`).then((answer) => answer.json()).then(({ marks }) => offer(marks ?? [])).catch(() => {});
