// The events of a conversation. A connection that is lost is made again, later each time, and whoever
// listens reads the conversation anew, since events may have been missed.
import { pathOf } from "./api.js";

const NAMES = ["draft", "message", "removed", "notice", "busy", "typing"];
const FIRST_WAIT = 500; // milliseconds
const LONGEST_WAIT = 15_000;

export class EventStream {
  #source = null;
  #timer = 0;
  #wait = FIRST_WAIT;
  #id = null;

  /** `heard(name, data)` takes events, `opened(isAgain)` and `lost()` the fate of the connection. */
  constructor({ heard, opened, lost }) {
    this.heard = heard;
    this.opened = opened;
    this.lost = lost;
    window.addEventListener("online", () => this.#id && !this.#source && this.#connect(true));
  }

  /** Listen to a conversation in place of the one before. */
  listen(id) {
    this.close();
    this.#id = id;
    this.#wait = FIRST_WAIT;
    this.#connect(false);
  }

  close() {
    this.#source?.close();
    this.#source = null;
    this.#id = null;
    clearTimeout(this.#timer);
  }

  #connect(isAgain) {
    clearTimeout(this.#timer);
    const source = new EventSource(`/page/${pathOf(this.#id, "events")}`);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#wait = FIRST_WAIT;
      this.opened(isAgain);
    });
    source.addEventListener("error", () => source === this.#source && this.#retry());
    for (const name of NAMES) {
      source.addEventListener(name, (event) => source === this.#source && this.heard(name, read(event.data)));
    }
  }

  #retry() {
    this.#source.close();
    this.#source = null;
    this.lost();
    this.#timer = setTimeout(() => this.#connect(true), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }
}

function read(data) {
  try {
    return JSON.parse(data);
  } catch {
    return {};
  }
}
