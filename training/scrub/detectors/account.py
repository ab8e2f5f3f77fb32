"""Accounts at other services that a text names behind the service: "QQ 12345678", "ig: rosie_k"."""

import re
from collections.abc import Iterator

_NAMED = re.compile(
    r"(?<![a-z0-9])(?:qq(?:号码?|號碼?)?\s?(?:is|是|[:：])?\s?(?P<number>[1-9][0-9]{4,10})(?![0-9a-z])"
    r"|(?:微信|vx|wx|wechat|insta(?:gram)?|ig|snap(?:chat)?|tiktok|skype|discord|telegram|tg|line)"
    r"(?:\s?(?:id|号|號))?\s?(?:is\s|是|[:：])\s?(?P<handle>[a-z][a-z0-9_.-]{2,31}(?:\#[0-9]{4})?))",
    re.IGNORECASE,
)
_MARKED = re.compile(r"[0-9_.#-]")


def find_service_accounts(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of numbers behind "QQ" and of handles with a digit or sign behind other services."""
    for found in _NAMED.finditer(text):
        group = "number" if found["number"] else "handle"
        handle = found[group].rstrip(".-")
        if _MARKED.search(handle):
            yield found.start(group), found.start(group) + len(handle)
