// Dark, light, or as the system has it.
import { say } from "./language.js";
import { keep, recall } from "./storage.js";

const THEMES = ["system", "light", "dark"];

/** Let a button choose the next theme each time. */
export function themeButton(button) {
  show(button, THEMES.includes(recall("theme")) ? recall("theme") : "system");
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(button.value) + 1) % THEMES.length];
    keep("theme", next === "system" ? "" : next);
    show(button, next);
  });
}

function show(button, theme) {
  button.value = theme;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(button, `theme.${theme}`);
}
