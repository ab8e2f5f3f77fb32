"""Links of Markdown: shown by their words only where the words claim no other address."""

import re
from dataclasses import dataclass

# behind "[words]": an address, in <> or with parentheses in pairs, and perhaps a title
TARGET = re.compile(
    r"\([ \t]*(?:<([^<>\n]*)>|((?:[^\s()<>]|\([^\s()]*\))+))"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
_ADDRESS = re.compile(
    r"https?://(?:[a-z0-9-]+\.)+(?:[a-z][a-z0-9-]+|\d{1,3})(?::\d{1,5})?(?:[/?#][^\s<>\"]*)?$", re.IGNORECASE
)
_CLAIM = re.compile(r"://|\w@|[\w-]\.[^\W\d]{2}")
_SCHEME = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
_MAX_ADDRESS = 2048  # characters


@dataclass(frozen=True, slots=True)
class Link:
    """The words of a link, the address it leads to ("" for none), and the text shown behind the words."""

    address: str = ""
    shown: str = ""


def choose_link(words: str, target: str) -> Link:
    """Return how a link is shown: as its words that lead to the address, or as its words and the address.

    Words that look like an address themselves do not stand for another one; and only web addresses are
    linked: a platform's own addresses may name and notify a person.
    """
    if not words.strip():
        return Link(shown=target)
    if not is_web_address(target):
        return Link(shown=f" ({target})")
    if _CLAIM.search(words) and _bare(words) != _bare(target):
        return Link(shown=f" ({target})")
    return Link(target)


def is_web_address(target: str) -> bool:
    return len(target) <= _MAX_ADDRESS and _ADDRESS.match(target) is not None


def _bare(address: str) -> str:
    return _SCHEME.sub("", address.strip(), count=1).rstrip("/").casefold()
