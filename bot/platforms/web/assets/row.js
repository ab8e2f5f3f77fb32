// A message on the page: face, name, words, and the buttons below.
import { element, iconButton } from "./elements.js";
import { label, say, showTime } from "./language.js";
import { editInPlace } from "./editing.js";
import { MarkdownView } from "./markdown/view.js";
import { face, personaOf } from "./personas.js";
import { swipeOnTouch } from "./touch.js";

export class MessageRow {
  id = null;
  text = "";
  isDraft = false;
  #frame = 0;
  #shown = "";

  /** `actions` has `edit`, `remove`, `swipe`, `again`, `continueAnswer` and `copy`. */
  constructor(message, actions) {
    this.actions = actions;
    this.isOwn = message.persona === null;
    this.body = element("div", { class: "body" });
    this.view = new MarkdownView(this.body, actions.copy);
    this.name = element("strong", { dir: "auto" });
    this.time = element("time");
    this.badge = element("p", { class: "badge", hidden: true });
    this.swipes = this.isOwn ? null : this.#swipes();
    const head = element("header", {}, this.name, this.time);
    const content = element("div", { class: "content" }, head, this.badge, this.body, this.#toolbar());
    const kind = this.isOwn ? "own" : "persona";
    this.node = element("article", { class: `message ${kind}`, tabindex: "-1" }, content);
    if (!this.isOwn) swipeOnTouch(this.node, (step) => this.swipes.isConnected && actions.swipe(this.id, step));
    this.update(message);
  }

  /** Show a message in its newest state. */
  update(message) {
    this.#endDraft();
    this.message = message;
    this.id = message.id;
    this.text = message.text;
    this.view.show(message.text);
    this.#showAuthor(message);
    if (this.swipes) this.#showSwipes(message.swipes);
    if (message.time) showTime(this.time, new Date(momentOf(message.time)));
    if (this.id !== null) this.node.dataset.id = this.id;
  }

  /** Show the text of an answer so far, at the next frame. */
  draft(text) {
    this.isDraft = true;
    this.text = text;
    this.node.classList.add("writing");
    this.node.classList.toggle("waiting", !text);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.isDraft) this.view.show(this.text, true);
    });
  }

  /** Tell how an answer comes to be; null takes the words away. */
  mark(key, places) {
    this.badge.hidden = key === null;
    if (key) say(this.badge, key, places);
  }

  /** Open an editor in place of the words. */
  edit() {
    if (this.id === null || this.isDraft || this.node.querySelector(".editor")) return;
    editInPlace(this, (text) => this.actions.edit(this.id, text));
  }

  #endDraft() {
    this.isDraft = false;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.node.classList.remove("writing", "waiting");
    this.mark(null);
  }

  #showAuthor(message) {
    const key = `${message.persona} ${message.author}`;
    if (key === this.#shown) return;
    this.#shown = key;
    if (this.isOwn) return say(this.name, "you");
    const persona = personaOf(message.persona);
    this.name.textContent = persona.name;
    this.node.querySelector(":scope > .face")?.remove();
    this.node.prepend(face(persona));
  }

  #showSwipes(swipes) {
    const { index, count } = swipes ?? { index: 0, count: 1 };
    this.swipes.querySelector("output").textContent = `${index + 1}/${count}`;
    this.swipes.firstElementChild.disabled = index === 0;
    label(this.swipes.lastElementChild, index + 1 < count ? "nextSwipe" : "again");
  }

  #swipes() {
    const move = (step) => () => this.actions.swipe(this.id, step);
    const left = iconButton("left", "previousSwipe", move(-1));
    return element("div", { class: "swipes last-only" }, left, element("output"), iconButton("right", "nextSwipe", move(1)));
  }

  #toolbar() {
    const { copy, remove, again, continueAnswer } = this.actions;
    const bar = element("div", { class: "toolbar" }, this.swipes);
    bar.append(iconButton("copy", "copy", () => copy(this.text)));
    bar.append(iconButton("edit", "edit", () => this.edit()));
    bar.append(iconButton("delete", "delete", () => remove(this.id)));
    if (this.isOwn) return bar;
    for (const [name, key, action] of [["again", "again", again], ["continue", "continue", continueAnswer]]) {
      const button = iconButton(name, key, () => action());
      button.classList.add("last-only");
      bar.append(button);
    }
    return bar;
  }
}

/** Return the milliseconds of a time, which the server gives in seconds or as ISO 8601. */
function momentOf(time) {
  return typeof time === "number" ? time * 1000 : Date.parse(time);
}
