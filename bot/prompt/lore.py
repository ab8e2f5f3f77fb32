"""Entries of a lorebook for a prompt: constant ones, and those whose keys were said, within a budget.

Constant entries stand with the card, at the beginning of the prompt. Entries whose keys were said stand late,
before the newest message: the tokens before them stay those of the prompt before, which the engine has read.
"""

from collections.abc import Iterable, Sequence

from bot.errors import UserError
from bot.message import Message
from bot.persona.lorebook import Logic, Lorebook, LoreEntry, Role
from bot.persona.macros import MacroContext, expand_macros
from bot.prompt.insertions import Insertion
from bot.prompt.renderer import PromptPart, Tokenizer, Turn
from bot.prompt.truncation import MAX_CHARACTERS_PER_TOKEN
from bot.text.folding import fold
from bot.text.whole_words import first_word, has_word, words_of

MAX_SCANNED = 10_000  # characters of messages, and of entries, that are read for keys
MAX_ROUNDS = 4  # of entries whose keys stand in other entries
LORE_SHARE = 4  # all entries have at most this part of a prompt: a quarter
BEFORE_NEWEST = 1  # the depth of an entry that names none
_JOINT = "\n\n"


def lore_budget(book: Lorebook, budget: int) -> int:
    """Return the tokens that all entries may have in a prompt of `budget` tokens."""
    return max(0, min(book.token_budget or budget, budget // LORE_SHARE))


def select_lore(
    entries: Iterable[LoreEntry], scene: MacroContext, tokenizer: Tokenizer, room: int
) -> tuple[tuple[LoreEntry, ...], int]:
    """Return the entries that fit into `room` tokens, in their order, and the room that is left.

    Those of the highest priority are taken first, then those of the lowest order.
    """
    ranked = sorted(entries, key=lambda entry: (-entry.priority, entry.order))
    taken, characters = list[LoreEntry](), 2 * room * MAX_CHARACTERS_PER_TOKEN
    for entry in ranked:
        text = lore_text(entry, scene)
        if not text or len(text) > min(characters, room * MAX_CHARACTERS_PER_TOKEN):
            continue
        characters -= len(text)
        cost = len(tokenizer.encode(_JOINT + text))
        if cost <= room:
            room -= cost
            taken.append(entry)
    return tuple(sorted(taken, key=lambda entry: entry.order)), room


def lore_text(entry: LoreEntry, scene: MacroContext) -> str:
    """Return an entry's text with its macros expanded; empty for one that grows beyond all bounds."""
    try:
        return expand_macros(entry.content, scene, "character_book").strip()
    except UserError:
        return ""


def lore_insertions(entries: Iterable[LoreEntry], scene: MacroContext) -> tuple[Insertion, ...]:
    """Return the turns of entries that stand between messages, one for each depth and role."""
    texts: dict[tuple[int, Role], list[str]] = {}
    for entry in entries:
        depth = BEFORE_NEWEST if entry.depth is None else entry.depth
        texts.setdefault((depth, entry.role), []).append(lore_text(entry, scene))
    return tuple(
        Insertion(depth, Turn(role, (PromptPart("lore", _JOINT.join(held)),)))
        for (depth, role), held in texts.items()
    )


def said_entries(entries: Sequence[LoreEntry], history: Sequence[Message]) -> list[LoreEntry]:
    """Return the entries, none of them constant, whose keys stand in the newest messages.

    An entry that is `recursive` is also found by keys in the text of constant entries, and of those found.
    """
    waiting = [entry for entry in entries if not entry.constant]
    scans = {depth: _scan_messages(history, depth) for depth in {entry.scan_depth for entry in waiting}}
    found = [entry for entry in waiting if _is_said(entry, scans[entry.scan_depth])]
    fresh, room = [*(entry for entry in entries if entry.constant), *found], MAX_SCANNED
    for _ in range(MAX_ROUNDS):
        told = "\n".join(entry.content for entry in fresh)[:room]
        held = set(map(id, found))
        rest = [entry for entry in waiting if entry.recursive and id(entry) not in held]
        if not told or not rest:
            break
        room -= len(told)
        scan = _Scan(told)
        fresh = [entry for entry in rest if _is_said(entry, scan)]
        found = [*found, *fresh]
    return found


class _Scan:
    """A text that is read for keys; each key is looked for once."""

    def __init__(self, text: str) -> None:
        self._text, self._folded = text, fold(text)
        self._words, self._folded_words = words_of(self._text), words_of(self._folded)
        self._found: dict[tuple[str, bool, bool], bool] = {}

    def has(self, key: str, entry: LoreEntry) -> bool:
        question = key, entry.case_sensitive, entry.whole_words
        if question not in self._found:
            self._found[question] = self._look(*question)
        return self._found[question]

    def _look(self, key: str, is_exact: bool, is_whole: bool) -> bool:
        text, words = (self._text, self._words) if is_exact else (self._folded, self._folded_words)
        wanted = key if is_exact else fold(key)
        if not is_whole:
            return wanted in text
        first = first_word(wanted)
        return (not first or first in words) and has_word(text, wanted)


def _scan_messages(history: Sequence[Message], depth: int) -> _Scan:
    room, texts = MAX_SCANNED, list[str]()
    for message in reversed(history[-depth:]):
        texts.append(message.text[:room])
        room -= len(texts[-1])
    return _Scan("\n".join(reversed(texts)))


def _is_said(entry: LoreEntry, scan: _Scan) -> bool:
    if not any(scan.has(key, entry) for key in entry.keys):
        return False
    if any(scan.has(key, entry) for key in entry.excluded):
        return False
    return not entry.secondary or _agrees(entry.logic, [scan.has(key, entry) for key in entry.secondary])


def _agrees(logic: Logic, said: Sequence[bool]) -> bool:
    return {"any": any(said), "all": all(said), "not any": not any(said), "not all": not all(said)}[logic]
