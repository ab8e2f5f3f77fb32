"""The builder of excerpts: messages as serving would read them, targets that serving could reach, lineage."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from bot.errors import UserError
from bot.message import Message, Place
from bot.prompt.builder import Prompt
from training.dataset.excerpts import Excerpt, ExcerptMessage, TargetSpan
from training.dataset.leakage import CardWords, shows_messages
from training.dataset.selection import ChosenTarget, Split
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.utterances import exclusion_reason, serving_message
from training.store.chat_index import ChatIndex
from training.store.lineage import OptOuts
from training.store.messages import ExportedMessage

IN_CARD, TOO_EARLY = "words that stand in the card", "quoted before they were said"
TOO_LONG = "said after a message that is too long to be read"
UNKNOWN_AUTHOR = "unknown"
_CACHED_AUTHORS = 4096


class ExcerptBuilder:
    """Builds the excerpts of all chats, and counts in `left_out` the targets that serving could not reach."""

    def __init__(self, chats: ChatIndex, opted_out: OptOuts, serving: ServingPrompts) -> None:
        self._chats, self._opted_out, self._serving = chats, opted_out, serving
        self.left_out = Counter[str]()
        self._card = CardWords(serving.reader.tokenizer)
        self._bare = serving.prompt([], {}, False, None)
        self._pseudonym = lru_cache(_CACHED_AUTHORS)(opted_out.pseudonyms.of)

    def build_single(
        self,
        place: Place,
        before: list[ExcerptMessage],
        answer: Sequence[ExportedMessage],
        chosen: ChosenTarget,
        own_system: str = "",
    ) -> Iterator[tuple[Split, Excerpt]]:
        """Yield an excerpt with one target, unless serving could not have read the messages before it."""
        messages = [*before, *map(self.convert, answer)]
        target = target_span(chosen, len(before), len(messages))
        history = [message.to_message(self._serving.persona.key) for message in before]
        prompt = self._bare
        try:
            if history or own_system:
                reply_to = messages[target.start].reply_to
                prompt = self._serving.prompt(history, {}, False, reply_to, own_system)
        except UserError:
            self.left_out[TOO_LONG] += 1
            return
        if len(prompt.ids) > self._serving.reader.budget:
            self.left_out[TOO_LONG] += 1
            return
        if self.gives_away(prompt, answer):
            return
        sources = {message.source for message in answer}
        yield chosen.split, self.build(place, messages, [], [target], False, sources, own_system)

    def build(
        self,
        place: Place,
        messages: Sequence[ExcerptMessage],
        parents: Iterable[ExcerptMessage],
        targets: Sequence[TargetSpan],
        cut: bool,
        sources: set[str],
        own_system: str = "",
    ) -> Excerpt:
        """Return an excerpt with its lineage."""
        parents = tuple(parents)
        authors = {message.author for message in (*messages, *parents)} - {UNKNOWN_AUTHOR}
        return Excerpt(
            chat=str(place),
            messages=tuple(messages),
            parents=parents,
            aims=tuple(targets),
            cut=cut,
            own_system=own_system,
            sources=tuple(sorted(sources)),
            authors=tuple(sorted(authors)),
        )

    def prompt(
        self,
        history: Sequence[Message],
        known: dict[str, Message],
        cut: bool,
        reply_to: str | None,
        own_system: str = "",
    ) -> Prompt:
        return self._serving.prompt(history, known, cut, reply_to, own_system)

    def gives_away(self, prompt: Prompt, answer: Sequence[ExportedMessage]) -> bool:
        """Return whether the prompt holds its own answer, and count the answer in `left_out` if so."""
        if shows_messages(prompt, [message.id for message in answer]):
            self.left_out[TOO_EARLY] += 1
            return True
        if self._card.contains(prompt, [message.text.strip() for message in answer]):
            self.left_out[IN_CARD] += 1
            return True
        return False

    def find(self, place: Place, id: str) -> ExportedMessage | None:
        """Return a message of a chat by its id, if it is an utterance."""
        found = self._chats.find(place, id)
        if found is None or exclusion_reason(found) or (found.platform, found.author) in self._opted_out:
            return None
        return found

    def convert(self, message: ExportedMessage) -> ExcerptMessage:
        """Return a message as serving has it in memory, under its author's pseudonym."""
        served = serving_message(message, self._serving.persona.key)
        author = self._pseudonym(message.platform, message.author)
        own = served.persona is not None
        return ExcerptMessage(
            served.id, author, served.author.name, served.text, served.time, own, served.reply_to
        )

    @property
    def persona(self) -> str:
        return self._serving.persona.key


def target_span(chosen: ChosenTarget, start: int, end: int) -> TargetSpan:
    return TargetSpan(start, end, chosen.target.task, chosen.weight, chosen.target.session)
