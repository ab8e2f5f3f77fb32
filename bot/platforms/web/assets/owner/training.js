// Training from an export that is dropped here: each step is a command, shown with its output.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { number, translate } from "../language.js";
import { announce, notify } from "../notices.js";
import { drawCurve } from "./adapters.js";
import { JobOutput } from "./job_output.js";
import { button, field, section, select } from "./parts.js";
import { upload } from "./upload.js";

const STEPS = ["import", "build", "preview", "plan", "train", "resume", "evaluate", "make"];
const LEARNS = ["train", "resume", "make"];
const ENDING = /\.(tar\.gz|[a-z0-9]+)$/;
const kept = { persona: "", me: "", dates: "" };
const megabytes = (bytes) => number(bytes / 1e6, 1);

/** Show the export, the steps, and the output of the newest one. */
export async function showTraining(content, page) {
  const [state, { personas, broken }] = await Promise.all([ask("GET", "owner/training"), ask("GET", "owner/personas")]);
  if (page.signal.aborted) return;
  const keys = [...personas, ...broken].map(({ key }) => key);
  new TrainingView(content, page, keys).show(state);
}

class TrainingView {
  #drop = element("div", { class: "drop" });
  #steps = [];
  #curve = element("div");
  #curveEnd = new AbortController();

  constructor(content, page, personas) {
    Object.assign(this, { content, page });
    const names = element("datalist", { id: "persona-names" }, ...personas.map((key) => element("option", { value: key })));
    this.persona = element("input", { list: "persona-names", required: true, maxlength: 64, autocomplete: "off" });
    this.persona.value = kept.persona || personas[0] || "";
    this.me = element("input", { maxlength: 200, autocomplete: "off", dir: "auto" });
    this.me.value = kept.me;
    this.dates = select(["", "day", "month"], kept.dates, { "": "train.datesAuto", day: "train.day", month: "train.month" });
    this.options = element("div", { class: "options" }, field("train.persona", this.persona), names, field("train.me", this.me), field("train.dates", this.dates));
    this.output = new JobOutput(page, () => this.#stop(), (job) => this.#told(job));
    page.signal.addEventListener("abort", () => this.#curveEnd.abort());
  }

  show(state) {
    const parts = [];
    if (state.advice) parts.push(element("p", { class: "note fault", dir: "auto" }, state.advice));
    const rows = STEPS.map((step) => this.#step(step));
    this.content.replaceChildren(...parts, this.#drop, section("train.steps", this.options, element("ol", { class: "steps" }, ...rows)), this.output.node, this.#curve);
    this.#receive();
    this.#show(state);
    this.output.follow(state.job);
  }

  #show({ advice, export: here, job }) {
    const isRunning = job !== null && job.code === null;
    for (const each of this.#steps) each.disabled = isRunning || Boolean(advice) || (!here && ["import", "make"].includes(each.dataset.step));
    this.state = { advice, export: here, job };
    this.#drop.replaceChildren(...this.#dropParts(here, isRunning));
  }

  #dropParts(here, isRunning) {
    const input = element("input", { type: "file", disabled: isRunning });
    input.addEventListener("change", () => input.files.length && this.#send(input.files[0]));
    const chosen = element("label", {}, element("b", { text: "train.drop" }), input);
    const parts = [chosen, element("p", { class: "help", text: "train.dropHelp" })];
    if (!here) return parts;
    const told = element("p", {}, translate("train.here", { size: megabytes(here.bytes) }), " ", element("code", {}, here.kind));
    const forget = button("train.forget", () => this.#change("DELETE", "training/export"));
    forget.disabled = isRunning;
    return [told, forget, ...parts];
  }

  /** Let a file that is dropped anywhere on the view be sent. */
  #receive() {
    const { signal } = this.page;
    this.content.addEventListener("dragover", (event) => event.preventDefault(), { signal });
    this.content.addEventListener(
      "drop",
      (event) => {
        event.preventDefault();
        const [item] = event.dataTransfer.items;
        if (item?.webkitGetAsEntry?.()?.isDirectory) return notify(translate("train.folder"));
        if (event.dataTransfer.files.length) this.#send(event.dataTransfer.files[0]);
      },
      { signal },
    );
  }

  async #send(file) {
    const bar = element("progress", { max: file.size, value: 0, label: "train.drop" });
    const told = element("p", { class: "help" });
    this.#drop.replaceChildren(bar, told);
    const kind = ENDING.exec(file.name.toLowerCase())?.[0] ?? "";
    try {
      const state = await upload(`owner/training/export?kind=${encodeURIComponent(kind)}`, file, (done, total) => {
        bar.value = done;
        told.textContent = translate("train.sending", { done: megabytes(done), total: megabytes(total) });
      });
      if (this.page.signal.aborted) return;
      this.#show(state);
      announce(translate("train.here", { size: megabytes(state.export.bytes) }));
    } catch (error) {
      this.#show(this.state);
      this.page.failed(error);
    }
  }

  #step(step) {
    const begin = button(`train.${step}`, () => this.#begin(step));
    begin.dataset.step = step;
    this.#steps.push(begin);
    return element("li", {}, begin, element("span", { class: "help", text: `train.${step}Help` }));
  }

  async #begin(step) {
    if (!this.persona.reportValidity()) return;
    Object.assign(kept, { persona: this.persona.value.trim(), me: this.me.value.trim(), dates: this.dates.value });
    const me = kept.me ? [kept.me] : [];
    const state = await this.#change("POST", "training/start", { step, persona: kept.persona, me, dates: kept.dates });
    if (state) this.output.follow(state.job, true);
  }

  async #stop() {
    const state = await this.#change("POST", "training/stop");
    if (state) this.output.describe(state.job);
  }

  async #change(method, path, body) {
    try {
      const state = await ask(method, `owner/${path}`, body);
      if (!this.page.signal.aborted) this.#show(state);
      return state;
    } catch (error) {
      this.page.failed(error);
      return null;
    }
  }

  /** Show the curve of a job that learns, and let the next step begin once it ended. */
  async #told(job) {
    if (job.code !== null) {
      this.#show({ ...this.state, job });
      this.#curveEnd.abort();
    }
    if (!LEARNS.includes(job.step) || this.#curve.dataset.begun === String(job.begun)) return;
    const path = `owner/personas/${encodeURIComponent(job.persona)}`;
    const found = await ask("GET", `${path}/adapters`).catch(() => null);
    const run = found?.runs[0];
    if (!run || (run.finished && job.code === null)) return; // the new run has not begun
    this.#curve.dataset.begun = String(job.begun);
    this.#curveEnd.abort();
    this.#curveEnd = new AbortController();
    const node = element("div");
    this.#curve.replaceChildren(section("adapter.runs", node));
    drawCurve(node, `${path}/runs/${run.run}`, this.page, job.code !== null, this.#curveEnd.signal);
  }
}
