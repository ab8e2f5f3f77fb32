// The newest step: its command, its state, and its output as it comes.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { say } from "../language.js";
import { announce } from "../notices.js";
import { button, commandLine, section } from "./parts.js";
import { poll } from "./polling.js";

const INTERVAL = 500; // milliseconds
const LONGEST = 400_000; // characters that stay on the page

export class JobOutput {
  #end = new AbortController();
  #text = element("pre", { class: "output", tabindex: 0, role: "log", "aria-live": "off", dir: "auto", label: "train.output" });
  #state = element("p", { class: "state" });
  #command = element("div");

  /** `stop` is called by the button, and `told(job)` with each state of the step. */
  constructor(page, stop, told) {
    Object.assign(this, { page, told });
    this.stop = button("train.stop", stop, "plain fault");
    this.node = section("train.output", this.#command, element("div", { class: "buttons" }, this.#state, this.stop), this.#text);
    this.node.hidden = true;
    page.signal.addEventListener("abort", () => this.#end.abort());
  }

  /** Show a step from the beginning of its output until its end. */
  follow(job, moves = false) {
    if (!job) return;
    this.#end.abort();
    this.#end = new AbortController();
    const { signal } = this.#end;
    let since = 0;
    this.#text.replaceChildren();
    this.#command.replaceChildren(commandLine(job.command));
    this.describe(job);
    if (moves) this.node.scrollIntoView({ block: "nearest" });
    poll(signal, INTERVAL, async () => {
      try {
        const answer = await ask("GET", `owner/training/output?since=${since}`);
        if (signal.aborted) return;
        since = answer.next;
        this.#append(answer.text);
        this.describe(answer.job);
        this.told(answer.job);
        if (answer.job.code !== null && !answer.text) this.#end.abort();
      } catch (error) {
        if (error.status === 401) this.#end.abort();
        this.page.failed(error);
      }
    });
  }

  /** Show the state of a step. */
  describe(job) {
    if (!job) return;
    this.node.hidden = false;
    this.stop.hidden = job.code !== null;
    const before = this.#state.textContent;
    if (job.code === null) say(this.#state, job.stopping ? "train.stopping" : "train.running");
    else if (job.code === 0) say(this.#state, "train.done");
    else say(this.#state, "train.failed", { code: job.code });
    this.#state.classList.toggle("fault", job.code !== null && job.code !== 0);
    if (before !== this.#state.textContent) announce(this.#state.textContent);
  }

  #append(text) {
    if (!text) return;
    const node = this.#text;
    const isAtEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 40;
    node.append(text);
    while (node.childNodes.length > 1 && node.textContent.length > LONGEST) node.firstChild.remove();
    if (isAtEnd) node.scrollTop = node.scrollHeight;
  }
}
