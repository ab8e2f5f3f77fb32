// The messages of a place, a page at a time.
import { ask } from "../api.js";
import { element } from "../elements.js";
import { button } from "./parts.js";
import { moment } from "./places.js";

/** Return the list of a place's messages, which `begin` fills with the newest ones. */
export function placeMessages(name, page) {
  const list = element("ol", { class: "stored" });
  const older = button("place.older", () => read(), "plain");
  let next = "";
  let wasRead = true;

  const read = async () => {
    older.disabled = true;
    try {
      const answer = await ask("GET", `owner/place/messages?place=${encodeURIComponent(name)}&before=${next}`);
      if (page.signal.aborted) return;
      list.append(...answer.messages.flatMap(rows));
      next = answer.next;
      older.hidden = !next;
      if (!list.childElementCount) list.append(element("li", { class: "help", text: "owner.none" }));
    } catch (error) {
      page.failed(error);
    }
    older.disabled = false;
  };
  const rows = (message) => {
    const edge = wasRead && !message.is_read ? [element("li", { class: "edge", text: "place.before" })] : [];
    wasRead = message.is_read;
    return [...edge, row(message)];
  };
  const begin = () => {
    list.replaceChildren();
    next = "";
    wasRead = true;
    older.hidden = true;
    return read();
  };
  return { node: element("div", {}, list, older), begin };
}

function row(message) {
  const who = message.persona ? `${message.author} (${message.persona})` : `${message.author} · ${message.author_id}`;
  const quoted = message.quotations.map(({ author, text }) => element("blockquote", { dir: "auto" }, author ? `${author}: ${text}` : text));
  return element(
    "li",
    { class: message.is_read ? "" : "old", data: { id: message.id } },
    element("p", { class: "who", dir: "auto" }, element("b", {}, who), " ", moment(message.time)),
    ...quoted,
    element("p", { class: "words", dir: "auto" }, message.text),
  );
}
