// The panel of beam search: how many beams, and whether long answers are favoured.
import { openDialog } from "./dialogs.js";
import { element } from "./elements.js";
import { translate } from "./language.js";
import { numberField } from "./settings_field.js";
import { keep, recall } from "./storage.js";

const MOST_TOKENS = 1024;
const FIELDS = {
  beams: { name: "beamsCount", help: "beamsCountHelp", min: 1, max: 8, step: 1, value: 4 },
  length_penalty: { name: "beamsLength", help: "beamsLengthHelp", min: -3, max: 3, step: 0.1, value: 1 },
  max_tokens: { name: "beamsTokens", help: "beamsTokensHelp", min: 1, max: MOST_TOKENS, step: 1, value: null },
};

/** Open the panel; `search(wishes)` begins. */
export function openBeams(search) {
  const kept = keptWishes();
  const inputs = {};
  const nodes = Object.entries(FIELDS).map(([key, field]) => {
    const words = { name: translate(field.name), help: translate(field.help) };
    const view = numberField({ ...field, ...words, value: kept[key] ?? field.value });
    view.number.required = field.value !== null;
    inputs[key] = view.number;
    return view.node;
  });
  const begin = element("button", { class: "primary", text: "beamsBegin" });
  const note = element("p", { class: "note", text: "beamsNote" });
  const form = element("form", { method: "dialog" }, ...nodes, note, element("div", { class: "buttons" }, begin));
  const node = openDialog("beams", element("p", { class: "help", text: "beamsHelp" }), form);
  node.classList.add("sheet");
  form.addEventListener("submit", () => {
    const filled = Object.entries(inputs).filter(([, input]) => input.value !== "");
    const wishes = Object.fromEntries(filled.map(([key, input]) => [key, Number(input.value)]));
    keep("beams", JSON.stringify(wishes));
    search(wishes);
  });
}

function keptWishes() {
  try {
    return JSON.parse(recall("beams") ?? "{}");
  } catch {
    return {};
  }
}
