// The input: it grows with its text, keeps it for each conversation, and sends or stops.
import { byId, dress } from "./elements.js";
import { fit } from "./editing.js";
import { say } from "./language.js";
import { keep, recall } from "./storage.js";

const keyOf = (id) => `draft ${id}`;

export class Composer {
  isBusy = false;
  #id = null;
  #limit = Infinity;

  /** `send(text)` and `stop()` are called by the button and by Enter. */
  constructor({ send, stop }) {
    this.send = send;
    this.stop = stop;
    this.input = byId("input");
    this.button = byId("send");
    this.input.addEventListener("input", () => this.#changed());
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.setBusy(false);
  }

  get isEmpty() {
    return this.input.value === "";
  }

  /** Refuse longer texts than the server takes. */
  limit(characters) {
    this.#limit = characters;
  }

  /** Take up the text that was begun in a conversation. */
  open(id) {
    this.#id = id;
    this.input.value = recall(keyOf(id)) ?? "";
    this.#changed();
  }

  /** Forget what was begun in a conversation that is gone. */
  forget(id) {
    keep(keyOf(id), "");
    if (id === this.#id) this.#id = null;
  }

  /** Put a text back that could not be sent. */
  restore(text) {
    this.input.value ||= text;
    this.#changed();
  }

  /** Send what is written; without a text, the button stops an answer. */
  submit() {
    const text = this.input.value.trim();
    if (!text) return this.isBusy && this.stop();
    if (this.#length() > this.#limit) return undefined;
    this.input.value = "";
    this.#changed();
    return this.send(text);
  }

  /** Let the button stop the answer while one is written and nothing else is to be sent. */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.#dress();
  }

  focus() {
    if (!matchMedia("(pointer: coarse)").matches) this.input.focus();
  }

  #changed() {
    fit(this.input);
    if (this.#id !== null) keep(keyOf(this.#id), this.input.value);
    const isLong = this.#length() > this.#limit;
    const places = { count: this.#length(), limit: this.#limit };
    say(byId("hint"), isLong ? "tooLong" : "hint", places);
    byId("hint").classList.toggle("fault", isLong);
    this.#dress();
  }

  #length() {
    return [...this.input.value].length;
  }

  #dress() {
    const stops = this.isBusy && this.isEmpty;
    if (this.button.value === String(stops)) return;
    this.button.value = String(stops);
    dress(this.button, stops ? "stop" : "send", stops ? "stop" : "send");
  }
}
