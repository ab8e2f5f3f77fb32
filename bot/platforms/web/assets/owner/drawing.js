// Lines drawn as SVG: small ones beside numbers, and the loss curve of a run.
const SVG = "http://www.w3.org/2000/svg";

/** Return an SVG element with attributes. */
export function drawn(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** The course of a number: the newest values as a small line that screen readers pass over. */
export class Sparkline {
  #values = [];
  #line = drawn("polyline", { "vector-effect": "non-scaling-stroke" });

  constructor(most = 90) {
    this.most = most;
    const box = { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true", class: "spark" };
    this.node = drawn("svg", box, this.#line);
  }

  /** Add a value at the right end. */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > this.most) this.#values.shift();
    const top = Math.max(...this.#values, 1e-9);
    const step = 100 / (this.most - 1);
    const first = this.most - this.#values.length;
    const points = this.#values.map((each, at) => `${((first + at) * step).toFixed(1)},${(28 - (each / top) * 26).toFixed(1)}`);
    this.#line.setAttribute("points", points.join(" "));
  }
}

const WIDTH = 520;
const HEIGHT = 260;
const EDGE = { left: 52, right: 12, top: 14, bottom: 30 };

/** Return a curve of losses by step: lines of training and validation, with axes. */
export function lossCurve({ training, validation }, name) {
  const all = [...training, ...validation];
  const node = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img", "aria-label": name });
  if (!all.length) return node;
  const last = Math.max(1, ...all.map(([step]) => step));
  const low = Math.min(...all.map(([, loss]) => loss));
  const high = Math.max(low + 1e-6, ...all.map(([, loss]) => loss));
  const at = ([step, loss]) => [
    EDGE.left + (step / last) * (WIDTH - EDGE.left - EDGE.right),
    EDGE.top + ((high - loss) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom),
  ];
  node.append(...axes(at, last, low, high), line(training, at, "training"), line(validation, at, "validation"));
  for (const point of validation) {
    const [cx, cy] = at(point);
    node.append(drawn("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: 3, class: "validation" }));
  }
  return node;
}

function line(points, at, kind) {
  const path = points.map((point) => at(point).map((each) => each.toFixed(1)).join(",")).join(" ");
  return drawn("polyline", { points: path, class: kind });
}

function axes(at, last, low, high) {
  return [0, 0.25, 0.5, 0.75, 1].flatMap((part) => {
    const [x, y] = at([last * part, low + (high - low) * part]);
    return [
      drawn("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y.toFixed(1), y2: y.toFixed(1), class: "grid" }),
      drawn("text", { x: EDGE.left - 6, y: (y + 4).toFixed(1), "text-anchor": "end" }, (low + (high - low) * part).toFixed(2)),
      drawn("text", { x: x.toFixed(1), y: HEIGHT - 8, "text-anchor": "middle" }, String(Math.round(last * part))),
    ];
  });
}
