"""Chats as excerpts: the window moves over a chat as it does in serving, and nothing is skipped."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.message import Place
from training.dataset.excerpt_builder import SOMEBODY, ExcerptBuilder
from training.dataset.excerpts import Excerpt, ExcerptMessage, ServingPrompts
from training.dataset.selection import ChosenTarget, Side
from training.dataset.targets import Target, parent_of
from training.dataset.utterances import Burst, Utterance, bursts, hear
from training.dataset.window import Window
from training.store.chat_index import ChatIndex
from training.store.lineage import OptOuts
from training.store.messages import ExportedMessage

CHAIN = 20  # posts that are shown before an answer to the last of them
UNKNOWN = "[…]"  # what somebody said whose words no export holds


class Windows:
    """Excerpts of one chat after another."""

    def __init__(self, chats: ChatIndex, opted_out: OptOuts, serving: ServingPrompts) -> None:
        self._chats, self._opted_out = chats, opted_out
        self._builder = ExcerptBuilder(chats, opted_out, serving)

    @property
    def left_out(self) -> Counter[str]:
        """How many targets serving could not have been asked for, by reason."""
        return self._builder.left_out

    def excerpts(self, place: Place, chosen: Sequence[ChosenTarget]) -> Iterator[tuple[Side, Excerpt]]:
        """What is learned of a chat and what is held out, in order."""
        if chosen:
            wanted = {each.target.start: each for each in chosen}
            is_posts = self._chats.kind(place) in ("timeline", "channel")
            way = self._posts if is_posts or not self._chats.has_others(place) else self._talk
            yield from way(place, wanted)

    def _talk(self, place: Place, wanted: dict[int, ChosenTarget]) -> Iterator[tuple[Side, Excerpt]]:
        window = Window(self._builder, place)
        for each in bursts(self._hear(place)):
            if isinstance(each, Burst):
                yield from window.say(each, wanted.get(each.start))
            else:
                yield from window.add([each.said])
        yield from window.close()

    def _posts(self, place: Place, wanted: dict[int, ChosenTarget]) -> Iterator[tuple[Side, Excerpt]]:
        """Each post with the posts that it answers."""
        is_posts = self._chats.kind(place) in ("timeline", "channel")
        heard = self._hear(place)
        number = 0
        for each in heard if is_posts else bursts(heard):
            burst = each.messages if isinstance(each, Burst) else (each,)
            if found := wanted.get(number):
                before = self._chain(place, burst[0].said, found.target)
                yield from self._builder.excerpt(place, before, [heard.said for heard in burst], found)
            number += len(burst)

    def _chain(self, place: Place, said: ExportedMessage, target: Target) -> list[ExcerptMessage]:
        chain, parent = list[ExcerptMessage](), parent_of(said)
        while parent and len(chain) < CHAIN and (found := self._builder.find(place, parent)):
            chain.append(self._builder.line(found))
            parent = parent_of(found)
        if not chain and target.task != "post":
            return [ExcerptMessage(parent or SOMEBODY, SOMEBODY, "", UNKNOWN, said.time)]
        return chain[::-1]

    def _hear(self, place: Place) -> Iterator[Utterance]:
        return hear(self._chats, place, self._opted_out, Counter())
