// Elements made of attributes and children. Strings become text nodes: nothing is ever read as HTML.
import { label, say } from "./language.js";

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  again: "M20 11a8 8 0 1 0-2.3 5.7M20 5v6h-6",
  beams: "M4 12h4c4 0 4-7 8-7h4M8 12h12M8 12c4 0 4 7 8 7h4",
  bottom: "M12 5v14M6 13l6 6 6-6",
  close: "M6 6l12 12M18 6L6 18",
  continue: "M5 6l7 6-7 6zM14 6l7 6-7 6z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  done: "M5 13l4 4L19 7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  left: "M15 5l-7 7 7 7",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  reset: "M4 11a8 8 0 1 1 2.3 5.7M4 5v6h6",
  right: "M9 5l7 7-7 7",
  sampling: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
};

/** Return an element. `text` and `label` are keys of the language, `on` holds listeners, `data` datasets. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  const { text, label: labelled, on = {}, data = {}, ...others } = attributes;
  for (const [key, value] of Object.entries(others)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  Object.assign(node.dataset, data);
  if (text) say(node, text);
  if (labelled) label(node, labelled);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Return an icon, which screen readers pass over. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** Return a button that shows an icon and is named by a key of the language. */
export function iconButton(name, labelled, action) {
  return element("button", { type: "button", class: "icon", label: labelled, on: { click: action } }, icon(name));
}

/** Give a button of the page its icon and name. */
export function dress(button, name, labelled) {
  button.replaceChildren(icon(name));
  label(button, labelled);
}

/** Return an element of the page by its id. */
export const byId = (id) => document.getElementById(id);
