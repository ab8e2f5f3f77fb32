// The overview: numbers of this moment, each with its course.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { number, translate } from "../language.js";
import { Sparkline } from "./drawing.js";
import { facts, section } from "./parts.js";
import { poll } from "./polling.js";

const INTERVAL = 1_000; // milliseconds
const seconds = (value) => `${number(value, 2)} s`;
const milliseconds = (value) => `${number(value * 1_000, 1)} ms`;
const megabytes = (value) => `${number(value / 1e6, 1)} MB`;
const share = (value) => `${number(value * 100, 1)} %`;

// the key of each number, its value, and how it is written
const NUMBERS = [
  ["speed", ({ engine }) => engine.tokens_per_second, (value) => number(value, 1)],
  ["running", ({ engine }) => engine.rows, number],
  ["queued", ({ engine }) => engine.queued, number],
  ["first", ({ engine }) => engine.first_token.p95, seconds],
  ["hits", ({ engine }) => engine.hit_rate, share],
  ["lag", ({ lag }) => lag.worst, milliseconds],
  ["pending", ({ pending }) => pending, number],
  ["messages", ({ waiting }) => (waiting ? waiting.inbox + waiting.outbox : 0), number],
];

/** Show the overview until the signal aborts. */
export function showOverview(content, { signal, failed }) {
  const tiles = NUMBERS.map((each) => new Tile(...each));
  const details = element("div", { class: "panels" });
  content.replaceChildren(element("ul", { class: "tiles" }, ...tiles.map((tile) => tile.node)), details);
  let shown = "";
  return poll(signal, INTERVAL, async () => {
    try {
      const now = await ask("GET", "owner/overview");
      if (signal.aborted) return;
      for (const tile of tiles) tile.show(now);
      const { lag, ...rest } = now;
      if (shown === (shown = JSON.stringify(rest) + document.documentElement.lang)) return;
      details.replaceChildren(model(now), memoryParts(now), platforms(now), stored(now));
    } catch (error) {
      failed(error);
    }
  });
}

class Tile {
  #spark = new Sparkline();
  #value = element("strong", {}, "–");

  constructor(name, read, write) {
    Object.assign(this, { read, write });
    this.node = element("li", { class: "tile", data: { number: name } }, element("span", { text: `number.${name}` }), this.#value, this.#spark.node);
  }

  show(now) {
    const value = this.read(now);
    this.#value.textContent = this.write(value);
    this.#spark.add(value);
  }
}

function model({ engine, notes }) {
  const told = facts([
    ["over.state", engine.stage && engine.state !== "ready" ? `${engine.state}: ${engine.stage}` : engine.state],
    ["over.name", engine.model],
    ["over.weights", engine.weights],
    ["over.context", number(engine.context)],
    ["over.answered", number(engine.answered)],
    ["over.median", seconds(engine.first_token.p50)],
    ["over.drawn", number(engine.drawn_tokens)],
    ["over.read", `${number(engine.prompt_tokens)} · ${number(engine.reused_tokens)}`],
    ["over.adapters", engine.adapters.join(", ") || "–"],
  ]);
  const error = engine.error ? [element("p", { class: "fault", dir: "auto" }, engine.error)] : [];
  return section("over.model", told, ...error, ...notes.map((note) => element("p", { class: "note", dir: "auto" }, note)));
}

function memoryParts({ engine }) {
  const parts = Object.entries(engine.memory);
  const most = Math.max(1, ...parts.map(([, bytes]) => bytes));
  const rows = parts.map(([name, bytes]) => [name, element("meter", { min: 0, max: most, value: bytes, "aria-label": name }), megabytes(bytes)]);
  const list = element("ul", { class: "bars" }, ...rows.map((row) => element("li", {}, element("span", {}, row[0]), row[1], element("span", {}, row[2]))));
  return section("over.memory", parts.length ? list : element("p", { class: "help", text: "owner.none" }));
}

function platforms({ platforms: list }) {
  const rows = list.map(({ name, health }) => [name, health]);
  return section("over.platforms", rows.length ? facts(rows, false) : element("p", { class: "help", text: "over.alone" }));
}

function stored({ memory, waiting }) {
  if (!memory) return section("over.stored", element("p", { class: "help", text: "owner.none" }));
  const states = Object.entries(memory.inbox).map(([state, count]) => `${state.replace("_", " ")}: ${number(count)}`);
  return section(
    "over.stored",
    facts([
      ["over.messages", number(memory.messages)],
      ["over.places", number(memory.places)],
      ["over.bytes", megabytes(memory.bytes)],
      ["number.messages", waiting ? number(waiting.inbox) : translate("owner.none")],
      ["over.unsent", waiting ? number(waiting.outbox) : number(memory.unsent)],
      ["over.dead", number(memory.dead)],
    ]),
    element("p", { class: "help" }, states.join(" · ")),
  );
}
