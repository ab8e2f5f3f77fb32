// All personas with their notes, the broken ones with their fault, and a new one.
import { ask } from "../api.js";
import { openDialog } from "../dialogs.js";
import { element } from "../elements.js";
import { number, translate } from "../language.js";
import { confirmShortly, notify } from "../notices.js";
import { face } from "../personas.js";
import { button, field, section } from "./parts.js";

/** Show the list of personas. */
export async function showPersonas(content, page) {
  const list = await ask("GET", "owner/personas");
  if (!page.signal.aborted) fill(content, page, list);
}

function fill(content, page, { personas, broken }) {
  const again = async () => {
    try {
      const read = await ask("POST", "owner/reload");
      fill(content, page, read);
      for (const [key, reason] of Object.entries(read.refused)) notify(`${key}: ${reason}`);
    } catch (error) {
      page.failed(error);
    }
  };
  const buttons = element("div", { class: "buttons" }, button("persona.new", () => make(page), "primary"), button("owner.refresh", again));
  const parts = [buttons, element("ul", { class: "cast" }, ...personas.map(card))];
  if (!personas.length) parts.push(element("p", { class: "help", text: "owner.none" }));
  if (broken.length) {
    const faults = broken.map(({ key, fault }) => element("li", {}, element("b", { dir: "auto" }, key), element("p", { class: "fault", dir: "auto" }, fault)));
    parts.push(section("persona.broken", element("ul", { class: "broken" }, ...faults)));
  }
  content.replaceChildren(...parts);
}

function card(persona) {
  const adapters = persona.adapters ? translate("persona.adapterCount", { count: number(persona.adapters) }) : "";
  const notes = [persona.note, persona.warning, persona.fault].filter(Boolean);
  return element(
    "li",
    {},
    element(
      "a",
      { href: `#personas/${encodeURIComponent(persona.key)}`, class: "card" },
      face(persona),
      element("strong", { dir: "auto" }, persona.name),
      element("span", { class: "help" }, [persona.key, adapters].filter(Boolean).join(" · ")),
      ...notes.map((note) => element("span", { class: persona.fault === note ? "fault" : "help", dir: "auto" }, note)),
    ),
  );
}

/** Ask for the beginnings of a new persona, and open it. */
function make(page) {
  const inputs = {
    key: element("input", { required: true, maxlength: 64, autocomplete: "off" }),
    name: element("input", { maxlength: 100, autocomplete: "off" }),
    description: element("textarea", { rows: 4 }),
    first_mes: element("textarea", { rows: 2 }),
  };
  const fault = element("p", { class: "fault", role: "alert" });
  const form = element(
    "form",
    {},
    field("persona.folder", inputs.key),
    field("persona.called", inputs.name),
    field("card.description", inputs.description),
    field("card.first_mes", inputs.first_mes),
    fault,
    element("div", { class: "buttons" }, element("button", { class: "primary", text: "persona.make" })),
  );
  const dialog = openDialog("persona.new", form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));
    try {
      const made = await ask("POST", "owner/personas", fields);
      dialog.close();
      confirmShortly(translate("owner.saved"));
      location.hash = `#personas/${encodeURIComponent(made.key)}`;
    } catch (error) {
      if (error.status === 401) page.failed(error);
      else fault.textContent = error.message;
    }
  });
  inputs.key.focus();
}
