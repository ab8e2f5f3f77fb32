// Personas: their faces, their colours, and the gallery in which one is chosen.
import { element } from "./elements.js";

const HUES = 360;
let personas = new Map();

/** Learn the personas of the server. */
export function setPersonas(list) {
  personas = new Map(list.map((persona) => [persona.key, persona]));
}

/** Return all personas. */
export const allPersonas = () => [...personas.values()];

/** Return a persona; one that is gone goes by its key, without a picture. */
export const personaOf = (key) => personas.get(key) ?? { key, name: key ?? "", description: "", picture: null };

/** Return the hue that the page takes while one talks with a persona. */
export function hueOf(key) {
  let sum = 7;
  for (const sign of key ?? "") sum = (sum * 31 + sign.codePointAt(0)) % 9973;
  return (sum * 137) % HUES;
}

/** Return a persona's picture in a circle, or its initials. */
export function face(persona) {
  const node = element("span", { class: "face", "aria-hidden": "true" });
  node.style.setProperty("--hue", hueOf(persona.key));
  const initials = () => node.replaceChildren(initialsOf(persona.name));
  if (persona.picture) {
    node.append(element("img", { src: persona.picture, alt: "", width: 96, height: 96, on: { error: initials } }));
  } else initials();
  return node;
}

/** Return a card for each persona, which `choose(key)`s it. */
export function personaCards(choose, chosen = null) {
  return allPersonas().map((persona) =>
    element(
      "li",
      {},
      element(
        "button",
        {
          type: "button",
          class: "card",
          "aria-current": persona.key === chosen ? "true" : null,
          on: { click: () => choose(persona.key) },
        },
        face(persona),
        element("strong", { dir: "auto" }, persona.name),
        element("span", { class: "description", dir: "auto" }, persona.description),
      ),
    ),
  );
}

function initialsOf(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("") || "?";
}
