"""The window of history that a persona can read of a chat; it moves along the chat as it does in serving."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from bot.errors import UserError
from bot.message import Message, Place
from bot.prompt.builder import Prompt
from bot.prompt.truncation import MAX_HISTORY_MESSAGES
from training.dataset.excerpt_builder import TOO_LONG, ExcerptBuilder, target_span
from training.dataset.excerpts import Excerpt, ExcerptMessage, TargetSpan
from training.dataset.selection import ChosenTarget, Split
from training.dataset.transcript import Turn
from training.store.messages import ExportedMessage


class HistoryWindow:
    """The messages of one chat that the next prompt may show, and the targets in them.

    An excerpt is yielded for each split when the window moves on.
    """

    def __init__(self, builder: ExcerptBuilder, place: Place, own_system: str = "") -> None:
        self._builder, self._place, self._own_system = builder, place, own_system
        self._messages, self._history = list[ExcerptMessage](), list[Message]()
        self._sources = list[str]()  # of the messages, which all three lists have in the same order
        self._targets: dict[Split, list[TargetSpan]] = {"train": [], "validation": []}
        self._is_cut = False
        self._parent = lru_cache(4 * MAX_HISTORY_MESSAGES)(self._find_parent)

    def add_turn(self, turn: Turn, chosen: ChosenTarget | None) -> Iterator[tuple[Split, Excerpt]]:
        """Add a turn of the chat; `chosen` is the target that it is, if any."""
        if turn.is_burst and not turn.opens:
            yield from self._add_answer(turn.messages, chosen)
            return
        if chosen:
            yield from self._builder.build_single(self._place, [], turn.messages, chosen, self._own_system)
        yield from self._append(turn.messages)

    def close(self) -> Iterator[tuple[Split, Excerpt]]:
        """Yield the targets in this window, for each split with no more messages than they need."""
        for split, targets in self._targets.items():
            if targets:
                messages = self._messages[: targets[-1].end]
                wanted = dict.fromkeys(message.reply_to for message in messages if message.reply_to)
                inside = {message.id for message in messages}
                parents = (self._parent(id) for id in wanted if id not in inside)
                sources = set(self._sources[: targets[-1].end])
                yield (
                    split,
                    self._builder.build(
                        self._place,
                        messages,
                        filter(None, parents),
                        targets,
                        self._is_cut,
                        sources,
                        self._own_system,
                    ),
                )
                targets.clear()

    def _add_answer(
        self, answer: Sequence[ExportedMessage], chosen: ChosenTarget | None
    ) -> Iterator[tuple[Split, Excerpt]]:
        """Add a burst that answers the window: the prompt before it decides where the window begins."""
        reply_to = self._builder.convert(answer[0]).reply_to
        try:
            prompt = self._prompt(self._history, self._is_cut, reply_to)
        except UserError:
            if chosen:
                self._builder.left_out[TOO_LONG] += 1
            yield from self._append(answer)
            return
        first = prompt.first
        if first and not any(self._targets.values()) and self._is_enough(first, prompt, reply_to):
            self._drop_before(first)
            first = None
        if chosen and not self._builder.gives_away(prompt, answer):
            start = len(self._messages)
            self._targets[chosen.split].append(target_span(chosen, start, start + len(answer)))
        yield from self._append(answer)
        if first:
            yield from self.close()
            self._drop_before(first)

    def _append(self, messages: Sequence[ExportedMessage]) -> Iterator[tuple[Split, Excerpt]]:
        """Append messages; move on when the window holds twice as many as serving reads."""
        for message in messages:
            converted = self._builder.convert(message)
            self._messages.append(converted)
            self._history.append(converted.to_message(self._builder.persona))
            self._sources.append(message.source)
        if len(self._messages) > 2 * MAX_HISTORY_MESSAGES:
            yield from self.close()
            self._drop(len(self._messages) - MAX_HISTORY_MESSAGES)

    def _is_enough(self, first: str, prompt: Prompt, reply_to: str | None) -> bool:
        """Return whether the prompt is the same without the messages before `first`."""
        start = self._position(first)
        return prompt.ids == self._prompt(self._history[start:], True, reply_to).ids

    def _drop_before(self, first: str) -> None:
        self._drop(self._position(first))
        self._is_cut = True

    def _drop(self, count: int) -> None:
        del self._messages[:count], self._history[:count], self._sources[:count]

    def _position(self, id: str) -> int:
        return next(place for place, message in enumerate(self._messages) if message.id == id)

    def _prompt(self, history: list[Message], cut: bool, reply_to: str | None) -> Prompt:
        inside = {message.id for message in history}
        wanted = [*(message.reply_to for message in history), reply_to]
        found = {id: self._parent(id) for id in wanted if id and id not in inside}
        known = {id: parent.to_message(self._builder.persona) for id, parent in found.items() if parent}
        return self._builder.prompt(history, known, cut, reply_to, self._own_system)

    def _find_parent(self, id: str) -> ExcerptMessage | None:
        found = self._builder.find(self._place, id)
        return self._builder.convert(found) if found else None
