"""What people are called in a prompt: short, clean, and nobody under another one's name."""

import re
import unicodedata
from collections.abc import Iterable

from bot.message import Author, Message
from bot.persona.persona import Persona

_LONGEST = 32  # characters
_COLON = re.compile("[:：﹕︓]")


def speaker_label(name: str) -> str:
    """A display name as it may stand before somebody's words: one line, no control characters, no colon."""
    kept = ("" if unicodedata.category(c)[0] == "C" and not c.isspace() else c for c in name)
    return " ".join(_COLON.sub(" ", "".join(kept)).split())[:_LONGEST].strip() or "Someone"


def speaker_labels(messages: Iterable[Message], persona: Persona) -> dict[str, str]:
    """The name of everybody but the persona, by author id; who comes second to a name gets a number."""
    names: dict[str, str] = {}
    taken = {_key(speaker_label(name)) for name in (persona.name, persona.card.name, *persona.names)}
    for author in (message.author for message in messages if message.persona != persona.key):
        if author.id not in names:
            names[author.id] = _free(author, taken)
            taken.add(_key(names[author.id]))
    return names


def _free(author: Author, taken: set[str]) -> str:
    wanted, number = speaker_label(author.name), 1
    name = wanted
    while _key(name) in taken:
        number += 1
        name = f"{wanted} ({number})"
    return name


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
