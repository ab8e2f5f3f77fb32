// The prompt of the next reply, part by part with its tokens; control tokens are shown as such.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { number, translate } from "../language.js";
import { announce } from "../notices.js";
import { field, select } from "./parts.js";

const SPOKEN = /^\s*([^:：\n]{1,60})[:：]\s*(.+)$/;
const kept = { said: "Ana: Hello", place: "" };

/** Show the form of a preview, and the prompt once it is asked for. */
export function showPreview(content, page, path, draft) {
  const said = element("textarea", { rows: 4, dir: "auto" });
  said.value = kept.said;
  const places = select([""], "", { "": "prompt.own" });
  fillPlaces(places, page);
  const shown = element("div", { class: "prompt", "aria-live": "off" });
  const form = element(
    "form",
    { class: "long" },
    element("p", { class: "help", text: "prompt.help" }),
    field("prompt.said", said),
    field("prompt.place", places),
    element("div", { class: "buttons" }, element("button", { type: "submit", class: "primary", text: "prompt.show" })),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    Object.assign(kept, { said: said.value, place: places.value });
    const whose = places.value ? { place: places.value } : { history: lines(said.value) };
    try {
      const prompt = await ask("POST", `${path}/preview`, { ...whose, card: draft.card, keys: draft.keys });
      if (!page.signal.aborted) shown.replaceChildren(...drawnPrompt(prompt));
    } catch (error) {
      page.failed(error);
    }
  });
  content.replaceChildren(form, shown);
}

async function fillPlaces(places, page) {
  try {
    const { places: list } = await ask("GET", "owner/places");
    places.append(...list.map(({ place }) => element("option", { value: place, selected: place === kept.place }, place)));
  } catch (error) {
    page.failed(error);
  }
}

/** Return a message for each line: before a colon stands its author, and without one the persona speaks. */
function lines(text) {
  return text.split("\n").filter((line) => line.trim()).map((line) => {
    const found = SPOKEN.exec(line);
    return found ? { author: found[1].trim(), text: found[2] } : { text: line.trim() };
  });
}

function drawnPrompt(prompt) {
  const { tokens, context, answer } = prompt;
  const count = translate("prompt.count", { tokens: number(tokens), context: number(context), answer: number(answer) });
  announce(count);
  const kinds = Object.entries(prompt.by_kind).map(([kind, each]) => `${kind} ${number(each)}`);
  return [
    element("p", { class: "count" }, count),
    element("p", { class: "help" }, kinds.join(" · ")),
    ...(prompt.dropped ? [element("p", { class: "note", text: "prompt.dropped" })] : []),
    element("ol", { class: "parts" }, ...prompt.parts.map(drawnPart)),
  ];
}

function drawnPart({ kind, tokens, runs }) {
  const head = element("p", { class: "help" }, `${kind} · ${translate("prompt.part", { tokens: number(tokens) })}`);
  const text = element("pre", { dir: "auto" }, ...runs.map((run) => (run.control ? element("mark", {}, run.text) : run.text)));
  return element("li", { class: kind === "template" ? "template" : "" }, head, text);
}
