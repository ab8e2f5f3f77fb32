"""An index of messages.jsonl by chat; messages stay in the file until they are read."""

import mmap
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import numpy as np

from bot.errors import UserError
from bot.json_fault import line_fault
from bot.message import Place
from training.store.messages import ChatKind, ExportedMessage, Kind, from_line
from training.store.selves import Selves, read_selves

_LARGEST = (1 << 63) - 1


class _Key(msgspec.Struct, gc=False):
    platform: str
    chat: str
    id: str
    author: str
    time: float
    thread: str = ""
    is_self: bool | None = None
    chat_kind: ChatKind = "direct"
    kind: Kind = "text"


@dataclass(slots=True)
class _Index:
    """The messages of a chat in the order of the file, 32 bytes for each.

    `system` is the byte at which the system text of a data set's dialogue begins, or -1.
    """

    kind: ChatKind
    system: int = -1
    has_others: bool = False
    times: "array[float]" = field(default_factory=lambda: array("d"))
    counters: "array[int]" = field(default_factory=lambda: array("q"))
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    id_hashes: "array[int]" = field(default_factory=lambda: array("q"))

    def in_order(self) -> "array[int]":
        """Return the offsets by time, then by the platform's counter, then as they stand in the file."""
        rows = np.lexsort((np.frombuffer(self.counters, "q"), np.frombuffer(self.times, "d")))
        return array("q", np.frombuffer(self.offsets, "q")[rows].tobytes())


class ChatIndex:
    """messages.jsonl or scrubbed.jsonl by chat. Threads are chats of their own, as in serving.

    `knows_self` says whether the persona wrote any message.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._chats = path, dict[Place, _Index]()
        self._sorted: tuple[Place | None, np.ndarray, np.ndarray] = None, np.empty(0), np.empty(0)
        self._selves, self.knows_self = Selves(), False
        self._documents = array("q")  # offsets

    def __enter__(self) -> Self:
        try:
            with self._path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # no file, or nothing in it
            raise UserError(
                f"There are no messages at {self._path}: `python -m training import` them."
            ) from None
        self._selves = read_selves(self._path.parent)
        self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()

    @property
    def places(self) -> tuple[Place, ...]:
        """All chats, in the order of their first messages in the file."""
        return tuple(self._chats)

    def is_posts(self, place: Place) -> bool:
        """Return whether a chat is a timeline or a channel: posts, and no conversation."""
        return self._chats[place].kind in ("timeline", "channel")

    def has_others(self, place: Place) -> bool:
        """Return whether anybody but the persona writes there; some exports hold one side only."""
        return self._chats[place].has_others

    def system_text(self, place: Place) -> str:
        """Return the text of a data set that stands in place of the card's in this dialogue, or ""."""
        offset = self._chats[place].system
        return self.read_at(offset).text.strip() if offset >= 0 else ""

    def documents(self) -> Iterator[ExportedMessage]:
        """Read the texts of data sets for the stage of facts, in the order of the file."""
        yield from map(self.read_at, self._documents)

    def times(self, place: Place) -> "array[float]":
        """Return the times of a chat's messages in the order of the file, in Unix seconds."""
        return self._chats[place].times

    def offsets(self, place: Place) -> "array[int]":
        """Return the byte at which each message of a chat begins in the file, oldest message first."""
        return self._chats[place].in_order()

    def read_at(self, offset: int) -> ExportedMessage:
        """Return the message whose line begins at a byte of the file."""
        return self._selves.resolve(from_line(self._map[offset : self._map.find(b"\n", offset)]))

    def find(self, place: Place, id: str) -> ExportedMessage | None:
        """Return the message of a chat with this id, or None."""
        if self._sorted[0] != place:
            unsorted = np.frombuffer(self._chats[place].id_hashes, "q")
            rows = np.argsort(unsorted, kind="stable")
            self._sorted = place, unsorted[rows], rows
        _, hashes, rows = self._sorted
        id_hash = hash(id)
        for at in range(int(np.searchsorted(hashes, id_hash)), len(hashes)):
            if hashes[at] != id_hash:
                break
            if (message := self.read_at(self._chats[place].offsets[rows[at]])).id == id:
                return message
        return None

    def _read(self) -> None:
        decoder, offset = msgspec.json.Decoder(_Key), 0
        for number, line in enumerate(iter(self._map.readline, b""), 1):
            try:
                key = decoder.decode(line)
            except ValueError as error:
                where = f"{self._path}, line {number:,}, is damaged ({line_fault(line, error)})"
                raise UserError(f"{where}: import everything again.") from None
            if key.kind == "document":
                self._documents.append(offset)
                offset += len(line)
                continue
            place = Place(key.platform, "", key.chat, key.thread)
            if (index := self._chats.get(place)) is None:
                index = self._chats[place] = _Index(key.chat_kind)
            if key.kind == "system" and index.system < 0:
                index.system = offset
            index.times.append(key.time)
            index.counters.append(_counter(key.id))
            index.offsets.append(offset)
            index.id_hashes.append(hash(key.id))
            is_self = self._selves.is_self(key.platform, key.author, key.kind, key.is_self)
            index.has_others |= is_self is False
            self.knows_self |= bool(is_self)
            offset += len(line)


def _counter(id: str) -> int:
    """Return the number that a platform counts messages by, within 64 bits; 0 for an id that is no number."""
    return min(int(id), _LARGEST) if len(id) < 30 and id.isascii() and id.isdecimal() else 0
