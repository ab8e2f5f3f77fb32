"""The site as a whole: its parts, wired to a chat and its memory."""

import time

from bot.chat.chat import Chat
from bot.config import Config
from bot.memory.store import Memory
from bot.platforms.web.assets import read_assets
from bot.platforms.web.owner.opening import OwnerPage
from bot.platforms.web.sessions import Sessions
from bot.platforms.web.site import WebSite
from bot.platforms.web.state import StatePage


def open_site(chat: Chat, memory: Memory, settings: Config) -> WebSite:
    """Return the site of the talking page."""
    sessions = Sessions(settings.api_key, settings.serve.port, time.monotonic)
    return WebSite(read_assets(), sessions, StatePage(chat, sessions), OwnerPage(chat, memory, settings))
