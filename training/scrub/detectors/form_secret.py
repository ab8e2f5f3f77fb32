"""Passwords beside a name, in the form of a label and two values: "wifi: guest / kettle-and-toast"."""

import re
from collections.abc import Iterator

from bot.text.words import read_words
from training.scrub.detectors.lists import word_set
from training.scrub.detectors.span import PrivateSpan

_MAY_HOLD = re.compile(
    r"wi-?fi|wlan|hotspot|ssid|log-?in|account|network|netz|r[ée]seau|red\b|rede\b|rete\b|сеть|вайфай|网络",
    re.I,
)
_LABEL = (
    r"(?<!\w)(?:(?:guest )?(?:wi-?fi|wlan|hotspot)|ssid|log-?in|account|network|netz(?:werk)?|r[ée]seau|red"
    r"|rede|rete|сеть|вайфай|网络)"
)
_VALUE = r"(?P<value>[^\s,;|/\[\]]{4,64})(?=[.,;!)]?(?:\s|$))"
_SLASHED = re.compile(rf"{_LABEL}\s?[:=：]\s?(?P<user>[^\n/|:：]{{1,40}})(?<!\s)\s?[/|]\s?{_VALUE}", re.I)
_LINES = re.compile(rf"{_LABEL}[:=：]?\n(?P<user>[^\n:：]{{1,40}})\n{_VALUE}(?=\s*(?:\n|$))", re.I)
_CODE = re.compile(r"(?<!\w)WIFI:[^\n]{0,100}?;?P:(?P<value>[^;\n]{1,64});")  # what a QR code says
_SIGNED = re.compile(r"[0-9_#@!$%&*+-]|[a-zа-я][A-ZА-Я]")
_SHORTEST_PLAIN = 8  # letters of a network's key, which has eight at least


def find_form_secrets(text: str) -> Iterator[PrivateSpan]:
    """Yield the second value behind a label, where it is no remark ("wifi: slow / unusable")."""
    if not any(sign in text for sign in "/|\n;") or not _MAY_HOLD.search(text):
        return
    for found in (*_SLASHED.finditer(text), *_LINES.finditer(text)):
        if _is_secret(found["user"], found["value"]):
            yield PrivateSpan(*found.span("value"), "secret")
    yield from (PrivateSpan(*found.span("value"), "secret") for found in _CODE.finditer(text))


def _is_secret(user: str, value: str) -> bool:
    """Return whether a value is a secret: it has a sign in it, or is a long word that is no ordinary one."""
    if user.strip().casefold() in word_set("remarks") or value.casefold() in word_set("remarks"):
        return False
    return bool(_SIGNED.search(value)) or (
        len(value) >= _SHORTEST_PLAIN and value.casefold() not in read_words("english")
    )
