// The list of conversations at the side.
import { ask } from "./api.js";
import { byId, element } from "./elements.js";
import { onLanguage, showTime, translate } from "./language.js";
import { face, personaOf } from "./personas.js";

export class Conversations {
  list = [];
  #chosen = null;

  constructor() {
    onLanguage(() => this.#render());
  }

  /** Read the list from the server. */
  async read() {
    this.list = (await ask("GET", "conversations")).conversations;
    this.#render();
  }

  /** Mark the one that is open. */
  choose(id) {
    this.#chosen = id;
    for (const link of byId("conversations").querySelectorAll("a")) mark(link, link.dataset.id === String(id));
  }

  #render() {
    byId("conversations").replaceChildren(...this.list.map((each) => this.#entry(each)));
  }

  #entry({ id, persona, title, updated }) {
    const time = element("time");
    if (updated) showTime(time, new Date(typeof updated === "number" ? updated * 1000 : updated));
    const words = element(
      "span",
      { class: "words" },
      element("span", { class: "title", dir: "auto" }, titleOf({ title, persona })),
      time,
    );
    const link = element("a", { href: `#${encodeURIComponent(id)}`, data: { id } }, face(personaOf(persona)), words);
    mark(link, id === this.#chosen);
    return element("li", {}, link);
  }
}

/** Return the title of a conversation, or its persona's name. */
export function titleOf({ title, persona }) {
  return title || personaOf(persona).name || translate("untitled");
}

function mark(link, isChosen) {
  if (isChosen) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}
