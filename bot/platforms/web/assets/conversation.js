// The open conversation: its messages, its events, and everything one can do in it.
import { ask, pathOf } from "./api.js";
import { confirmDialog } from "./dialogs.js";
import { byId } from "./elements.js";
import { EventStream } from "./events.js";
import { translate } from "./language.js";
import { announce, clearNotices, confirmShortly, errorText, notify, notifyError } from "./notices.js";
import { personaOf } from "./personas.js";

export class Conversation {
  id = null;
  data = null;
  isBusy = false;
  #replaces = null; // id of the message that the answer under way replaces
  #mark = null; // words about how it comes to be
  #isTold = false; // that the server told of the answer under way
  #isLost = false;

  /** `changed()` is called when title, persona or messages may have changed, `failed(error)` for a lost login. */
  constructor({ log, composer, scroll, changed, failed }) {
    Object.assign(this, { log, composer, scroll, changed, failed });
    this.events = new EventStream({
      heard: (name, data) => this.#heard(name, data),
      opened: (isAgain) => this.#opened(isAgain),
      lost: () => this.#lost(),
    });
  }

  /** Open a conversation in place of the one before. */
  async open(id) {
    this.close();
    this.id = id;
    const data = await ask("GET", pathOf(id));
    if (this.id !== id) return;
    this.log.clear();
    clearNotices();
    this.composer.open(id);
    this.#show(data);
    this.scroll.toEnd();
    this.events.listen(id);
  }

  close() {
    this.events.close();
    this.id = null;
    this.data = null;
    this.#setBusy(false);
  }

  /** Read the conversation anew, as the server has it. */
  async read() {
    const id = this.id;
    const data = await ask("GET", pathOf(id));
    if (this.id === id) this.#show(data);
  }

  async send(text) {
    const row = this.log.addPending(text);
    this.scroll.toEnd();
    try {
      const { id } = await ask("POST", pathOf(this.id, "messages"), { text });
      if (row.id === null) this.log.put({ ...row.message, id });
    } catch (error) {
      this.log.dropPending(row);
      this.composer.restore(text);
      this.#fail(error);
    }
  }

  /** Ask for another answer in place of the last one. */
  again = () => this.#answer("again");

  /** Ask for more of the last answer. */
  continueAnswer = () => this.#answer("continue");

  /** Answer by beam search. */
  searchBeams(wishes) {
    return this.#answer("beams", wishes, { key: "beamsShown", places: { count: wishes.beams } });
  }

  stop = () => this.isBusy && this.#ask("POST", "stop");

  /** Show the answer before or after; after the last one comes a new one. */
  swipe = (id, step) => {
    const message = this.log.last;
    if (this.isBusy || !message || message.id !== id || message.persona === null) return undefined;
    const { index, count } = message.swipes ?? { index: 0, count: 1 };
    if (index + step < 0) return undefined;
    if (index + step >= count) return this.again();
    this.#replaces = id;
    return this.#change("POST", "swipe", { index: index + step });
  };

  edit = (id, text) => this.#change("PATCH", ["messages", id], { text });

  remove = async (id) => {
    if (id === null || !(await confirmDialog("deleteMessage", translate("deleteMessageBody"), "delete"))) return;
    await this.#change("DELETE", ["messages", id]);
  };

  async reset() {
    const name = personaOf(this.data.persona).name;
    if (await confirmDialog("beginAnew", translate("beginAnewBody", { name }))) await this.#change("POST", "reset");
  }

  rename = (title) => this.#change("PATCH", [], { title });

  choosePersona = (persona) => this.#change("PATCH", [], { persona });

  setSampling = (values) => this.#change("PUT", "sampling", values);

  copy = async (text) => {
    await navigator.clipboard.writeText(text).then(
      () => confirmShortly(translate("copied")),
      (error) => notify(error.message),
    );
  };

  async #answer(kind, wishes = {}, mark = null) {
    const last = this.log.last;
    if (this.isBusy || !last) return;
    this.#mark = mark;
    this.#replaces = last.persona === null || kind === "continue" ? null : last.id;
    this.#isTold = false;
    this.#setBusy(true);
    this.#draft(this.data.persona, "");
    this.scroll.toEnd();
    if (!(await this.#ask("POST", kind, wishes))) {
      this.#setBusy(false);
      await this.read().catch(this.failed);
    }
  }

  /** Send a change and show what came of it. */
  async #change(method, parts, body) {
    if (!(await this.#ask(method, parts, body))) return;
    await this.read().catch(this.failed);
    this.changed();
  }

  async #ask(method, parts, body) {
    try {
      await ask(method, pathOf(this.id, ...[parts].flat()), body);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #fail(error) {
    if (error.status === 401) this.failed(error);
    else notifyError(error);
  }

  #show(data) {
    this.data = data;
    this.log.show(data.messages);
    this.#setBusy(data.busy);
    if (data.busy) this.#draft(data.persona, "");
    this.changed();
  }

  #heard(name, data) {
    if (name === "draft") this.#draft(data.persona, data.text);
    else if (name === "message") this.#message(data);
    else if (name === "removed") this.log.remove(data.id);
    else if (name === "notice") notify(data.text);
    else if (name === "typing" && !this.log.isWriting) this.#draft(data.persona ?? this.data.persona, "");
    else if (name === "busy") this.#busy(data.busy);
  }

  #draft(persona, text) {
    const isFirst = !this.log.isWriting;
    this.log.draft(persona ?? this.data.persona, text, this.#replaces);
    if (isFirst && this.#mark) this.log.markDraft(this.#mark.key, this.#mark.places);
    if (isFirst) this.#setBusy(true);
  }

  #message(message) {
    this.log.put(message, this.#replaces);
    if (message.persona === null) return;
    this.#replaces = null;
    this.#mark = null;
    if (this.isBusy && !this.#isTold) this.#setBusy(false); // a greeting, which nobody has to wait for
    announce(translate("answered", { name: personaOf(message.persona).name, text: message.text }));
  }

  async #busy(isBusy) {
    this.#setBusy(isBusy);
    this.#isTold = isBusy;
    if (isBusy && !this.log.isWriting) this.#draft(this.data.persona, "");
    if (isBusy) return;
    this.#replaces = null;
    this.#mark = null;
    if (this.id !== null) await this.read().catch(this.failed);
  }

  #setBusy(isBusy) {
    if (isBusy && !this.isBusy && this.data) {
      announce(translate("writes", { name: personaOf(this.data.persona).name }));
    }
    this.isBusy = isBusy;
    this.composer.setBusy(isBusy);
    byId("log").setAttribute("aria-busy", String(isBusy));
  }

  async #opened(isAgain) {
    if (this.#isLost) clearNotices();
    this.#isLost = false;
    if (isAgain) await this.read().catch(this.failed);
  }

  #lost() {
    if (!this.#isLost) notify(errorText({ code: "offline" }));
    this.#isLost = true;
  }
}
