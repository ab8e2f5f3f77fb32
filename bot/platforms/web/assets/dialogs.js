// Dialogs: the browser keeps the focus in them and gives it back afterwards.
import { element, iconButton } from "./elements.js";

let titles = 0;

/** Open a dialog with a title; it is gone from the page once it is closed. Returns its element. */
export function openDialog(titleKey, ...children) {
  const id = `dialog-${(titles += 1)}`;
  const node = element("dialog", { "aria-labelledby": id });
  const close = iconButton("close", "close", () => node.close());
  const head = element("div", { class: "dialog-head" }, element("h2", { id, text: titleKey }), close);
  node.append(head, ...children);
  node.addEventListener("close", () => node.remove());
  node.addEventListener("click", (event) => event.target === node && isOutside(node, event) && node.close());
  document.body.append(node);
  node.showModal();
  return node;
}

/** Ask whether something that cannot be undone shall happen. */
export function confirmDialog(titleKey, body, confirmKey = titleKey) {
  return answered((done) => {
    const cancel = element("button", { type: "button", class: "plain", text: "cancel", autofocus: true });
    const confirm = element("button", { type: "button", class: "primary danger", text: confirmKey });
    const node = openDialog(titleKey, element("p", {}, body), element("div", { class: "buttons" }, cancel, confirm));
    cancel.addEventListener("click", () => node.close());
    confirm.addEventListener("click", () => done(true, node));
    return node;
  }, false);
}

/** Ask for a line of text; null where the dialog was left. */
export function textDialog(titleKey, labelKey, text) {
  return answered((done) => {
    const input = element("input", { id: "dialog-text", value: text, maxlength: 120, autocomplete: "off", required: true });
    const form = element(
      "form",
      { method: "dialog" },
      element("label", { for: "dialog-text", text: labelKey }),
      input,
      element("div", { class: "buttons" }, element("button", { class: "primary", text: "save" })),
    );
    const node = openDialog(titleKey, form);
    form.addEventListener("submit", () => done(input.value.trim() || null, node));
    input.select();
    return node;
  }, null);
}

/** Open a dialog with `open(done)` and return what it is done with, or `otherwise` where it was left. */
function answered(open, otherwise) {
  return new Promise((resolve) => {
    let answer = otherwise;
    const node = open((given, dialog) => {
      answer = given;
      dialog.close();
    });
    node.addEventListener("close", () => resolve(answer));
  });
}

function isOutside(node, { clientX, clientY }) {
  const box = node.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}
