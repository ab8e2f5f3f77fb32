// Keys. Those without Ctrl or Alt count in the empty input alone, so that nothing is lost while one writes.
import { openDialog } from "./dialogs.js";
import { byId, element } from "./elements.js";

const HELP = [
  ["Enter", "keys.send"],
  ["Shift+Enter", "keys.line"],
  ["↑", "keys.edit"],
  ["Ctrl+↑", "keys.editOwn"],
  ["← →", "keys.swipe"],
  ["Ctrl+Enter", "keys.again"],
  ["Alt+Enter", "keys.continue"],
  ["Esc", "keys.stop"],
];

/** Listen to the keys of a conversation. */
export function listenToKeys(conversation, composer) {
  const log = conversation.log;
  const inEmpty = {
    ArrowUp: () => log.edit(log.last),
    "Ctrl+ArrowUp": () => log.edit(log.newest(true)),
    ArrowLeft: () => conversation.swipe(log.last?.id, -1),
    ArrowRight: () => conversation.swipe(log.last?.id, 1),
    "Ctrl+Enter": () => conversation.again(),
  };
  const always = { "Alt+Enter": () => conversation.continueAnswer(), Enter: () => composer.submit(), "Ctrl+Enter": () => composer.submit() };
  byId("input").addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // an input method is at work
    const name = nameOf(event);
    if (name === "Enter" && matchMedia("(pointer: coarse)").matches) return; // Enter begins a line there
    const action = (composer.isEmpty && inEmpty[name]) || always[name];
    if (!action) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("keydown", (event) => {
    const isFree = !document.querySelector("dialog[open], :popover-open") && !event.defaultPrevented;
    if (event.key === "Escape" && isFree && conversation.isBusy) conversation.stop();
  });
}

/** Show all keys. */
export function showKeys() {
  const rows = HELP.flatMap(([keys, text]) => [element("dt", {}, element("kbd", {}, keys)), element("dd", { text })]);
  openDialog("keys", element("dl", { class: "keys" }, ...rows));
}

function nameOf(event) {
  const held = [(event.ctrlKey || event.metaKey) && "Ctrl", event.altKey && "Alt", event.shiftKey && "Shift"];
  return [...held.filter(Boolean), event.key].join("+");
}
