"""The thought of a reasoning model, told apart from its answer while both grow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bot.prompt.renderer import Tokenizer
from bot.prompt.thoughts import (
    CHANNEL,
    END,
    FINAL,
    MARK_TOKENS,
    MESSAGE,
    OPENING_TAIL,
    START,
    THOUGHT_MARKS,
    WORDS,
    ThoughtMarks,
    opened_thought,
)

_LONGEST_CHANNEL = 200  # characters of a channel's header that are kept
_CLOSINGS = {marks.opening: marks.closing for marks in THOUGHT_MARKS}
_STRAY = frozenset((*_CLOSINGS.values(), FINAL.removeprefix(END))) - {END}
_BEGINNINGS = (*_CLOSINGS, *_STRAY)


@dataclass(frozen=True, slots=True)
class ThoughtMark:
    """A token that marks a thought; `is_special` where the tokenizer spells it as nothing."""

    text: str
    is_special: bool


@dataclass(frozen=True, slots=True)
class ThoughtTokens:
    """The tokens of a tokenizer that mark thoughts, by their ids, and the ids that close one by force."""

    marks: Mapping[int, ThoughtMark]
    decode_bytes: Callable[[int], bytes]
    encode: Callable[[str], Sequence[int]]

    @classmethod
    def of(cls, tokenizer: Tokenizer, decode_bytes: Callable[[int], bytes]) -> "ThoughtTokens":
        """Find the marks among the tokenizer's control tokens."""
        found = ((tokenizer.encode_template(text), text) for text in MARK_TOKENS)
        marks = {
            ids[0]: ThoughtMark(text, not decode_bytes(ids[0]))
            for ids, text in found
            if len(ids) == 1 and ids[0] in tokenizer.control
        }
        return cls(marks, decode_bytes, tokenizer.encode_template)

    def opened_by(self, ids: Sequence[int]) -> ThoughtMarks | None:
        """Return the marks of the thought that a prompt of these ids has opened at its end."""
        tail = (self._spell(token) for token in ids[-OPENING_TAIL:])
        return opened_thought(b"".join(tail).decode("utf-8", "replace"))

    def closing_ids(self, closing: str) -> tuple[int, ...]:
        """Return the ids that close a thought and begin the answer."""
        if closing == END:
            return tuple(self.encode(FINAL))
        is_special = any(mark.text == closing and mark.is_special for mark in self.marks.values())
        return tuple(self.encode(closing if is_special else f"\n{closing}\n\n"))

    def _spell(self, token: int) -> bytes:
        mark = self.marks.get(token)
        return mark.text.encode() if mark else self.decode_bytes(token)


class _State(Enum):
    BEFORE = auto()  # no word of the answer has come
    INSIDE = auto()
    HEADER = auto()  # between two channels
    ANSWER = auto()


class ThoughtSeparator:
    """Separates thoughts from an answer that grows. `push` returns text of the answer alone.

    A thought stands at the beginning, however its marks are spelt, or begins with a token of the format's
    own: a special one anywhere, another one on a new line. What is said of a mark in a sentence is text.
    """

    def __init__(self, opened: ThoughtMarks | None = None, *, is_expected: bool = False) -> None:
        """`opened` are the marks of a thought that the prompt has begun.

        Marks of ordinary words count where a thought `is_expected`.
        """
        self._beginnings = tuple(mark for mark in _BEGINNINGS if is_expected or mark not in WORDS)
        self._state = _State.INSIDE if opened else _State.BEFORE
        self.closing = opened.closing if opened else ""  # what ends the running thought
        self._pending = ""  # text that may become a mark; of a thought, its last characters
        self._has_thought = bool(opened)
        self._channel: str | None = None
        self._begins_line = False

    @property
    def is_inside(self) -> bool:
        """True while a thought, or the header of a channel, is not over."""
        return self._state in (_State.INSIDE, _State.HEADER)

    @property
    def has_begun_answer(self) -> bool:
        """False inside of a thought, and behind one while no word of the answer has come."""
        return self._state is _State.ANSWER or (self._state is _State.BEFORE and not self._has_thought)

    @property
    def kept(self) -> str:
        """Text of the answer that is kept back, since it may become a mark."""
        return self._pending if self._state is _State.BEFORE else ""

    def push(self, added: str) -> str:
        """Add text; return the part of it, and of text kept back, that belongs to the answer."""
        if self._state is _State.ANSWER:
            self._begins_line = added.endswith("\n") if added else self._begins_line
            return added
        if self._state is _State.HEADER:
            self._channel = None if self._channel is None else (self._channel + added)[:_LONGEST_CHANNEL]
            return ""
        self._pending += added
        return self._think() if self._state is _State.INSIDE else self._begin()

    def push_mark(self, mark: ThoughtMark) -> str:
        """Add a token that marks a thought."""
        if self._state is _State.INSIDE:
            return self._mark_inside(mark)
        if mark.text in (CHANNEL, START):
            shown = self.flush()
            self._state, self._channel = _State.HEADER, "" if mark.text == CHANNEL else None
            return shown
        if self._state is _State.HEADER:
            return self._end_header() if mark.text == MESSAGE else ""
        return self.flush() + self._mark_outside(mark)

    def flush(self) -> str:
        """Return text of the answer that was kept back."""
        text, self._pending = self.kept, ""
        if text:
            self._state = _State.ANSWER
        return text

    def _think(self) -> str:
        """Look for the end of the thought."""
        before, closed, after = self._pending.partition(self.closing)
        if not closed:
            self._pending = before[-len(self.closing) + 1 :] if len(self.closing) > 1 else ""
            return ""
        self._end_thought()
        return self.push(after)

    def _begin(self) -> str:
        """Look for a thought at the beginning of the answer."""
        text = self._pending.lstrip()
        blank = "" if self._has_thought else self._pending[: len(self._pending) - len(text)]
        self._pending = text
        for mark in self._beginnings:
            if text.startswith(mark):
                self._open(_CLOSINGS[mark]) if mark in _CLOSINGS else self._end_thought()
                return blank + self.push(text[len(mark) :])
        if not text or any(mark.startswith(text) for mark in self._beginnings):
            return blank
        self._begins_line = text.endswith("\n")
        return blank + self.flush()

    def _mark_inside(self, mark: ThoughtMark) -> str:
        if mark.text == self.closing:
            self._end_thought()
        elif mark.text in (CHANNEL, START):
            self._state, self._channel = _State.HEADER, "" if mark.text == CHANNEL else None
        return ""

    def _mark_outside(self, mark: ThoughtMark) -> str:
        is_before = self._state is _State.BEFORE
        if mark.text in _CLOSINGS and (is_before or mark.is_special or self._begins_line):
            self._open(_CLOSINGS[mark.text])
            return ""
        return "" if is_before or mark.is_special else self.push(mark.text)

    def _end_header(self) -> str:
        """Read whose words follow the header of a channel."""
        channel, self._channel = self._channel, None
        if channel is None or channel.split()[:1] == ["final"]:
            self._end_thought()
        else:
            self._open(END)
        return ""

    def _open(self, closing: str) -> None:
        self._state, self.closing = _State.INSIDE, closing
        self._pending, self._has_thought = "", True

    def _end_thought(self) -> None:
        self._state, self.closing = _State.BEFORE, ""
        self._pending, self._has_thought = "", True
