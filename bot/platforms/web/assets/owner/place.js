// One place: what holds there and where it comes from, its messages, and the end of both.
import { ask } from "../api.js";
import { confirmDialog, openDialog } from "../dialogs.js";
import { byId, element } from "../elements.js";
import { number, say, translate } from "../language.js";
import { confirmShortly, notify } from "../notices.js";
import { button, field, section, select } from "./parts.js";
import { placeMessages } from "./place_messages.js";
import { queueOf } from "./places.js";

/** Show a place by its name. */
export async function showPlace(content, page, name) {
  const place = await ask("GET", `owner/place?place=${encodeURIComponent(name)}`);
  if (page.signal.aborted) return;
  byId("name").textContent = name;
  new PlaceView(content, page, name).show(place);
}

class PlaceView {
  #held = element("div", { class: "panels" });

  constructor(content, page, name) {
    Object.assign(this, { content, page, name });
    this.messages = placeMessages(name, page);
  }

  show(place) {
    const head = element(
      "div",
      { class: "buttons" },
      element("a", { href: "#places", class: "quiet", text: "owner.back" }),
      button("place.stop", () => this.#send("stop", {}).then(() => this.#again())),
      button("place.reset", () => this.#reset()),
      button("place.erase", () => this.#erase(), "plain fault"),
    );
    this.content.replaceChildren(head, this.#held, section("place.messages", this.messages.node));
    this.#fill(place);
    this.messages.begin();
  }

  #fill(place) {
    say(byId("title"), "place.speaks", { persona: place.persona ?? "?", queue: queueOf(place) });
    const fault = place.fault ? [element("p", { class: "fault", dir: "auto" }, place.fault)] : [];
    this.#held.replaceChildren(
      section("place.settings", ...place.settings.map((each) => this.#value("settings", each, place)), ...fault),
      section("place.sampling", ...place.sampling.map((each) => this.#value("sampling", each, place))),
      section("place.why", element("pre", { class: "output", tabindex: 0, dir: "auto" }, place.why)),
    );
  }

  /** Return the form of one value, with its source. */
  #value(kind, { name, value, from, help, choices }, { has_server: hasServer }) {
    const input = choices.length ? select(withValue(choices, value), value, { default: "place.default" }) : element("input", { value, autocomplete: "off", maxlength: 60 });
    const whole = element("input", { type: "checkbox" });
    const server = hasServer ? element("label", { class: "check" }, whole, element("span", { text: "place.server" })) : null;
    const line = field(name, input, `${from}: ${help}`, true);
    input.after(element("button", { class: "plain", text: "place.change" }));
    const form = element("form", { class: "value", data: { value: name } }, line, server);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wished = input.value.trim() || "default";
      this.#send(kind, { name, value: wished, server: whole.checked }).then((answer) => answer && this.#changed(answer, name));
    });
    return form;
  }

  #changed({ text, place }, name) {
    this.#fill(place);
    confirmShortly(text);
    this.#held.querySelector(`[data-value="${name}"] button`)?.focus();
  }

  async #reset() {
    if (!(await confirmDialog("place.reset", translate("place.resetBody")))) return;
    const answer = await this.#send("reset", {});
    if (!answer) return;
    this.#fill(answer.place);
    this.messages.begin();
    confirmShortly(answer.text);
  }

  #erase() {
    const input = element("input", { autocomplete: "off", required: true });
    const form = element(
      "form",
      { method: "dialog" },
      element("p", { text: "place.eraseBody" }),
      element("code", { dir: "auto" }, this.name),
      field("places.place", input),
      element("div", { class: "buttons" }, element("button", { class: "primary danger", text: "place.erase" })),
    );
    form.addEventListener("submit", async () => {
      const answer = await this.#send("erase", { confirm: input.value });
      if (!answer) return;
      location.hash = "#places";
      notify(translate("place.erased", { count: number(answer.messages) }));
    });
    openDialog("place.erase", form);
    input.focus();
  }

  async #again() {
    this.#fill(await ask("GET", `owner/place?place=${encodeURIComponent(this.name)}`));
    this.messages.begin();
  }

  /** Send a change of the place; null where it was refused. */
  async #send(what, body) {
    try {
      return await ask("POST", `owner/place/${what}`, { place: this.name, ...body });
    } catch (error) {
      this.page.failed(error);
      return null;
    }
  }
}

function withValue(choices, value) {
  return [...new Set([...choices, ...(value ? [value] : []), "default"])];
}
