"""Texts, times and ids of exports in the one form that messages.jsonl holds."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

_LATEST = 4_102_444_800.0  # 2100-01-01 in Unix seconds: a later time is a broken number
MONTHS = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
LONGEST_TEXT = 100_000  # characters of a message; a longer one is left out, and no name is put into it
LONGEST_NAME = 100  # characters: a name stands in each message of its person, and in place of mentions
_DISCORD_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_DISCORD_MENTION = re.compile(r"<@!?(\d+)>")


def clean_text(text: str) -> str:
    """Remove NUL, which SQLite and C strings end at. Decoders already refuse lone surrogates."""
    return text.replace("\x00", "") if "\x00" in text else text


def unix_seconds(value: float | str) -> float:
    """Return Unix seconds as a float. Raises ValueError for no number and for years outside 1970 to 2099."""
    number = float(value)
    if not 0 <= number < _LATEST:
        raise ValueError(f"{value} is no time")
    return number


def parse_iso_time(text: str) -> float:
    """Return the Unix seconds of an ISO 8601 time, with "T" or a blank, in UTC where no zone is given.

    Raises ValueError for any other text.
    """
    if text[16:17] == ":" and text[-6:-5] in ("+", "-"):  # the usual form: most share a minute with others
        second = float(text[17:-6])
        if 0 <= second < 61:
            return _minute(text[:16], text[-6:]) + second
    return _parse(text.strip().removesuffix(" UTC").replace(" +", "+"))


@lru_cache(maxsize=1 << 12)
def _minute(minute: str, zone: str) -> float:
    return _parse(minute + zone)


def _parse(text: str) -> float:
    time = datetime.fromisoformat(text)
    return unix_seconds((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def parse_tweet_time(text: str) -> float:
    """Return the Unix seconds of a tweet's `created_at`, such as "Wed Oct 10 20:19:24 +0000 2018".

    A table of months replaces `strptime`, which reads English months under an English locale only.
    Raises ValueError or KeyError for any other text.
    """
    _, month, day, clock, zone, year = text.split()
    return parse_iso_time(f"{year}-{MONTHS[month]:02}-{int(day):02}T{clock}{zone}")


def derived_id(*parts: object) -> str:
    """Return an id for a message without one: equal parts give an equal id, which is never all digits."""
    joined = "\x1f".join(map(str, parts)).encode("utf-8", "replace")
    return "~" + hashlib.blake2b(joined, digest_size=8).hexdigest()


def repair_latin1(text: str) -> str:
    """Decode a text whose UTF-8 bytes were written as Latin-1 characters; return any other text unchanged."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def discord_text(text: str, names: Mapping[str, str]) -> str:
    """Replace Discord's raw ids of users and emoji by names, as Discord shows them."""
    if "<" in text and len(text) <= LONGEST_TEXT:
        text = _DISCORD_EMOJI.sub(r":\1:", text)
        text = _DISCORD_MENTION.sub(
            lambda mention: f"@{names.get(mention[1], mention[1])[:LONGEST_NAME]}", text
        )
    return clean_text(text)
