// The panel of sampling: each value with what it does and from where it comes.
import { openDialog } from "./dialogs.js";
import { element } from "./elements.js";
import { isKnown, say, translate } from "./language.js";
import { numberField } from "./settings_field.js";

const SEED = { name: "seed", min: 0, max: 2 ** 31 - 1, step: 1 };

/** Open the panel for a conversation; `known` are the values that the server knows. */
export function openSampling(conversation, known) {
  const fields = [...known, SEED];
  const shown = fields.map((field) => valueField(conversation, field));
  const update = () => shown.forEach((each) => each.update(valuesOf(conversation.data)));
  const resetAll = element("button", { type: "button", class: "plain", text: "resetAll" });
  resetAll.addEventListener("click", async () => {
    await conversation.setSampling(Object.fromEntries(fields.map(({ name }) => [name, null])));
    update();
  });
  const node = openDialog(
    "sampling",
    element("p", { class: "help", text: "samplingHelp" }),
    ...shown.map((each) => each.node),
    element("div", { class: "buttons" }, resetAll),
  );
  node.classList.add("sheet");
  node.addEventListener("values", update);
  update();
}

/** Return the values of a conversation, its seed among them. */
function valuesOf({ sampling, seed }) {
  return seed === null ? sampling : [...sampling, { name: "seed", value: seed, from: "this chat" }];
}

function valueField(conversation, field) {
  const set = async (value) => {
    await conversation.setSampling({ [field.name]: value });
    view.node.dispatchEvent(new Event("values", { bubbles: true }));
  };
  const help = isKnown(`help.${field.name}`) ? translate(`help.${field.name}`) : field.help;
  const view = numberField({ ...field, name: field.name.replaceAll("_", " "), help }, set);
  view.slider.hidden = field === SEED;
  const from = element("span");
  const reset = element("button", { type: "button", class: "quiet", text: "reset", on: { click: () => set(null) } });
  view.extra.append(from, reset);
  const update = (values) => {
    const own = values.find(({ name }) => name === field.name);
    const isEdited = [view.number, view.slider].includes(document.activeElement);
    if (!isEdited) view.show(own?.value ?? field.default);
    const source = own?.from ?? "default";
    say(from, "samplingFrom", { from: isKnown(`from.${source}`) ? translate(`from.${source}`) : source });
    reset.disabled = ["default", "persona", "persona.toml"].includes(source);
  };
  return { node: view.node, update };
}
