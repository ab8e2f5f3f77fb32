"""Chats as excerpts: a window moves along each conversation, and posts stand below the posts they answer."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.message import Place
from training.dataset.excerpt_builder import UNKNOWN_AUTHOR, ExcerptBuilder
from training.dataset.excerpts import Excerpt, ExcerptMessage
from training.dataset.history_window import HistoryWindow
from training.dataset.selection import ChosenTarget, Split
from training.dataset.serving_prompts import ServingPrompts
from training.dataset.targets import parent_of
from training.dataset.transcript import Transcript
from training.store.chat_index import ChatIndex
from training.store.lineage import OptOuts

MAX_PARENTS = 20  # posts that are shown before an answer to the last of them
UNKNOWN_TEXT = "[…]"  # stands for words that are in no export


class ChatExcerpts:
    """The excerpts of one chat after another."""

    def __init__(self, chats: ChatIndex, opted_out: OptOuts, serving: ServingPrompts) -> None:
        self._chats, self._builder = chats, ExcerptBuilder(chats, opted_out, serving)

    @property
    def left_out(self) -> Counter[str]:
        """The count of targets that serving could not have been asked for, by reason."""
        return self._builder.left_out

    def build(
        self, place: Place, transcript: Transcript | None, chosen: Sequence[ChosenTarget]
    ) -> Iterator[tuple[Split, Excerpt]]:
        """Yield the excerpts of a chat with the chosen targets, oldest first.

        Without a transcript, each target stands below the posts that it answers.
        """
        own_system = self._chats.system_text(place) if chosen else ""
        if transcript is None:
            for target in chosen:
                yield from self._build_reply(place, target, own_system)
            return
        window = HistoryWindow(self._builder, place, own_system)
        by_id = {each.target.ids[0]: each for each in chosen}
        for turn in transcript.turns(self._chats):
            yield from window.add_turn(turn, by_id.get(turn.messages[0].id))
        yield from window.close()

    def _build_reply(
        self, place: Place, chosen: ChosenTarget, own_system: str
    ) -> Iterator[tuple[Split, Excerpt]]:
        found = (self._chats.find(place, id) for id in chosen.target.ids)
        answer = [message for message in found if message]
        parent = parent_of(answer[0])
        before = self._parents(place, parent)
        if not before and chosen.target.task != "post":
            id = parent or UNKNOWN_AUTHOR
            before = [ExcerptMessage(id, UNKNOWN_AUTHOR, "", UNKNOWN_TEXT, answer[0].time)]
        yield from self._builder.build_single(place, before, answer, chosen, own_system)

    def _parents(self, place: Place, parent: str | None) -> list[ExcerptMessage]:
        """Return the posts that lead to `parent`, and that post itself, oldest first."""
        posts = list[ExcerptMessage]()
        while parent and len(posts) < MAX_PARENTS and (found := self._builder.find(place, parent)):
            posts.append(self._builder.convert(found))
            parent = parent_of(found)
        return posts[::-1]
