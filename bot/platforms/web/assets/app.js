// The talking page: its parts, and which of its views is shown.
import { ask } from "./api.js";
import { openBeams } from "./beams.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Conversations, titleOf } from "./conversations.js";
import { byId, dress } from "./elements.js";
import { chooseLanguage, language, onLanguage, say, showLanguage } from "./language.js";
import { listenToLogin } from "./login.js";
import { openMenu } from "./menu.js";
import { MessageLog } from "./messages.js";
import { watchModel } from "./model_state.js";
import { notifyError } from "./notices.js";
import { allPersonas, face, hueOf, personaCards, personaOf, setPersonas } from "./personas.js";
import { openSampling } from "./sampling.js";
import { Autoscroll } from "./scrolling.js";
import { listenToKeys, showKeys } from "./shortcuts.js";
import { openSidebar } from "./sidebar.js";
import { themeButton } from "./theme.js";

const VIEWS = ["login", "gallery", "talk"];

class Page {
  state = null;
  #isWatched = false;

  constructor() {
    const later = (name) => (...given) => this.conversation[name](...given);
    const names = ["edit", "remove", "swipe", "again", "continueAnswer", "copy"];
    const actions = Object.fromEntries(names.map((name) => [name, later(name)]));
    this.conversations = new Conversations();
    this.composer = new Composer({ send: later("send"), stop: later("stop") });
    this.scroll = new Autoscroll(byId("scroller"), byId("log"), (isAtEnd) => (byId("to-bottom").hidden = isAtEnd));
    this.log = new MessageLog(byId("log"), byId("earlier"), actions);
    const { log, composer, scroll } = this;
    const failed = (error) => this.fail(error);
    this.conversation = new Conversation({ log, composer, scroll, failed, changed: () => this.showHead() });
  }

  /** Let every control of the page do its work. */
  listen() {
    const click = (id, action) => byId(id).addEventListener("click", action);
    dress(byId("to-bottom"), "bottom", "toBottom");
    dress(byId("beams"), "beams", "beams");
    dress(byId("sampling"), "sampling", "sampling");
    click("to-bottom", () => this.scroll.toEnd());
    click("earlier", () => this.scroll.keepPlace(() => this.log.showEarlier()));
    click("beams", () => openBeams((wishes) => this.conversation.searchBeams(wishes)));
    click("sampling", () => openSampling(this.conversation, this.state.sampling));
    click("keys", showKeys);
    click("new", () => this.showGallery());
    click("language", () => chooseLanguage(language() === "en" ? "zh" : "en"));
    say(byId("language"), "languageOther");
    themeButton(byId("theme"));
    openSidebar();
    openMenu(this.conversation, (id) => this.erased(id));
    listenToKeys(this.conversation, this.composer);
    listenToLogin(() => this.begin());
    onLanguage(() => this.conversation.data && this.showHead());
    window.addEventListener("hashchange", () => this.follow());
  }

  /** Read the state and show the view that belongs to it. */
  async begin() {
    try {
      this.state = await ask("GET", "state");
      if (this.state.login) return this.show("login");
      setPersonas(this.state.personas);
      this.composer.limit(this.state.message_characters);
      if (!this.#isWatched) watchModel(this.state.model);
      this.#isWatched = true;
      await this.conversations.read();
    } catch (error) {
      this.fail(error);
      return error.status === 401 || this.showGallery();
    }
    return this.follow();
  }

  /** Open the conversation of the address; without one, the newest or the gallery. */
  async follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id === "new") return this.showGallery();
    const found = this.conversations.list.find((each) => String(each.id) === id) ?? this.conversations.list[0];
    if (!found) return this.showGallery();
    if (String(found.id) !== id) history.replaceState(null, "", `#${encodeURIComponent(found.id)}`);
    if (this.conversation.id === found.id) return this.show("talk");
    return this.open(found.id);
  }

  async open(id) {
    try {
      this.show("talk");
      this.conversations.choose(id);
      await this.conversation.open(id);
      this.composer.focus();
    } catch (error) {
      this.fail(error);
    }
  }

  showGallery() {
    this.conversation.close();
    this.conversations.choose(null);
    history.replaceState(null, "", "#new");
    byId("personas").replaceChildren(...personaCards((key) => this.start(key)));
    say(byId("gallery-title"), allPersonas().length ? "galleryTitle" : "galleryNone");
    this.show("gallery");
    byId("personas").querySelector("button")?.focus();
  }

  /** Begin a conversation with a persona, who greets. */
  async start(persona) {
    try {
      const { id } = await ask("POST", "conversations", { persona });
      await this.conversations.read();
      history.pushState(null, "", `#${encodeURIComponent(id)}`);
      await this.open(id);
    } catch (error) {
      this.fail(error);
    }
  }

  async erased(id) {
    this.composer.forget(id);
    this.conversation.close();
    history.replaceState(null, "", "#");
    await this.begin();
  }

  show(view) {
    for (const each of VIEWS) byId(each).hidden = each !== view;
    byId("tools").hidden = view !== "talk";
    byId("sidebar").classList.toggle("locked", view === "login");
    if (view === "talk") return;
    document.documentElement.style.removeProperty("--hue");
    byId("name").textContent = "alterego";
    byId("title").textContent = "";
    byId("face").replaceChildren();
    document.title = "alterego";
    if (view === "login") byId("key").focus();
  }

  /** Show whom one talks with, and keep the list at the side as new as the conversation. */
  showHead() {
    const { data } = this.conversation;
    const persona = personaOf(data.persona);
    const entry = this.conversations.list.find((each) => each.id === data.id);
    document.documentElement.style.setProperty("--hue", hueOf(persona.key));
    byId("face").replaceChildren(face(persona));
    byId("name").textContent = persona.name;
    byId("title").textContent = data.title ?? "";
    document.title = `${titleOf(data)} · alterego`;
    const isOld = entry?.title !== data.title || entry?.persona !== data.persona || entry?.messages !== data.messages.length;
    if (isOld) this.conversations.read().catch((error) => this.fail(error));
  }

  /** Show an error; where the login is over, the form for it. */
  fail(error) {
    if (error.status === 401) this.begin();
    else notifyError(error);
  }
}

const page = new Page();
page.listen();
showLanguage();
page.begin();
