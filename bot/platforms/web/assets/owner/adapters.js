// Adapters with the facts of their manifests, the evaluation's figures, and the curves of runs.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { number, translate } from "../language.js";
import { lossCurve } from "./drawing.js";
import { facts, section, table } from "./parts.js";
import { poll } from "./polling.js";

const INTERVAL = 1_500; // milliseconds
const percent = (value) => (value === null ? "–" : `${number(value * 100, 1)} %`);
const decimal = (value) => (value === null ? "–" : number(value, 2));

/** Show a persona's adapters, report and runs. */
export async function showAdapters(content, page, path) {
  const found = await ask("GET", `${path}/adapters`);
  if (page.signal.aborted) return;
  const adapters = found.adapters.map(adapter);
  content.replaceChildren(
    element("div", { class: "panels" }, ...(adapters.length ? adapters : [element("p", { class: "note", text: "adapter.none" })])),
    section("adapter.report", ...report(found.report, path)),
    section("adapter.runs", ...(found.runs.length ? found.runs.map((run) => runView(run, page, path)) : [element("p", { class: "help", text: "owner.none" })])),
  );
}

function adapter({ folder, is_served: isServed, fault, facts: told }) {
  const pairs = Object.entries(told).map(([name, value]) => [name.replaceAll("_", " "), typeof value === "number" ? number(value, 6) : String(value)]);
  const title = element("h2", { dir: "auto" }, folder, " ", isServed ? element("span", { class: "tag", text: "adapter.served" }) : "");
  return element("section", { class: "panel" }, title, fault ? element("p", { class: "fault", dir: "auto" }, fault) : null, facts(pairs, false));
}

function report(found, path) {
  if (!found) return [element("p", { class: "help", text: "adapter.noReport" })];
  if (found.fault) return [element("p", { class: "fault", dir: "auto" }, found.fault)];
  const heads = ["adapter.set", "adapter.loss", "adapter.likeness", "adapter.style", "adapter.copied"];
  const rows = found.rows.map((row) => [row.name, decimal(row.loss), decimal(row.likeness), decimal(row.style), percent(row.copied)]);
  const counts = { samples: number(found.samples ?? 0), private: number(found.private), before: percent(found.before), after: percent(found.after) };
  const link = found.has_page ? [element("a", { href: `/page/${path}/report.html`, download: "report.html", text: "adapter.page" })] : [];
  return [
    table(heads, rows),
    element("p", { class: "help" }, translate("adapter.summary", counts)),
    ...found.exceeded.map((each) => element("p", { class: "fault", dir: "auto" }, each)),
    ...link,
  ];
}

/** Return a run with its curve, which is drawn once it is opened, and again while the run goes on. */
function runView({ run, finished, result, plan }, page, path) {
  const state = finished
    ? translate("adapter.finished", { steps: number(result.steps ?? 0), best: number(result.best_step ?? 0) })
    : translate("adapter.underWay");
  const body = element("div");
  const node = element("details", {}, element("summary", {}, `${translate("adapter.run", { run })} · ${state}`), body);
  const pairs = Object.entries(finished ? result : plan).map(([name, value]) => [name.replaceAll("_", " "), typeof value === "number" ? number(value, 4) : value]);
  node.addEventListener("toggle", () => {
    if (node.open && !body.childElementCount) {
      const curve = element("div");
      body.append(curve, facts(pairs, false));
      drawCurve(curve, `${path}/runs/${run}`, page, finished);
    }
  });
  return node;
}

/** Draw the curve of a run into a node, with each line of its log once; an unfinished run is asked for again. */
export function drawCurve(node, path, page, finished, signal = page.signal) {
  const curve = { training: [], validation: [], next: 0 };
  const done = new AbortController();
  signal.addEventListener("abort", () => done.abort());
  return poll(done.signal, INTERVAL, async () => {
    try {
      const more = await ask("GET", `${path}?since=${curve.next}`);
      if (!more.from) Object.assign(curve, { training: [], validation: [] });
      curve.training.push(...more.training);
      curve.validation.push(...more.validation);
      const isNew = more.next !== curve.next;
      curve.next = more.next;
      if (isNew) node.replaceChildren(lossCurve(curve, curveName(curve)), legend());
      if (finished && !isNew) done.abort();
    } catch (error) {
      done.abort();
      page.failed(error);
    }
  });
}

function curveName({ training, validation }) {
  const last = (validation.at(-1) ?? training.at(-1))?.[1] ?? null;
  return translate("curve.label", { training: number(training.length), validation: number(validation.length), last: decimal(last) });
}

function legend() {
  const entry = (name) => element("span", { class: `legend ${name}`, text: `curve.${name}` });
  return element("p", { class: "help" }, entry("training"), " ", entry("validation"));
}
