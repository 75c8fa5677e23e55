// The study of all results: made on the server, seen in a page of its own.

const $ = (id) => document.getElementById(id);
let of = null; // results that are there
let say = () => {};

function shown(made) {
  for (const id of ["study-open", "study-zip", "study-delete"]) $(id).hidden = !made;
  $("study-make").textContent = made ? "Make it again" : "Make the study";
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
  $("study-state").textContent = made
    ? [`Of ${count(made.videos, "result", "results")}, ${count(made.people, "person", "people")}.`, ...made.notes].join(" ")
    : "Not made yet.";
}

function fail(text) {
  $("study-wrong").textContent = text;
  $("study-wrong").hidden = !text;
}

async function look() {
  try {
    const answer = await fetch("/v1/study");
    if (answer.ok) shown(await answer.json());
  } catch { /* the line with the server's absence is shown already */ }
}

/** Called with the results that are there, whenever they change. */
export function offerStudy(results, tell) {
  say = tell;
  const text = results.join(" ");
  if (text === of) return;
  of = text;
  $("study").hidden = results.length === 0;
  if (results.length) look(); // one that is deleted takes the study along
}

async function make() {
  const form = new FormData();
  for (const [name, id] of [["participants", "participants"], ["events", "study-events"]]) {
    const [file] = $(id).files;
    if (file) form.append(name, file);
  }
  form.append("condition", "condition");
  if ($("study-marks").checked) form.append("marks", "true");
  $("study-make").disabled = true;
  $("study-state").textContent = "Summing up …";
  fail("");
  try {
    const answer = await fetch("/v1/study", { method: "POST", body: form });
    const told = await answer.json();
    if (answer.ok) { shown(told); say("The study is made"); }
    else { fail(typeof told.detail === "string" ? told.detail : "It could not be made."); await look(); }
  } catch { fail("The server does not answer."); }
  $("study-make").disabled = false;
}

$("study-make").addEventListener("click", make);
$("study-delete").addEventListener("click", async () => {
  await fetch("/v1/study", { method: "DELETE" }).catch(() => {});
  await look();
  $("study-make").focus();
});
