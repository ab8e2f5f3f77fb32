"""CuteGPT's data set: pickled lists of {instruction, input, output}, by a reader that can build no more."""

import io
import pickletools
from collections.abc import Iterator, Sequence
from typing import Any

from bot.errors import UserError
from training.importers.reading.dialogue import DialogueTurn, conversation
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "CuteGPT"
_LIMIT = 256 << 20  # bytes: strings refer back to earlier ones, so that the file cannot be read in parts
_STRINGS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"}
_STORES = {"PUT", "BINPUT", "LONG_BINPUT"}
_LOADS = {"GET", "BINGET", "LONG_BINGET"}
_FIELDS = {"instruction", "input", "output"}


def recognises(head: FileHead) -> bool:
    is_pickle = len(head.raw) > 2 and head.raw[0] == 0x80 and head.raw[1] in range(2, 6)
    return is_pickle or head.raw.startswith((b"(lp", b"]q")) or head.has("[][].instruction", "[][].output")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        for dialogue in _dialogues(source, tally):
            yield from conversation("cutegpt", list(_turns(dialogue, source)), source, tally)


def _dialogues(source: Source, tally: ImportLog) -> Iterator[Any]:
    """Also from JSON: such a set is best kept that way."""
    if source.head().lstrip()[:1] == b"[":
        document = Json(source)
        yield from document.elements(list[dict[str, str]])
        tally.skip("unreadable", document.unreadable)
        return
    data = b""
    for chunk in source.chunks():
        data += chunk
        if len(data) > _LIMIT:
            raise UserError(f"{source} has more than {_LIMIT >> 20} MB: save it as JSON and import that.")
    try:
        told = unpack(data)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(
            f"{source} was not opened: {error or 'it is damaged'}. Save it as JSON and import that."
        ) from None
    if not isinstance(told, list):
        raise UserError(f"{source} holds no list of conversations: save it as JSON and import that.")
    yield from told


def _turns(dialogue: Any, source: Source) -> Iterator[DialogueTurn]:
    for step in dialogue if isinstance(dialogue, list) else [dialogue]:
        if not isinstance(step, dict) or not step.keys() & _FIELDS:
            raise UserError(f"{source} holds no conversations of CuteGPT: save it as JSON and import that.")
        told = [step.get(name) for name in ("instruction", "input", "output")]
        asked, more, answered = (part if isinstance(part, str) else "" for part in told)
        yield DialogueTurn("user", "\n".join(filter(None, (asked, more))))
        yield DialogueTurn("assistant", answered)


def unpack(data: bytes) -> Any:
    """Lists, dictionaries and strings out of a pickle; raise ValueError for anything else in it.

    No object is made and no name is looked up: `pickletools` takes the instructions apart, and those that
    could do more than hold data are not known here. A list that stands in two places is refused as well,
    since a few bytes could stand for a list without end.
    """
    machine = _Machine()
    for instruction, argument, _ in pickletools.genops(io.BytesIO(data)):
        if instruction.name == "STOP":
            return machine.stack.pop()
        machine.step(instruction.name, argument)
    raise ValueError("it ends in the middle")


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._marks: list[int] = []

    def step(self, name: str, argument: Any) -> None:
        """Obey one instruction, or raise ValueError."""
        if name in _STRINGS:
            self.stack.append(argument.encode("utf-8", "replace").decode())
        elif name in _STORES:
            self._memo[int(argument)] = self.stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self.stack[-1]
        elif name in _LOADS:
            self._load(int(argument))
        elif name == "MARK":
            self._marks.append(len(self.stack))
        elif name in ("EMPTY_LIST", "EMPTY_DICT"):
            self.stack.append([] if name == "EMPTY_LIST" else {})
        elif name in ("LIST", "DICT", "APPENDS", "SETITEMS"):
            self._gather(name)
        elif name in ("APPEND", "SETITEM"):
            self._put([self.stack.pop() for _ in range(1 + (name == "SETITEM"))][::-1])
        elif name == "NONE":
            self.stack.append("")
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"it holds more than lists, dictionaries and strings ({name})")

    def _load(self, place: int) -> None:
        if not isinstance(kept := self._memo[place], str):
            raise ValueError("a list in it stands in two places")
        self.stack.append(kept)

    def _gather(self, name: str) -> None:
        """What lies above the mark becomes a list or a dictionary, or goes into the one below."""
        mark = self._marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        if name in ("LIST", "DICT"):
            self.stack.append([] if name == "LIST" else {})
        self._put(items)

    def _put(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target += items
        elif isinstance(target, dict):
            target |= zip(items[::2], items[1::2], strict=True)
        else:
            raise ValueError("it is damaged")
