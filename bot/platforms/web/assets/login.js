// The form that asks for the key, once.
import { ask } from "./api.js";
import { byId } from "./elements.js";
import { errorText } from "./notices.js";

/** Call `entered()` once the server has taken the key. */
export function listenToLogin(entered) {
  byId("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    byId("login-fault").textContent = "";
    try {
      await ask("POST", "login", { key: byId("key").value });
    } catch (error) {
      byId("login-fault").textContent = errorText(error);
      byId("key").select();
      return;
    }
    byId("key").value = "";
    entered();
  });
}
