// A message that is edited where it stands.
import { element } from "./elements.js";
import { label } from "./language.js";

/** Put an editor in place of a row's words; `save(text)` takes a changed text. */
export function editInPlace(row, save) {
  const input = element("textarea", { class: "editor-text", rows: 1, dir: "auto" });
  label(input, "editLabel");
  input.value = row.text;
  const cancel = element("button", { type: "button", class: "plain", text: "cancel" });
  const form = element(
    "form",
    { class: "editor" },
    input,
    element("div", { class: "buttons" }, cancel, element("button", { class: "primary", text: "save" })),
  );
  const toolbar = row.node.querySelector(".toolbar");
  const close = () => {
    form.replaceWith(row.body);
    toolbar.hidden = false;
    document.getElementById("input").focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value;
    close();
    if (text.trim() && text !== row.text) save(text);
  });
  cancel.addEventListener("click", close);
  input.addEventListener("keydown", (event) => listen(event, form, close));
  input.addEventListener("input", () => fit(input));
  row.body.replaceWith(form);
  toolbar.hidden = true;
  fit(input);
  input.focus();
  input.setSelectionRange(input.value.length, input.value.length);
}

function listen(event, form, close) {
  if (event.isComposing) return;
  if (event.key === "Escape") close();
  else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Make a text area as high as its text. */
export function fit(input) {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}
