// The form of persona.toml: each key with its default; an empty field leaves the key out of the file.
import { element } from "../elements.js";
import { translate } from "../language.js";
import { field, section, select } from "./parts.js";

/** Return the form; each change is noted in the draft, and taken out where it is undone. */
export function keysForm({ keys }, draft) {
  const tables = Map.groupBy(keys, ({ name }) => (name.includes(".") ? name.split(".")[0] : ""));
  const sections = [...tables].map(([name, list]) => section(`keys.${name}`, ...list.map((key) => line(key, draft))));
  const save = element("div", { class: "buttons sticky" }, element("button", { type: "submit", class: "primary", text: "persona.save" }), element("span", { class: "help" }, "persona.toml"));
  return element("form", {}, element("div", { class: "panels" }, ...sections), save);
}

function line(key, draft) {
  const input = inputOf(key);
  const asText = (value) => (value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value));
  input.name = key.name;
  input.value = asText(key.name in draft ? draft[key.name] : key.value);
  input.addEventListener("input", () => {
    if (input.value === asText(key.value)) delete draft[key.name];
    else draft[key.name] = read(key, input.value);
  });
  const usual = key.default === null || key.default === "" ? "" : translate("keys.default", { value: asText(key.default) });
  return field(key.name.split(".").at(-1), input, [usual, key.help].filter(Boolean).join(" · ") || null, true);
}

function inputOf({ kind, choices, min, max, name }) {
  if (kind === "boolean") return select(["", "true", "false"], "", { true: "keys.on", false: "keys.off" });
  if (choices && kind !== "array") return select(["", ...choices], "");
  if (kind === "integer" || kind === "number") {
    return element("input", { type: "number", step: kind === "integer" ? 1 : "any", min, max, inputmode: "decimal" });
  }
  if (name === "template") return element("textarea", { rows: 3, spellcheck: "false" });
  return element("input", { autocomplete: "off", dir: "auto" });
}

/** Return a field's text as the value of its key; null leaves the key out. */
function read({ kind }, text) {
  if (!text.trim()) return null;
  if (kind === "boolean") return text === "true";
  if (kind === "integer" || kind === "number") return Number(text);
  return kind === "array" ? text.split(",").map((each) => each.trim()).filter(Boolean) : text;
}
