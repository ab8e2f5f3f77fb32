// The log of messages. Rows are kept by the id of their message, so that only what changed is touched.
import { MessageRow } from "./row.js";

const SHOWN = 100; // messages at first, and more each time

export class MessageLog {
  #rows = new Map();
  #messages = [];
  #limit = SHOWN;
  #draft = null; // the row of the answer that is being written
  #pending = []; // own rows whose id is not known yet

  constructor(node, earlier, actions) {
    this.node = node;
    this.earlier = earlier;
    this.actions = actions;
  }

  /** The newest message, or null. */
  get last() {
    return this.#messages.at(-1) ?? null;
  }

  /** The newest message of the user, or of a persona where `isOwn` is false. */
  newest(isOwn) {
    return this.#messages.findLast((message) => (message.persona === null) === isOwn) ?? null;
  }

  /** Return whether an answer is being written. */
  get isWriting() {
    return this.#draft !== null;
  }

  /** Begin with no messages. */
  clear() {
    this.#rows.clear();
    this.#messages = [];
    this.#limit = SHOWN;
    this.#draft = null;
    this.#pending = [];
    this.node.replaceChildren();
  }

  /** Show these messages; rows whose messages are as before stay untouched. */
  show(messages) {
    this.#messages = messages;
    this.#draft = null;
    this.#pending = [];
    const shown = messages.slice(-this.#limit);
    this.earlier.hidden = shown.length === messages.length;
    const rows = shown.map((message) => this.#updated(message));
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    rows.forEach((row, at) => {
      if (this.node.children[at] !== row.node) this.node.insertBefore(row.node, this.node.children[at] ?? null);
    });
    while (this.node.childElementCount > rows.length) this.node.lastElementChild.remove();
  }

  /** Show more of the messages before. */
  showEarlier() {
    this.#limit += SHOWN;
    this.show(this.#messages);
  }

  /** Show a message that is new, or was changed, or stands in the row of one that it replaces. */
  put(message, replaces = null) {
    const row = this.#rows.get(message.id) ?? this.#adopt(message, replaces) ?? this.#append(message);
    const before = row.id ?? message.id;
    const at = this.#messages.findIndex((each) => each.id === message.id || each.id === before);
    if (at >= 0) this.#messages[at] = message;
    else this.#messages.push(message);
    if (row === this.#draft) this.#draft = null;
    this.#rows.delete(before);
    this.#rows.set(message.id, row);
    row.update(message);
  }

  /** Take a message away. */
  remove(id) {
    this.#messages = this.#messages.filter((message) => message.id !== id);
    const row = this.#rows.get(id);
    this.#rows.delete(id);
    if (row && row !== this.#draft) row.node.remove();
    else if (row) row.id = null;
  }

  /** Show an own message that is on its way to the server. */
  addPending(text) {
    const row = this.#append({ id: null, persona: null, author: "", text, time: Date.now() / 1000, swipes: null });
    this.#pending.push(row);
    return row;
  }

  /** Drop a message that did not reach the server. */
  dropPending(row) {
    this.#pending = this.#pending.filter((each) => each !== row);
    row.node.remove();
  }

  /** Show the answer so far: in the row of a message that it replaces, or in one of its own. */
  draft(persona, text, replaces = null) {
    if (!this.#draft) {
      const empty = { id: null, persona, author: "", text: "", time: null, swipes: null };
      this.#draft = this.#rows.get(replaces) ?? this.#append(empty);
    }
    this.#draft.draft(text);
  }

  /** Tell how the answer that is written comes to be. */
  markDraft(key, places) {
    this.#draft?.mark(key, places);
  }

  /** Open the editor of a message. */
  edit(message) {
    this.#rows.get(message?.id)?.edit();
  }

  #updated(message) {
    const row = this.#rows.get(message.id);
    if (!row || row.isOwn !== (message.persona === null)) return new MessageRow(message, this.actions);
    if (row.isDraft || JSON.stringify(row.message) !== JSON.stringify(message)) row.update(message);
    return row;
  }

  /** Return the row that waits for a message: that of its draft, of what it replaces, or of one on its way. */
  #adopt(message, replaces) {
    if (message.persona !== null) return this.#draft ?? this.#rows.get(replaces);
    const at = this.#pending.findIndex((row) => row.text === message.text);
    return at < 0 ? null : this.#pending.splice(at, 1)[0];
  }

  #append(message) {
    const row = new MessageRow(message, this.actions);
    this.node.append(row.node);
    return row;
  }
}
