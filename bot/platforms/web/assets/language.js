// Words of the page in the chosen language. Each node that shows words carries their key, so that another
// language is one walk over the page.
import english from "./languages/en.js";
import chinese from "./languages/zh.js";
import { keep } from "./storage.js";

const LANGUAGES = { en: english, zh: chinese };
const LOCALES = { zh: "zh-CN" };
const values = new WeakMap(); // of the places in a node's words
const listeners = [];

/** Add the words that another page needs, by language. */
export function addWords(words) {
  for (const [name, more] of Object.entries(words)) Object.assign(LANGUAGES[name], more);
}

/** Return the language of the page. */
export const language = () => (document.documentElement.lang === "zh" ? "zh" : "en");

/** Return the locale of dates: the browser's, where it speaks the language of the page. */
const locale = () => navigator.languages.find((each) => each.startsWith(language())) ?? LOCALES[language()] ?? "en-GB";

/** Return whether the page has words of its own for a key. */
export const isKnown = (key) => Object.hasOwn(LANGUAGES[language()], key);

/** Return the words of a key, with `{name}` replaced by a value. */
export function translate(key, places = {}) {
  const words = LANGUAGES[language()][key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(places, name) ? places[name] : whole));
}

/** Show the words of a key in a node, now and in each language chosen later. */
export function say(node, key, places = {}) {
  node.dataset.text = key;
  values.set(node, places);
  node.textContent = translate(key, places);
}

/** Name a node for screen readers and pointers, now and in each language chosen later. */
export function label(node, key, places = {}) {
  node.dataset.label = key;
  values.set(node, places);
  showLabel(node);
}

/** Show a moment as the language writes it: the time of today, the day of any other. */
export function showTime(node, moment) {
  node.dateTime = moment.toISOString();
  const isToday = moment.toDateString() === new Date().toDateString();
  const form = isToday ? { timeStyle: "short" } : { dateStyle: "medium" };
  node.textContent = new Intl.DateTimeFormat(locale(), form).format(moment);
  node.title = new Intl.DateTimeFormat(locale(), { dateStyle: "full", timeStyle: "short" }).format(moment);
}

/** Return a number as the language writes it, with so many digits behind the point at most. */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(LOCALES[language()], { maximumFractionDigits: digits }).format(value);

/** Call a function whenever another language was chosen. */
export const onLanguage = (listener) => listeners.push(listener);

/** Show the page in a language and keep the choice. */
export function chooseLanguage(name) {
  document.documentElement.lang = name;
  keep("language", name);
  showLanguage();
}

/** Write the words of every node of the page again. */
export function showLanguage() {
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = translate(node.dataset.text, values.get(node));
  }
  for (const node of document.querySelectorAll("[data-label]")) showLabel(node);
  for (const node of document.querySelectorAll("time[datetime]")) showTime(node, new Date(node.dateTime));
  for (const listener of listeners) listener();
}

function showLabel(node) {
  const words = translate(node.dataset.label, values.get(node));
  node.setAttribute("aria-label", words);
  if (node.localName === "button") node.title = words;
}
