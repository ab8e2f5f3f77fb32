"""Chats as excerpts: the window moves over a chat as it does in serving, and nothing is skipped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bot.errors import UserError
from bot.message import Message, Place
from bot.prompt.builder import Prompt
from training.dataset.excerpts import Aim, Excerpt, Line, Serving
from training.dataset.leakage import CardWords, holds_itself
from training.dataset.selection import Chosen, Side
from training.dataset.targets import Target, parent_of
from training.dataset.utterances import Burst, Heard, bursts, hear, message, noise
from training.dataset.window import TOO_LONG, Window, aim_of
from training.store.chat_index import Chats
from training.store.lineage import OptOuts
from training.store.messages import Said

CHAIN = 20  # posts that are shown before an answer to the last of them
UNKNOWN = "[…]"  # what somebody said whose words no export holds
IN_CARD, TOO_EARLY = "words that stand in the card", "quoted before they were said"
_SOMEBODY = "unknown"


class Windows:
    """Excerpts of one chat after another."""

    def __init__(self, chats: Chats, opted_out: OptOuts, serving: Serving) -> None:
        self._chats, self._opted_out, self._serving = chats, opted_out, serving
        self.left_out = Counter[str]()
        self._card = CardWords(serving.reader.tokenizer)
        self._bare = serving.prompt([], {}, False, None)

    def excerpts(self, place: Place, chosen: Sequence[Chosen]) -> Iterator[tuple[Side, Excerpt]]:
        """What is learned of a chat and what is held out, in order."""
        if chosen:
            wanted = {each.target.start: each for each in chosen}
            is_posts = self._chats.kind(place) in ("timeline", "channel")
            way = self._posts if is_posts or not self._chats.has_others(place) else self._talk
            yield from way(place, wanted)

    def _talk(self, place: Place, wanted: dict[int, Chosen]) -> Iterator[tuple[Side, Excerpt]]:
        window = Window(self, place)
        for each in bursts(self._hear(place)):
            if isinstance(each, Burst):
                yield from window.say(each, wanted.get(each.start))
            else:
                yield from window.add([each.said])
        yield from window.close()

    def _posts(self, place: Place, wanted: dict[int, Chosen]) -> Iterator[tuple[Side, Excerpt]]:
        """Each post with the posts that it answers."""
        is_posts = self._chats.kind(place) in ("timeline", "channel")
        heard = self._hear(place)
        number = 0
        for each in heard if is_posts else bursts(heard):
            burst = each.messages if isinstance(each, Burst) else (each,)
            if found := wanted.get(number):
                before = self._chain(place, burst[0].said, found.target)
                yield from self.excerpt(place, before, [heard.said for heard in burst], found)
            number += len(burst)

    def _chain(self, place: Place, said: Said, target: Target) -> list[Line]:
        chain, parent = list[Line](), parent_of(said)
        while parent and len(chain) < CHAIN and (found := self.find(place, parent)):
            chain.append(self.line(found))
            parent = parent_of(found)
        if not chain and target.task != "post":
            return [Line(parent or _SOMEBODY, _SOMEBODY, "", UNKNOWN, said.time)]
        return chain[::-1]

    def excerpt(
        self, place: Place, before: list[Line], said: Sequence[Said], chosen: Chosen
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
        lines: Sequence[Line],
        parents: Iterable[Line],
        aims: Sequence[Aim],
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
            authors=tuple(sorted({line.author for line in (*lines, *parents)} - {_SOMEBODY})),
        )

    def prompt(
        self, history: Sequence[Message], known: dict[str, Message], cut: bool, reply_to: str | None
    ) -> Prompt:
        return self._serving.prompt(history, known, cut, reply_to)

    def is_known(self, prompt: Prompt, said: Sequence[Said]) -> bool:
        """Whether the prompt gives these words away, which is counted."""
        if holds_itself(prompt, [each.id for each in said]):
            self.left_out[TOO_EARLY] += 1
            return True
        if self._card.hold(prompt, [each.text.strip() for each in said]):
            self.left_out[IN_CARD] += 1
            return True
        return False

    def find(self, place: Place, id: str) -> Said | None:
        """A message that may be shown."""
        found = self._chats.find(place, id)
        if found is None or noise(found) or (found.platform, found.author) in self._opted_out:
            return None
        return found

    def line(self, said: Said) -> Line:
        known = message(said, self._serving.persona.key)
        author = self._opted_out.pseudonyms.of(said.platform, said.author)
        own = known.persona is not None
        return Line(known.id, author, known.author.name, known.text, known.time, own, known.reply_to)

    @property
    def persona(self) -> str:
        return self._serving.persona.key

    def _hear(self, place: Place) -> Iterator[Heard]:
        return hear(self._chats, place, self._opted_out, Counter())
