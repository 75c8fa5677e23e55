// Who is who in one result: names, merges and who is left out, as mien people keeps them.

const $ = (id) => document.getElementById(id);

/** Fills a place with the persons of an analysis. */
export async function showPeople(key, place, say) {
  const address = `/v1/analyses/${encodeURIComponent(key)}/people`;
  const form = $("persons").content.firstElementChild.cloneNode(true);
  const list = form.querySelector(".persons"), message = form.querySelector(".message"), merge = form.querySelector(".merge");
  const chosen = () => [...list.querySelectorAll(":checked")].map((box) => box.value);

  async function ask(what) {
    const init = what && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what) };
    try {
      const answer = await fetch(address, init ?? undefined);
      const told = await answer.json();
      const wrong = answer.ok ? "" : typeof told.detail === "string" ? told.detail : "This does not fit.";
      message.textContent = wrong;
      message.hidden = !wrong;
      if (answer.ok) draw(told);
      if (answer.ok && what) say("The report follows what you said.");
      return answer.ok;
    } catch {
      message.textContent = "The server does not answer.";
      message.hidden = false;
      return false;
    }
  }

  function draw(people) {
    const at = [...list.children].indexOf(document.activeElement?.closest("li")); // the focus stays in its line
    list.replaceChildren(...people.map((person) => {
      const item = $("person").content.firstElementChild.cloneNode(true);
      const [box, name] = item.querySelectorAll("input"), button = item.querySelector("button");
      box.value = name.value = person.name;
      box.setAttribute("aria-label", `Choose ${person.name}`);
      name.setAttribute("aria-label", `Name of ${person.name}`);
      const when = person.first_s === null ? "" : `, ${person.first_s.toFixed(1)} to ${person.last_s.toFixed(1)} s`;
      item.querySelector(".state").textContent = `${person.frames} frames${when}`;
      item.classList.toggle("out", person.excluded);
      button.textContent = person.excluded ? "Take in" : "Leave out";
      button.setAttribute("aria-label", `${button.textContent} ${person.name}`);
      button.addEventListener("click", () => ask({ do: person.excluded ? "include" : "exclude", who: [person.name] }));
      box.addEventListener("change", () => { merge.disabled = chosen().length < 2; });
      name.addEventListener("change", async () => {
        if (!await ask({ do: "name", who: [person.name], name: name.value })) name.value = person.name;
      });
      return item;
    }));
    if (at >= 0) list.children[Math.min(at, people.length - 1)]?.querySelector("[type=text]").focus();
    for (const box of list.querySelectorAll("[type=checkbox]")) box.hidden = people.length < 2;
    merge.disabled = true;
    merge.hidden = people.length < 2;
  }

  merge.addEventListener("click", () => ask({ do: "merge", who: chosen() }));
  form.addEventListener("submit", (event) => { event.preventDefault(); });
  place.replaceChildren(form);
  await ask();
}
