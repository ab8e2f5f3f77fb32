// The panel of sampling: each value with what it does and from where it comes.
import { openDialog } from "./dialogs.js";
import { element } from "./elements.js";
import { isKnown, say, translate } from "./language.js";
import { numberField } from "./settings_field.js";

/** Open the panel for a conversation; `fields` are the values that the server knows. */
export function openSampling(conversation, fields) {
  const shown = fields.map((field) => valueField(conversation, field));
  const update = () => shown.forEach((each) => each.update(conversation.data.sampling));
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

function valueField(conversation, field) {
  const set = async (value) => {
    await conversation.setSampling({ [field.name]: value });
    view.node.dispatchEvent(new Event("values", { bubbles: true }));
  };
  const help = isKnown(`help.${field.name}`) ? translate(`help.${field.name}`) : field.help;
  const view = numberField({ ...field, name: field.name.replaceAll("_", " "), help }, set);
  const from = element("span");
  const reset = element("button", { type: "button", class: "quiet", text: "reset", on: { click: () => set(null) } });
  view.extra.append(from, reset);
  const update = (values) => {
    const own = values.find(({ name }) => name === field.name);
    view.show(own?.value ?? field.default);
    const source = own?.from ?? "default";
    say(from, "samplingFrom", { from: isKnown(`from.${source}`) ? translate(`from.${source}`) : source });
    reset.disabled = !["place", "scope"].includes(source);
  };
  return { node: view.node, update };
}
