// The menu of a conversation: title, persona, export, an end and a new beginning.
import { ask, pathOf } from "./api.js";
import { confirmDialog, openDialog, textDialog } from "./dialogs.js";
import { byId, dress, element } from "./elements.js";
import { translate } from "./language.js";
import { notifyError } from "./notices.js";
import { personaCards } from "./personas.js";
import { titleOf } from "./conversations.js";

/** Fill the menu; `erased(id)` is called once a conversation is gone. */
export function openMenu(conversation, erased) {
  dress(byId("menu-button"), "more", "menu");
  const entry = (text, action) => {
    const close = () => byId("menu").hidePopover();
    return element("button", { type: "button", text, on: { click: () => (close(), action()) } });
  };
  const download = (text, format) => {
    const link = element("a", { text, download: true, on: { click: () => byId("menu").hidePopover() } });
    byId("menu").addEventListener("beforetoggle", () => {
      if (conversation.id !== null) link.href = `/page/${pathOf(conversation.id, "export")}?format=${format}`;
    });
    return link;
  };
  byId("menu").replaceChildren(
    entry("rename", () => rename(conversation)),
    entry("switchPersona", () => switchPersona(conversation)),
    download("exportMarkdown", "markdown"),
    download("exportJson", "json"),
    entry("beginAnew", () => conversation.reset()),
    entry("deleteConversation", () => erase(conversation, erased)),
  );
}

async function rename(conversation) {
  const title = await textDialog("rename", "renameLabel", titleOf(conversation.data));
  if (title !== null) await conversation.rename(title);
}

function switchPersona(conversation) {
  const choose = (key) => {
    node.close();
    if (key !== conversation.data.persona) conversation.choosePersona(key);
  };
  const list = element("ul", { class: "cards" }, ...personaCards(choose, conversation.data.persona));
  const node = openDialog("switchPersona", element("p", { class: "help", text: "switchPersonaHelp" }), list);
}

async function erase(conversation, erased) {
  const { id, data } = conversation;
  const body = translate("deleteConversationBody", { title: titleOf(data) });
  if (!(await confirmDialog("deleteConversation", body, "delete"))) return;
  await ask("DELETE", pathOf(id)).then(() => erased(id), notifyError);
}
