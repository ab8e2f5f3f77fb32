// Parts that several views show: sections, tables, lists of facts, and a command that can be copied.
import { element } from "../elements.js";
import { translate } from "../language.js";
import { confirmShortly } from "../notices.js";

let titles = 0;

/** Return a section with a title by its key. */
export function section(titleKey, ...children) {
  const id = `section-${(titles += 1)}`;
  return element("section", { class: "panel", "aria-labelledby": id }, element("h2", { id, text: titleKey }), ...children);
}

/** Return facts as pairs of a name and a text; empty ones are left out. */
export function facts(pairs, isKey = true) {
  const list = element("dl", { class: "facts" });
  for (const [name, value] of pairs) {
    if (value === "" || value === null || value === undefined) continue;
    list.append(element("dt", isKey ? { text: name } : {}, isKey ? null : name), element("dd", { dir: "auto" }, value));
  }
  return list;
}

/** Return a table with heads by their keys; each row is a list of texts or nodes, the first of them its head. */
export function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((key) => element("th", { scope: "col", text: key })));
  const body = rows.map(([first, ...rest]) =>
    element("tr", {}, element("th", { scope: "row", dir: "auto" }, first), ...rest.map((cell) => element("td", {}, cell))),
  );
  const whole = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "wide-table", tabindex: 0, role: "group", label: heads[0] }, whole);
}

/** Return a field: its label by key or as it is, its input, and help below. */
export function field(labelKey, input, help = null, plain = false) {
  const id = `field-${(titles += 1)}`;
  input.id = id;
  const node = element("div", { class: "line" }, element("label", plain ? { for: id } : { for: id, text: labelKey }, plain ? labelKey : null), input);
  if (help) {
    node.append(element("p", { class: "help", id: `${id}-help` }, help));
    input.setAttribute("aria-describedby", `${id}-help`);
  }
  return node;
}

/** Return a choice among values; `texts` maps values to keys of the language, others show as they are. */
export function select(values, chosen, texts = {}) {
  const node = element("select");
  for (const value of values) {
    const text = texts[value];
    node.append(element("option", { value, selected: value === chosen, ...(text ? { text } : {}) }, text ? null : value));
  }
  return node;
}

/** Return a button with words. */
export function button(text, action, kind = "plain") {
  return element("button", { type: "button", class: kind, text, on: { click: action } });
}

/** Return a command line and a button that copies it. */
export function commandLine(text) {
  const copy = button("owner.copyCommand", async () => {
    await navigator.clipboard.writeText(text);
    confirmShortly(translate("copied"));
  });
  return element("div", { class: "command" }, element("code", {}, text), copy);
}
