"""Runs of one speaker in a history: they tell at once whether a message is near the one that it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.message import Message

Speaker = str | None  # an author's id; None for the persona
_NOBODY: Literal[0] = 0  # no reply within the history


@dataclass(frozen=True, slots=True)
class _Run:
    """A speaker's messages in a row, up to one of them.

    `target` is the speaker whom the last reply among them is to, at index `last`; behind index `since`, none
    of them replies to anybody else.
    """

    start: int
    target: Speaker | Literal[0]
    last: int
    since: int

    def extended(self, at: int, target: Speaker | Literal[0]) -> "_Run":
        """Return the run with the message at index `at`, a reply to `target`."""
        if target == _NOBODY:
            return self
        if self.target in (_NOBODY, target):
            return _Run(self.start, target, at, self.since)
        return _Run(self.start, target, at, self.last + 1)

    def goes_back_to(self, target: Speaker) -> int:
        """Return the first index from which on no message of the run replies to another than `target`."""
        if self.target in (_NOBODY, target):
            return self.since
        return self.last + 1


class ReplyRuns:
    """The runs of a history, found in one pass."""

    def __init__(
        self, history: Sequence[Message], places: Mapping[str, int], speaker: Callable[[Message], Speaker]
    ) -> None:
        """`places` are the indices of messages by id."""
        self._speakers = [speaker(message) for message in history]
        self._runs: list[_Run] = []
        for at, message in enumerate(history):
            is_first = not at or self._speakers[at - 1] != self._speakers[at]
            before = _Run(at, _NOBODY, at, at) if is_first else self._runs[-1]
            replied = places.get(message.reply_to or "")
            self._runs.append(before.extended(at, _NOBODY if replied is None else self._speakers[replied]))

    def are_near(self, parent: int, at: int, speaker: Speaker) -> bool:
        """Return whether only messages of these two speakers stand between a message and a reply to it.

        The reply, by `speaker`, stands at index `at`. Messages before it by the same speaker count, as long
        as they do not reply to somebody else.
        """
        target = self._speakers[parent]
        if at > 0 and self._speakers[at - 1] == speaker:
            at = self._runs[at - 1].goes_back_to(target)
        if at > 0 and self._speakers[at - 1] == target:
            at = self._runs[at - 1].start
        return at <= parent
