"""The site as a whole: its parts, wired to a chat and its memory."""

import time
from collections.abc import Callable

from bot.api.event_stream import StreamTimes
from bot.chat.chat import Chat
from bot.config import Config
from bot.memory.store import Memory
from bot.message import Author
from bot.platforms.web.assets import read_assets
from bot.platforms.web.conversation_routes import ConversationRoutes
from bot.platforms.web.conversations import ACCOUNT, Conversations
from bot.platforms.web.event_routes import EventRoutes
from bot.platforms.web.listeners import Listeners
from bot.platforms.web.message_routes import MessageRoutes
from bot.platforms.web.outlet import WebOutlet
from bot.platforms.web.owner.opening import OwnerPage
from bot.platforms.web.sessions import Sessions
from bot.platforms.web.site import WebSite
from bot.platforms.web.state import StatePage


def open_site(
    chat: Chat,
    memory: Memory,
    settings: Config,
    erase_prompts: Callable[[], object] = lambda: None,
    times: StreamTimes | None = None,
) -> WebSite:
    """Return the site of both pages. `erase_prompts` deletes the files that hold prompts."""
    sessions = Sessions(settings.api_key, settings.serve.port, time.monotonic)
    listeners, author = Listeners(), Author(ACCOUNT, settings.terminal.name)
    outlet = WebOutlet(memory, listeners, chat.worker)
    conversations = Conversations(chat, memory, author, listeners, erase_prompts)
    return WebSite(
        read_assets(),
        sessions,
        StatePage(chat, sessions),
        ConversationRoutes(conversations),
        MessageRoutes(conversations),
        EventRoutes(conversations, outlet, times or StreamTimes()),
        OwnerPage(chat, memory, settings, erase_prompts),
    )
