"""Excerpts of chats, made as serving would have read them; what serving could not have read is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bot.errors import UserError
from bot.message import Message, Place
from bot.prompt.builder import Prompt
from training.dataset.excerpts import Excerpt, ExcerptMessage, ServingPrompts, TargetSpan
from training.dataset.leakage import CardWords, holds_itself
from training.dataset.selection import ChosenTarget, Side
from training.dataset.utterances import message, noise
from training.store.chat_index import ChatIndex
from training.store.lineage import OptOuts
from training.store.messages import ExportedMessage

IN_CARD, TOO_EARLY = "words that stand in the card", "quoted before they were said"
TOO_LONG = "said after a message that is too long to be read"
SOMEBODY = "unknown"


class ExcerptBuilder:
    """Makes the excerpts of all chats, and counts in `left_out` the targets that serving could not reach."""

    def __init__(self, chats: ChatIndex, opted_out: OptOuts, serving: ServingPrompts) -> None:
        self._chats, self._opted_out, self._serving = chats, opted_out, serving
        self.left_out = Counter[str]()
        self._card = CardWords(serving.reader.tokenizer)
        self._bare = serving.prompt([], {}, False, None)

    def excerpt(
        self,
        place: Place,
        before: list[ExcerptMessage],
        said: Sequence[ExportedMessage],
        chosen: ChosenTarget,
    ) -> Iterator[tuple[Side, Excerpt]]:
        """An excerpt with one thing to learn, unless serving could not have read what stands before."""
        lines = [*before, *map(self.line, said)]
        aim = aim_of(chosen, len(before), len(lines))
        history = [line.message(self._serving.persona.key) for line in before]
        prompt = self._bare
        try:
            if history:
                prompt = self._serving.prompt(history, {}, False, lines[aim.start].reply_to)
        except UserError:
            self.left_out[TOO_LONG] += 1
            return
        if self.is_known(prompt, said):
            return
        yield chosen.side, self.made(place, lines, [], [aim], False, {each.source for each in said})

    def made(
        self,
        place: Place,
        lines: Sequence[ExcerptMessage],
        parents: Iterable[ExcerptMessage],
        aims: Sequence[TargetSpan],
        cut: bool,
        sources: set[str],
    ) -> Excerpt:
        """An excerpt with its lineage."""
        parents = tuple(parents)
        return Excerpt(
            chat=str(place),
            messages=tuple(lines),
            parents=parents,
            aims=tuple(aims),
            cut=cut,
            sources=tuple(sorted(sources)),
            authors=tuple(sorted({line.author for line in (*lines, *parents)} - {SOMEBODY})),
        )

    def prompt(
        self, history: Sequence[Message], known: dict[str, Message], cut: bool, reply_to: str | None
    ) -> Prompt:
        return self._serving.prompt(history, known, cut, reply_to)

    def is_known(self, prompt: Prompt, said: Sequence[ExportedMessage]) -> bool:
        """Whether the prompt gives these words away, which is counted."""
        if holds_itself(prompt, [each.id for each in said]):
            self.left_out[TOO_EARLY] += 1
            return True
        if self._card.hold(prompt, [each.text.strip() for each in said]):
            self.left_out[IN_CARD] += 1
            return True
        return False

    def find(self, place: Place, id: str) -> ExportedMessage | None:
        """A message that may be shown."""
        found = self._chats.find(place, id)
        if found is None or noise(found) or (found.platform, found.author) in self._opted_out:
            return None
        return found

    def line(self, said: ExportedMessage) -> ExcerptMessage:
        known = message(said, self._serving.persona.key)
        author = self._opted_out.pseudonyms.of(said.platform, said.author)
        own = known.persona is not None
        return ExcerptMessage(
            known.id, author, known.author.name, known.text, known.time, own, known.reply_to
        )

    @property
    def persona(self) -> str:
        return self._serving.persona.key


def aim_of(chosen: ChosenTarget, start: int, end: int) -> TargetSpan:
    return TargetSpan(start, end, chosen.target.task, chosen.weight, chosen.target.session)
