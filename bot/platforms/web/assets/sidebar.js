// The side of the page, which lies over it where the screen is narrow.
import { byId, dress } from "./elements.js";

const NARROW = matchMedia("(max-width: 820px)");

/** Let the button of the bar open the side; Esc, a choice and a touch beside it close it. */
export function openSidebar() {
  const side = byId("sidebar");
  const button = byId("open-sidebar");
  dress(button, "menu", "openSidebar");
  const show = (isOpen) => {
    const covers = NARROW.matches && isOpen;
    side.classList.toggle("open", covers);
    side.inert = NARROW.matches && !isOpen;
    document.querySelector("main").inert = covers;
    byId("veil").hidden = !covers;
    button.setAttribute("aria-expanded", String(covers));
  };
  const close = () => {
    if (!side.classList.contains("open")) return;
    show(false);
    button.focus();
  };
  button.addEventListener("click", () => {
    show(true);
    side.querySelector("button").focus();
  });
  byId("veil").addEventListener("click", close);
  side.addEventListener("keydown", (event) => event.key === "Escape" && close());
  side.addEventListener("click", (event) => event.target.closest("a, #new") && close());
  NARROW.addEventListener("change", () => show(false));
  show(false);
}
