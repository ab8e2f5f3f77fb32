// All places, with their counts and queues.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { number, showTime, translate } from "../language.js";
import { table } from "./parts.js";
import { poll } from "./polling.js";

const INTERVAL = 5_000; // milliseconds

/** Show the list of places until the signal aborts. */
export function showPlaces(content, { signal, failed }) {
  let shown = "";
  return poll(signal, INTERVAL, async () => {
    try {
      const { places } = await ask("GET", "owner/places");
      if (signal.aborted) return;
      if (shown === (shown = JSON.stringify(places) + document.documentElement.lang)) return;
      const hadFocus = content.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      content.replaceChildren(places.length ? listed(places) : element("p", { class: "help", text: "owner.none" }));
      if (hadFocus) [...content.querySelectorAll("a")].find((link) => link.getAttribute("href") === hadFocus)?.focus();
    } catch (error) {
      failed(error);
    }
  });
}

function listed(places) {
  const heads = ["places.place", "places.count", "places.newest", "places.queue"];
  return table(
    heads,
    places.map((each) => [
      element("a", { href: `#places/${encodeURIComponent(each.place)}`, dir: "auto" }, each.place),
      number(each.messages),
      each.newest ? moment(each.newest) : "–",
      queueOf(each),
    ]),
  );
}

/** Return a time of Unix seconds as the language writes it. */
export function moment(seconds) {
  const node = element("time");
  showTime(node, new Date(seconds * 1_000));
  return node;
}

/** Return the state of a place's queue in words. */
export function queueOf({ busy, waiting }) {
  const words = [translate(busy ? "places.answering" : "places.idle")];
  if (waiting) words.push(translate("places.waiting", { count: number(waiting) }));
  return words.join(", ");
}
