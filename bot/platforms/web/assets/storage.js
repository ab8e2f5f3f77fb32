// What the browser keeps between visits; where it keeps nothing, the page goes on without.

/** Return a kept text, or null. */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keep a text; an empty one is forgotten. */
export function keep(name, text) {
  try {
    if (text) localStorage.setItem(name, text);
    else localStorage.removeItem(name);
  } catch {
    // full or closed
  }
}
