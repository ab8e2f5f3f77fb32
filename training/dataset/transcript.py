"""The utterances of a chat as they were found once, for the pass that builds excerpts of them."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from training.dataset.utterances import Burst, Utterance
from training.store.chat_index import ChatIndex
from training.store.messages import ExportedMessage


@dataclass(frozen=True, slots=True)
class Turn:
    """A burst of the persona, or one message that is only read.

    `opens` says of a burst that it begins a conversation.
    """

    messages: tuple[ExportedMessage, ...]
    is_burst: bool
    opens: bool


class Transcript:
    """The turns of one chat, oldest first, in 13 bytes a turn and 8 for each further message of a burst.

    The messages stay in messages.jsonl until `turns` reads them.
    """

    def __init__(self) -> None:
        self._offsets = array("q")  # of messages
        self._sizes = array("i")  # of turns: the messages of a burst, 0 for a message that is only read
        self._opens = bytearray()  # of turns

    def record(self, turns: Iterable[Utterance | Burst]) -> Iterator[Utterance | Burst]:
        """Pass the turns of the chat on, oldest first, and keep them."""
        for turn in turns:
            if isinstance(turn, Burst):
                self._offsets.extend([utterance.offset for utterance in turn.utterances])
                self._sizes.append(len(turn.utterances))
                self._opens.append(turn.opens)
            else:
                self._offsets.append(turn.offset)
                self._sizes.append(0)
                self._opens.append(False)
            yield turn

    def turns(self, chats: ChatIndex) -> Iterator[Turn]:
        """Read all turns from the messages in which they were found."""
        offsets = iter(self._offsets)
        for size, opens in zip(self._sizes, self._opens, strict=True):
            messages = tuple(chats.read_at(next(offsets)) for _ in range(max(size, 1)))
            yield Turn(messages, size > 0, bool(opens))
