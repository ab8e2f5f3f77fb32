"""Speaker labels in prompts: short, clean, and unique."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain

from bot.message import Author, Message
from bot.persona.persona import Persona
from bot.text.line_labels import read_label
from bot.text.name_index import NameIndex
from bot.text.visibility import is_visible

_LONGEST = 32  # characters
_COLON = re.compile("[:：﹕︓]")
_BRACKETS = str.maketrans("[]", "()")  # a line that begins with a square bracket is a quote


def speaker_label(name: str) -> str:
    """Return a display name as a label: one line, without control characters, colons and square
    brackets.
    """
    kept = ("" if unicodedata.category(c)[0] == "C" and not c.isspace() else c for c in name)
    words = _COLON.sub(" ", "".join(kept)).translate(_BRACKETS).split()
    label = " ".join(words)[:_LONGEST].strip()
    return label if is_visible(label) else "Someone"


def speaker_labels(messages: Iterable[Message], persona: Persona) -> dict[str, str]:
    """Return the label of everybody who spoke or is quoted, but the persona, by author id.

    A second author of that name gets a number, and so does one whose name is the persona's in another dress:
    "<Mara>", "Mara (smiling)".
    """
    names, numbers = dict[str, str](), dict[str, int]()
    own = [speaker_label(name) for name in (persona.name, persona.card.name, *persona.names)]
    taken, own_names = {_key(label) for label in own}, NameIndex(own)
    messages = list(messages)
    spoke = (message.author for message in messages if message.persona != persona.key)
    quoted = (quotation.author for message in messages for quotation in message.quotations)
    for author in chain(spoke, (author for author in quoted if author.id)):
        if author.id not in names:
            names[author.id] = _free(author, taken, numbers, own_names)
            taken.add(_key(names[author.id]))
    return names


def shows_names(history: Sequence[Message], persona: Persona) -> bool:
    """Return whether speakers' names stand before their words in the prompt of a history."""
    if persona.speaker_names == "groups":
        return len({message.author.id for message in history if message.persona != persona.key}) > 1
    return persona.speaker_names == "always"


def _free(author: Author, taken: set[str], numbers: dict[str, int], own_names: NameIndex) -> str:
    """Return a label that is not taken; `numbers` has the last number given to each label."""
    wanted = speaker_label(author.name)
    key = _key(wanted)
    is_dressed = read_label(f"{wanted}: .", 0, own_names, whole=True) is not None
    number = numbers.get(key, 1 + is_dressed)
    name = wanted if number == 1 else f"{wanted} ({number})"
    while _key(name) in taken:
        number += 1
        name = f"{wanted} ({number})"
    numbers[key] = number
    return name


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
