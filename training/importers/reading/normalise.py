"""Texts, times and names of exports, made the same everywhere."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

_LATEST = 4_102_444_800.0  # 2100-01-01: a later message is a broken number
_MONTHS = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}


_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_MENTION = re.compile(r"<@!?(\d+)>")


def clean(text: str) -> str:
    """A text that every program can store: without NUL. Half characters cannot come: decoders refuse them."""
    return text.replace("\x00", "") if "\x00" in text else text


def seconds(moment: float | str) -> float:
    """Unix seconds as a number; raise ValueError for what is none, or not of the years 1970 to 2100."""
    number = float(moment)
    if not 0 <= number < _LATEST:
        raise ValueError(f"{moment} is no time")
    return number


def iso(text: str) -> float:
    """A time as ISO 8601 writes it, with T or a blank, in UTC where no zone is told; else ValueError."""
    if text[16:17] == ":" and text[-6:-5] in ("+", "-"):  # the usual form: most share a minute with others
        second = float(text[17:-6])
        if 0 <= second < 61:
            return _minute(text[:16], text[-6:]) + second
    return _moment(text.strip().removesuffix(" UTC").replace(" +", "+"))


@lru_cache(maxsize=1 << 12)
def _minute(start: str, zone: str) -> float:
    return _moment(start + zone)


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return seconds((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def rfc(text: str) -> float:
    """A time as X writes it, `Wed Oct 10 20:19:24 +0000 2018`, whatever the language of this computer."""
    _, month, day, clock, zone, year = text.split()
    return iso(f"{year}-{_MONTHS[month]:02}-{int(day):02}T{clock}{zone}")


def drawn_id(*parts: object) -> str:
    """An id for a message that has none: the same whenever it is exported again. It is never all digits."""
    whole = "\x1f".join(map(str, parts)).encode("utf-8", "replace")
    return "~" + hashlib.blake2b(whole, digest_size=8).hexdigest()


def numbered(text: str, seen: dict[str, int]) -> int:
    """How often this text came before."""
    count = seen.get(text, 0)
    seen[text] = count + 1
    return count


def discord_text(text: str, names: Mapping[str, str]) -> str:
    """A text of Discord with names in the place of raw ids, as people see it."""
    if "<" in text:
        text = _EMOJI.sub(r":\1:", text)
        text = _MENTION.sub(lambda found: f"@{names.get(found[1], found[1])}", text)
    return clean(text)
