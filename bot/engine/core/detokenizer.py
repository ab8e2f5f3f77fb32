"""Incremental detokenizer: token ids to text for display, in whole characters, without stop strings or
thoughts.
"""

import codecs
from collections.abc import Callable, Mapping
from copy import copy

from bot.engine.core.stop_strings import StopStrings
from bot.engine.core.thoughts import ThoughtMark, ThoughtSeparator
from bot.engine.core.told_tokens import ToldTokens
from bot.engine.interface import TokenLogprob
from bot.prompt.thoughts import ThoughtMarks


class Detokenizer:
    """The text of one sequence as it grows. `push` and `flush` return text to display, until `stopped`."""

    def __init__(
        self,
        decode_bytes: Callable[[int], bytes],
        stop: tuple[str, ...] = (),
        marks: Mapping[int, ThoughtMark] | None = None,
        opened: ThoughtMarks | None = None,
        *,
        expects_thought: bool = False,
        tells_tokens: bool = False,
    ) -> None:
        """`decode_bytes` maps a token id to its bytes; `stop` are the request's stop strings.

        `marks` are the tokens that mark a thought, and `opened` those of one that the prompt has begun. Where
        the request `expects_thought`, marks of ordinary words count too. With `tells_tokens`, `push` takes
        tokens with their log probabilities, and `take_tokens` returns those of the answer.
        """
        self._decode_bytes, self._marks = decode_bytes, marks or {}
        self._stop = StopStrings(stop)
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._thought = ThoughtSeparator(opened, is_expected=expects_thought)
        self._pending = ""  # a possible beginning of a stop string
        self._pieces: list[str] = []
        self._told = ToldTokens() if tells_tokens else None
        self.stopped = False
        self.thought_tokens = 0

    def copy(self) -> "Detokenizer":
        """Return one that goes on from here by itself; not of one that tells tokens."""
        self._pieces = [self.text]
        other = copy(self)
        other._pieces = self._pieces.copy()
        other._utf8, other._thought = copy(self._utf8), copy(self._thought)
        return other

    @property
    def thought_closing(self) -> str | None:
        """The text that closes the running thought, or None outside of one."""
        return self._thought.closing if self._thought.is_inside else None

    def push(self, token: int, told: TokenLogprob | None = None) -> str:
        """Add a token; return the characters that are now certain to belong to the answer."""
        if self.stopped:
            return ""
        was_inside = self._thought.is_inside
        if mark := self._marks.get(token):
            if told and self._told and not mark.is_special:
                self._told.add_mark(told, mark.text)
            text = self._thought.push_mark(mark)
        else:
            text = self._thought.push(self._decode(token, told))
        self.thought_tokens += was_inside or not self._thought.has_begun_answer
        kept = self._thought.kept
        if kept and self._stop.first_start(self._pending + text + kept) is not None:
            text += self._thought.flush()
        return self._before_stop(text)

    def take_tokens(self) -> tuple[TokenLogprob, ...]:
        """Return the tokens whose characters end in the text that was returned since the last call."""
        return self._told.take() if self._told else ()

    def _decode(self, token: int, told: TokenLogprob | None) -> str:
        if told and self._told:
            return self._told.decode(told)
        return self._utf8.decode(self._decode_bytes(token))

    def closes_thought(self, token: int) -> bool:
        """Return whether a token, which may also end a turn, ends nothing but the running thought."""
        mark = self._marks.get(token)
        return mark is not None and mark.text == self.thought_closing

    def _before_stop(self, text: str) -> str:
        if self._told:
            self._told.settle(text, self._thought.kept)
        self._pending += text
        if (start := self._stop.first_start(self._pending)) is not None:
            self.stopped = True
            self._pending = self._pending[:start]
            return self._release(start)
        return self._release(len(self._pending) - self._stop.possible_length(self._pending))

    def flush(self) -> str:
        """Return text kept back as a possible mark or stop string; bytes of half a character are dropped."""
        text = self._before_stop(self._thought.flush())
        return text if self.stopped else text + self._release(len(self._pending))

    @property
    def text(self) -> str:
        """All text returned so far."""
        return "".join(self._pieces)

    def _release(self, length: int) -> str:
        text, self._pending = self._pending[:length], self._pending[length:]
        self._pieces.append(text)
        if self._told:
            self._told.release(length)
        return text
