// The form of a card: its texts, and lists with one text a line or between lines of ---.
import { element } from "../elements.js";
import { translate } from "../language.js";
import { field } from "./parts.js";

const SHORT = ["name", "nickname"];
const ROWS = { description: 8, first_mes: 5, mes_example: 8 };
const EDGE = /^\s*---+\s*$/m;

/** Return the form; each change is noted in the draft, and taken out where it is undone. */
export function cardForm({ card, card_file: file, unused }, draft) {
  const fields = Object.entries(card).map(([name, value]) => {
    const asText = (given) => (Array.isArray(given) ? given.join(name === "tags" ? "\n" : "\n---\n") : given);
    const input = SHORT.includes(name)
      ? element("input", { maxlength: 100, autocomplete: "off", dir: "auto", name })
      : element("textarea", { rows: ROWS[name] ?? 3, dir: "auto", name });
    input.value = asText(draft[name] ?? value);
    input.addEventListener("input", () => {
      if (input.value === asText(value)) delete draft[name];
      else draft[name] = Array.isArray(value) ? parts(name, input.value) : input.value;
    });
    const help = Array.isArray(value) ? translate(name === "tags" ? "persona.lines" : "persona.blocks") : null;
    return field(`card.${name}`, input, help);
  });
  const lost = unused.length ? element("p", { class: "help", dir: "auto" }, translate("persona.unused", { names: unused.join(", ") })) : null;
  const save = element("div", { class: "buttons sticky" }, element("button", { type: "submit", class: "primary", text: "persona.save" }), element("span", { class: "help" }, file));
  return element("form", { class: "long" }, ...fields, lost, save);
}

function parts(name, text) {
  return text.split(name === "tags" ? "\n" : EDGE).map((each) => each.trim()).filter(Boolean);
}
