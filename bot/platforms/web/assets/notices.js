// Notices above the input, and the one line that screen readers hear.
import { byId, element, iconButton } from "./elements.js";
import { isKnown, translate } from "./language.js";

const MOST = 3; // notices at once
const SHORT = 2_500; // milliseconds that a confirmation stays

/** Show a sentence until it is closed. */
export function notify(text) {
  const node = element("div", { class: "notice" }, element("p", { dir: "auto" }, text));
  node.append(iconButton("close", "close", () => node.remove()));
  show(node);
  announce(text);
}

/** Show a confirmation for a moment. */
export function confirmShortly(text) {
  const node = element("div", { class: "notice short" }, element("p", {}, text));
  show(node);
  announce(text);
  setTimeout(() => node.remove(), SHORT);
}

/** Show an error with what to do; one that is no error of the server is thrown on. */
export function notifyError(error) {
  if (error.status === undefined) throw error;
  notify(errorText(error));
}

/** Return the sentence of an error in the page's language, or as the server wrote it. */
export function errorText(error) {
  if (isKnown(`error.${error.code}`)) return translate(`error.${error.code}`);
  return error.message || translate("error.unknown", { status: error.status });
}

/** Take all notices away. */
export const clearNotices = () => byId("notices").replaceChildren();

/** Let screen readers say a sentence. */
export function announce(text) {
  byId("status").textContent = text;
}

function show(node) {
  const list = byId("notices");
  list.append(node);
  while (list.childElementCount > MOST) list.firstElementChild.remove();
}
