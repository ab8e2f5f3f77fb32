"""The table of tensors in a pickle of `torch.save`, followed operation by operation and never executed."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from training.adapters.pickle_names import PARAMETERS, STORAGES, TABLES, TENSORS, is_known

_LARGEST = 1 << 48  # numbers of a tensor
_KEYS = (str, int)  # of tables; an entry with another key names no tensor, and is left out


class NotATable(Exception):
    """The pickle holds an operation, a function or a shape that no table of tensors has."""


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or a function, which is neither imported nor called."""

    name: str


@dataclass(frozen=True, slots=True)
class Note:
    """The place of an object that a trainer noted beside the tensors; the object is not made."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The name of a storage in the archive, and the type of its numbers."""

    name: str
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor by its storage, the offset in it (numbers), its size and its stride."""

    storage: str
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of its numbers."""
        return math.prod(self.size)

    @property
    def bytes(self) -> int:
        return self.count * self.dtype.itemsize

    @property
    def extent(self) -> int:
        """The numbers of the storage from its first one to its last one."""
        if not self.count:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.size, self.stride, strict=True))

    @property
    def repeats(self) -> bool:
        """True for a view with more numbers than it has in the storage: a few would make gigabytes."""
        return self.count > self.extent


class _Reader:
    """The stack, the places of its marks, and the memo of a pickle."""

    def __init__(self) -> None:
        self.stack, self.marks, self.memo = list[Any](), list[int](), dict[int, Any]()

    def until_mark(self) -> list[Any]:
        """Take everything above the last mark from the stack, and the mark."""
        at = self.marks.pop()
        taken = self.stack[at:]
        del self.stack[at:]
        return taken

    def tuple_of(self, count: int) -> None:
        taken = [self.stack.pop() for _ in range(count)]
        self.stack.append(tuple(taken[::-1]))

    def append_all(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], Note):
            self.stack[-1].extend(values)

    def append(self) -> None:
        self.append_all([self.stack.pop()])

    def note(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def memoize(self) -> None:
        self.note(len(self.memo))

    def set_items(self, flat: list[Any]) -> None:
        table = self.stack[-1]
        if isinstance(table, Note):
            return
        if not isinstance(table, dict):
            raise NotATable("a table that is none")
        pairs = zip(flat[::2], flat[1::2], strict=True)
        table.update({key: value for key, value in pairs if type(key) in _KEYS})

    def set_item(self) -> None:
        value = self.stack.pop()
        self.set_items([self.stack.pop(), value])

    def build(self) -> None:
        """Drop the attributes of a table or a note, such as the versions that torch notes for modules."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict | Note | StoredTensor):
            raise NotATable("attributes of something else than a table")

    def new(self, count: int) -> None:
        """Put a note in the place of an object of a class and its arguments, `count` values on the stack."""
        if not isinstance(self.stack[-count], Global):
            raise NotATable("an object without a class")
        del self.stack[-count:]
        self.stack.append(Note())

    def skip_set(self) -> None:
        """Put a note in the place of a set of all above the last mark."""
        self.until_mark()
        self.stack.append(Note())

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise NotATable("a call of no function")
        self.stack.append(_made(function.name, arguments))

    def persistent(self) -> None:
        """Take the name of a storage: ("storage", its class, its name, a device, its numbers)."""
        kind, numbers, name, *_ = self.stack.pop()
        is_known_type = isinstance(numbers, Global) and numbers.name in STORAGES
        if kind != "storage" or not is_known_type or not isinstance(name, str):
            raise NotATable("a storage of another type")
        self.stack.append(Storage(name, STORAGES[numbers.name]))

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(
            module, str
        ):  # a tuple of tuples may be endless as text
            raise NotATable("a name that is no text")
        _global(self, f"{module} {name}")


def _made(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return what a call leaves: a table, a tensor, or a note in the place of anything else."""
    if name in TABLES:
        return {}
    if name in TENSORS:
        return _tensor(*arguments)
    if name in PARAMETERS:
        if not isinstance(arguments[0], StoredTensor):
            raise NotATable("a parameter that is no tensor")
        return arguments[0]
    return Note()


def _tensor(storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Any:
    numbers = (offset, *size, *stride)
    if not isinstance(storage, Storage) or len(size) != len(stride) or len(size) > 8:
        raise NotATable("a tensor that is none")
    if not all(type(number) is int and 0 <= number < _LARGEST for number in numbers):
        raise NotATable("a tensor of no size")
    return StoredTensor(storage.name, storage.dtype, offset, size, stride)


def _global(reader: _Reader, name: str) -> None:
    if not is_known(name):
        raise NotATable(f"the name {name}")
    reader.stack.append(Global(name))


def _push(reader: _Reader, value: Any) -> None:
    reader.stack.append(value)


_VALUES = """
INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
BINBYTES SHORT_BINBYTES BINBYTES8 BINSTRING SHORT_BINSTRING BYTEARRAY8 NONE
""".split()
_STEPS: dict[str, Callable[[_Reader, Any], object]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda reader, value: None),
    **dict.fromkeys(_VALUES, _push),
    "NEWTRUE": lambda reader, value: reader.stack.append(True),
    "NEWFALSE": lambda reader, value: reader.stack.append(False),
    "GLOBAL": _global,
    "STACK_GLOBAL": lambda reader, value: reader.stack_global(),
    "MARK": lambda reader, value: reader.marks.append(len(reader.stack)),
    "POP": lambda reader, value: reader.stack.pop(),
    "POP_MARK": lambda reader, value: reader.until_mark(),
    "EMPTY_DICT": lambda reader, value: reader.stack.append({}),
    "EMPTY_LIST": lambda reader, value: reader.stack.append([]),
    "EMPTY_SET": lambda reader, value: reader.stack.append(Note()),
    "EMPTY_TUPLE": lambda reader, value: reader.stack.append(()),
    "FROZENSET": lambda reader, value: reader.skip_set(),
    "TUPLE": lambda reader, value: reader.stack.append(tuple(reader.until_mark())),
    "TUPLE1": lambda reader, value: reader.tuple_of(1),
    "TUPLE2": lambda reader, value: reader.tuple_of(2),
    "TUPLE3": lambda reader, value: reader.tuple_of(3),
    "APPEND": lambda reader, value: reader.append(),
    "APPENDS": lambda reader, value: reader.append_all(reader.until_mark()),
    "ADDITEMS": lambda reader, value: reader.append_all(reader.until_mark()),
    "SETITEM": lambda reader, value: reader.set_item(),
    "SETITEMS": lambda reader, value: reader.set_items(reader.until_mark()),
    "BUILD": lambda reader, value: reader.build(),
    "REDUCE": lambda reader, value: reader.reduce(),
    "NEWOBJ": lambda reader, value: reader.new(2),
    "NEWOBJ_EX": lambda reader, value: reader.new(3),
    "BINPERSID": lambda reader, value: reader.persistent(),
    "MEMOIZE": lambda reader, value: reader.memoize(),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda reader, value: reader.note(value)),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda reader, value: reader.stack.append(reader.memo[value])),
}


def read_table(operations: Iterable[tuple[Any, Any, Any]]) -> Any:
    """Return what the operations of a pickle (pickletools.genops) leave: a dict by name where it is a table.

    Raises `NotATable`, or an error of a pickle that breaks its own rules (ValueError, IndexError, TypeError).
    """
    reader = _Reader()
    for operation, value, _ in operations:
        if operation.name == "STOP":
            return reader.stack.pop()
        if operation.name not in _STEPS:
            raise NotATable(f"the operation {operation.name}")
        try:
            _STEPS[operation.name](reader, value)
        except (KeyError, AttributeError) as error:
            raise NotATable(str(error)) from None
    raise NotATable("no end")
