"""Accounts at other services that a text names beside the service: "QQ 12345678", "rosie_k on insta"."""

import re
from collections.abc import Iterator

_NAMED = re.compile(
    r"(?<![a-z0-9])(?:qq(?:号码?|號碼?)?\s?(?:is|是|[:：])?\s?(?P<number>[1-9][0-9]{4,10})(?![0-9a-z])"
    r"|(?:微信|vx|wx|wechat|insta(?:gram)?|ig|snap(?:chat)?|tiktok|skype|discord|telegram|tg|line)"
    r"(?:\s?(?:id|号|號))?\s?(?:is\s|是|[:：?])\s?(?P<handle>[a-z][a-z0-9_.-]{2,31}(?:\#[0-9]{4})?))",
    re.IGNORECASE,
)
_SERVICE = (
    r"(?:微信|vx|wx|wechat|insta(?:gram)?|ig|snap(?:chat)?|tiktok|skype|discord|telegram|tg|line|signal|kik"
    r"|twitter|threads|mastodon|twitch|телеграме?|инст[аеу]|вк)"
)
_BEFORE = re.compile(  # the handle before its service: "gullwatch_77 on insta", "mara.lind, that's my snap"
    r"(?<![\w.@-])(?P<handle>[a-z][a-z0-9_.-]{2,31})(?:,? (?:(?:that['’]?s|thats|it['’]?s|its|is"
    r"|ist|es|das ist|c['’]est|est|è|é|это)"
    r" (?:my|his|her|our|mein|meine|ihr|sein|mi|su|mon|ma|il mio|la mia|o meu|meu|мой|моя)"
    rf" (?:{_SERVICE}|steam|xbox|psn)"
    rf"|is me on {_SERVICE}|(?:on|auf|en|sur|no|su|na|в) {_SERVICE}|(?:-|<-|←|→|=) ?{_SERVICE}"
    rf"|\({_SERVICE}\))|,? ?(?:就?是)?我的?(?:微信|vx|wx|qq|ins)(?:号|號)?)(?!\w|\s?[0-9])",
    re.IGNORECASE,
)
_NUMBER_BEFORE = re.compile(
    r"(?<![\w.])(?P<number>[1-9][0-9]{4,10})\s?(?:就?是)?我的?(?:qq|微信)", re.IGNORECASE
)
_HANDLE = re.compile(r"[0-9_]|\.(?!js$|py$|exe$|com$|net$|org$|io$)")
_MARKED = re.compile(r"[0-9_.#-]")


def find_service_accounts(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of numbers behind "QQ", and of handles with a digit or sign beside a service."""
    for found in _NAMED.finditer(text):
        group = "number" if found["number"] else "handle"
        handle = found[group].rstrip(".-")
        if _MARKED.search(handle):
            yield found.start(group), found.start(group) + len(handle)
    yield from (found.span("number") for found in _NUMBER_BEFORE.finditer(text))
    for found in _BEFORE.finditer(text):
        if _HANDLE.search(found["handle"]):
            yield found.span("handle")
