// The owner's page: its views by the address, and the login before them.
import "./words.js";
import { ask } from "../api.js";
import { byId, element } from "../elements.js";
import { chooseLanguage, language, onLanguage, say, showLanguage } from "../language.js";
import { listenToLogin } from "../login.js";
import { clearNotices, notifyError } from "../notices.js";
import { openSidebar } from "../sidebar.js";
import { themeButton } from "../theme.js";
import { showOverview } from "./overview.js";
import { showPersona } from "./persona.js";
import { showPersonas } from "./personas.js";
import { showPlace } from "./place.js";
import { showPlaces } from "./places.js";
import { showTraining } from "./training.js";

// each view's function for all of it, and for one thing of it
const VIEWS = {
  overview: [showOverview],
  places: [showPlaces, showPlace],
  personas: [showPersonas, showPersona],
  training: [showTraining],
};

class OwnerPage {
  #shown = new AbortController();

  /** Let every control of the page do its work. */
  listen() {
    byId("views").append(
      ...Object.keys(VIEWS).map((view) => element("li", {}, element("a", { href: `#${view}`, text: `view.${view}`, data: { view } }))),
    );
    byId("language").addEventListener("click", () => chooseLanguage(language() === "en" ? "zh" : "en"));
    say(byId("language"), "languageOther");
    themeButton(byId("theme"));
    openSidebar();
    listenToLogin(() => this.begin());
    window.addEventListener("hashchange", () => this.follow(true));
    onLanguage(() => this.#nameTab());
  }

  /** Ask whether a login is needed, and show what the address names. */
  async begin() {
    try {
      const { login } = await ask("GET", "state");
      byId("login").hidden = !login;
      byId("content").hidden = login;
      byId("sidebar").classList.toggle("locked", login);
      if (!login) return this.follow(false);
      this.#shown.abort();
      byId("key").focus();
    } catch (error) {
      notifyError(error);
    }
  }

  /** Show the view of the address; with `moves`, the focus goes to its title. */
  follow(moves) {
    const words = location.hash.slice(1).split("/").map(decoded);
    if (words[0] === "content") return;
    const view = Object.hasOwn(VIEWS, words[0]) ? words[0] : "overview";
    const [showAll, showOne] = VIEWS[view];
    this.#shown.abort();
    this.#shown = new AbortController();
    clearNotices();
    for (const link of byId("views").querySelectorAll("a")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    say(byId("name"), `view.${view}`);
    byId("title").textContent = "";
    this.#nameTab();
    const content = byId("content");
    content.replaceChildren();
    content.scrollTop = 0;
    if (moves) byId("name").focus();
    const page = { signal: this.#shown.signal, failed: (error) => this.fail(error) };
    const shown = showOne && words[1] ? showOne(content, page, ...words.slice(1)) : showAll(content, page);
    Promise.resolve(shown).catch((error) => this.fail(error));
  }

  /** Show an error; where the login is over, the form for it. */
  fail(error) {
    if (error.status === 401) this.begin();
    else notifyError(error);
  }

  #nameTab() {
    document.title = `${byId("name").textContent} · alterego`;
  }
}

/** Return a part of an address as text; one that is damaged names nothing. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

const page = new OwnerPage();
page.listen();
showLanguage();
page.begin();
