// The line that tells how far the model is, until it is ready.
import { ask } from "./api.js";
import { byId } from "./elements.js";
import { say } from "./language.js";

const AGAIN = 1_000; // milliseconds
const CALM = 15_000; // once it is ready

/** Show a model's state, and ask for the next one. */
export function watchModel({ state, stage }) {
  const line = byId("model");
  line.hidden = state === "ready";
  if (!line.hidden) say(line, state === "failed" || state === "stopped" ? "model.failed" : "model.loading", { stage });
  setTimeout(async () => {
    const next = await ask("GET", "state").catch(() => null);
    watchModel(next && !next.login ? next.model : { state, stage });
  }, state === "ready" ? CALM : AGAIN);
}
