"""The stored messages of a place, one page at a time, from the newest."""

import re
from collections.abc import Mapping

from aiohttp import web

from bot.api.errors import bad_field
from bot.memory.queries.pages import PagedMessage, Position
from bot.memory.store import Memory
from bot.platforms.web.owner.replies import json_reply, stored_place
from bot.platforms.web.routes import RouteTable

PAGE = 50  # messages at once
_POSITION = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)


class MessagesPage:
    """The route of a place's messages."""

    def __init__(self, memory: Memory, page: int = PAGE) -> None:
        self._memory, self._page = memory, page

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/owner/place/messages", self._messages)

    async def _messages(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Return a page, and the position to ask for the next one; None at the end."""
        place = await stored_place(self._memory, request.query.get("place", ""))
        before = _position(request.query.get("before", ""))
        found = await self._memory.page(place, before=before, limit=self._page + 1)
        shown = found[: self._page]
        has_more = len(found) > len(shown)
        return json_reply(
            {
                "messages": [_shown(each) for each in shown],
                "next": "{}.{}".format(*shown[-1].position) if has_more else None,
            }
        )


def _position(text: str) -> Position | None:
    if not text:
        return None
    match = _POSITION.fullmatch(text)
    if match is None:
        raise bad_field("before", "ask with the `next` of the page before")
    return int(match[1]), int(match[2])


def _shown(stored: PagedMessage) -> dict[str, object]:
    message = stored.message
    return {
        "id": message.id,
        "author": message.author.name,
        "author_id": message.author.id,
        "is_bot": message.author.is_bot,
        "persona": message.persona,
        "text": message.text,
        "time": message.time,
        "reply_to": message.reply_to,
        "quotations": [{"author": each.author.name, "text": each.text} for each in message.quotations],
        "is_read": stored.is_read,
    }
