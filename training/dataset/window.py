"""The part of a chat that a persona can read, while the chat goes on: it moves as it does in serving."""

from collections.abc import Iterator
from functools import lru_cache

from bot.errors import UserError
from bot.message import Message, Place
from bot.prompt.builder import Prompt
from training.dataset.excerpt_builder import TOO_LONG, ExcerptBuilder, aim_of
from training.dataset.excerpts import LIMIT, Excerpt, ExcerptMessage, TargetSpan
from training.dataset.selection import ChosenTarget, Side
from training.dataset.utterances import Burst
from training.store.messages import ExportedMessage


class Window:
    """The window of one chat; excerpts leave it when it moves on."""

    def __init__(self, builder: ExcerptBuilder, place: Place) -> None:
        self._builder, self._place = builder, place
        self._lines, self._said, self._files = list[ExcerptMessage](), list[Message](), list[str]()
        self._aims: dict[Side, list[TargetSpan]] = {"train": [], "held": []}
        self._cut = False
        self._parent = lru_cache(4 * LIMIT)(self._find)

    def say(self, burst: Burst, chosen: ChosenTarget | None) -> Iterator[tuple[Side, Excerpt]]:
        """The persona speaks: the window is read, and may move."""
        said = [heard.said for heard in burst.messages]
        if burst.is_first and said[0].reply_to is None:
            if chosen:
                yield from self._builder.excerpt(self._place, [], said, chosen)
        else:
            yield from self._answer(said, chosen)
            return
        yield from self.add(said)

    def _answer(
        self, said: list[ExportedMessage], chosen: ChosenTarget | None
    ) -> Iterator[tuple[Side, Excerpt]]:
        reply_to = self._builder.line(said[0]).reply_to
        try:
            prompt = self._prompt(self._said, self._cut, reply_to)
        except UserError:
            if chosen:
                self._builder.left_out[TOO_LONG] += 1
            yield from self.add(said)
            return
        first = prompt.first
        if first and not any(self._aims.values()) and self._is_enough(first, prompt, reply_to):
            self._drop(first)
            first = None
        if chosen and not self._builder.is_known(prompt, said):
            start = len(self._lines)
            self._aims[chosen.side].append(aim_of(chosen, start, start + len(said)))
        yield from self.add(said)
        if first:
            yield from self.close()
            self._drop(first)

    def add(self, said: list[ExportedMessage]) -> Iterator[tuple[Side, Excerpt]]:
        """More is said; what is behind all that serving reads is let go."""
        for each in said:
            line = self._builder.line(each)
            self._lines.append(line)
            self._said.append(line.message(self._builder.persona))
            self._files.append(each.source)
        if len(self._lines) > 2 * LIMIT:
            yield from self.close()
            del self._lines[:-LIMIT], self._said[:-LIMIT], self._files[:-LIMIT]

    def close(self) -> Iterator[tuple[Side, Excerpt]]:
        """What was learned in this window, each side with no more than it needs."""
        for side, aims in self._aims.items():
            if aims:
                lines = self._lines[: aims[-1].end]
                wanted = dict.fromkeys(line.reply_to for line in lines if line.reply_to)
                inside = {line.id for line in lines}
                parents = (self._parent(id) for id in wanted if id not in inside)
                files = set(self._files[: aims[-1].end])
                yield (
                    side,
                    self._builder.made(self._place, lines, filter(None, parents), aims, self._cut, files),
                )
                aims.clear()

    def _is_enough(self, first: str, prompt: Prompt, reply_to: str | None) -> bool:
        """Whether the prompt is the same without what came before this message, and was not read."""
        start = self._place_of(first)
        return prompt.ids == self._prompt(self._said[start:], True, reply_to).ids

    def _drop(self, first: str) -> None:
        start = self._place_of(first)
        del self._lines[:start], self._said[:start], self._files[:start]
        self._cut = True

    def _place_of(self, id: str) -> int:
        return next(place for place, line in enumerate(self._lines) if line.id == id)

    def _prompt(self, history: list[Message], cut: bool, reply_to: str | None) -> Prompt:
        inside = {message.id for message in history}
        wanted = [*(message.reply_to for message in history), reply_to]
        found = {id: self._parent(id) for id in wanted if id and id not in inside}
        known = {id: line.message(self._builder.persona) for id, line in found.items() if line}
        return self._builder.prompt(history, known, cut, reply_to)

    def _find(self, id: str) -> ExcerptMessage | None:
        found = self._builder.find(self._place, id)
        return self._builder.line(found) if found else None
