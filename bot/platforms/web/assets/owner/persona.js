// One persona: its card, its settings, the prompt of its next reply, and its adapters.
import { ask } from "../api.js";
import { byId, element } from "../elements.js";
import { say, translate } from "../language.js";
import { confirmShortly, notify } from "../notices.js";
import { showAdapters } from "./adapters.js";
import { cardForm } from "./card_form.js";
import { keysForm } from "./keys_form.js";
import { showPreview } from "./preview.js";
import { upload } from "./upload.js";

const TABS = ["card", "keys", "prompt", "adapters"];
const drafts = new Map(); // changes that are not saved, by persona: they stay while one looks elsewhere

/** Show a persona by its key, at one of its tabs. */
export async function showPersona(content, page, key, tab = "card") {
  const persona = await ask("GET", `owner/personas/${encodeURIComponent(key)}`);
  if (page.signal.aborted) return;
  if (!drafts.has(key)) drafts.set(key, { card: {}, keys: {} });
  new PersonaView(content, page, persona, drafts.get(key)).show(TABS.includes(tab) ? tab : "card");
}

class PersonaView {
  #body = element("div", { class: "stack" });

  constructor(content, page, persona, draft) {
    Object.assign(this, { content, page, persona, draft });
    this.path = `owner/personas/${encodeURIComponent(persona.key)}`;
  }

  show(tab) {
    const { persona } = this;
    byId("name").textContent = persona.name;
    say(byId("title"), `persona.${tab}`);
    const links = TABS.map((each) =>
      element("a", {
        href: `#personas/${encodeURIComponent(persona.key)}/${each}`,
        class: "quiet",
        text: `persona.${each}`,
        "aria-current": each === tab ? "page" : null,
      }),
    );
    const back = element("a", { href: "#personas", class: "quiet", text: "owner.back" });
    const notes = [persona.fault, persona.warning, persona.note].filter(Boolean);
    this.content.replaceChildren(
      element("nav", { class: "tabs", label: "view.personas" }, back, ...links),
      ...notes.map((note) => element("p", { class: "note", dir: "auto" }, note)),
      this.#body,
    );
    this.#open(tab);
  }

  #open(tab) {
    if (tab === "adapters") return showAdapters(this.#body, this.page, this.path).catch((error) => this.page.failed(error));
    if (tab === "prompt") return showPreview(this.#body, this.page, this.path, this.draft);
    const form = tab === "keys" ? keysForm(this.persona, this.draft.keys) : cardForm(this.persona, this.draft.card);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(tab);
    });
    return this.#body.replaceChildren(...(tab === "card" ? [this.#picture()] : []), form);
  }

  /** Save the changed fields of a form; where that is refused, they stay as they were typed. */
  async #save(tab) {
    const changes = this.draft[tab];
    if (!Object.keys(changes).length) return;
    try {
      const saved = await ask("PUT", `${this.path}/${tab}`, { revision: this.persona.revision, [tab]: changes });
      this.draft[tab] = {};
      this.#took(saved, tab);
    } catch (error) {
      this.page.failed(error);
    }
  }

  #took(saved, tab) {
    this.persona = saved;
    this.show(tab);
    confirmShortly(translate("owner.saved"));
    if (saved.refused) notify(translate("persona.refused", { reason: saved.refused }));
    this.#body.querySelector("[type=submit]")?.focus();
  }

  #picture() {
    const { persona } = this;
    const input = element("input", { type: "file", accept: "image/png,image/webp,image/jpeg", label: "persona.choosePicture" });
    input.addEventListener("change", async () => {
      if (!input.files.length) return;
      try {
        this.#took(await upload(`${this.path}/picture`, input.files[0]), "card");
      } catch (error) {
        this.page.failed(error);
      }
    });
    const shown = persona.picture ? element("img", { src: `${persona.picture}?${Date.now()}`, alt: "", class: "portrait", width: 96, height: 96 }) : null;
    return element("div", { class: "picture" }, shown, element("label", {}, element("span", { text: "persona.choosePicture" }), input));
  }
}
