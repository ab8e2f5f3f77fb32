"""Targets of links in a markup."""

import re

from tests.fakes.telegram.refusal import Json

_USER = re.compile(r"tg:(?://)?user/?\?id=(\d+)$", re.IGNORECASE)
_HOST = re.compile(
    r"^(?:https?://|tg://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?#].*)?$|^tg://", re.IGNORECASE | re.DOTALL
)


def link(url: str) -> Json | None:
    """An entity without its place: a mention by id, a link, or None for what is no address."""
    url = url.strip()
    if user := _USER.match(url):
        return {"type": "text_mention", "user": {"id": int(user[1])}}
    if not _HOST.match(url):
        return None
    full = url if "://" in url else f"http://{url}"
    return {"type": "text_link", "url": full if full.count("/") > 2 or "?" in full else f"{full}/"}
