"""The table of tensors in a pickle of `torch.save`, followed operation by operation and never executed."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

_DTYPES = {
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch DoubleStorage": torch.float64,
}
_TABLE, _TENSOR, _PARAMETER = (
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
)
_GLOBALS = {_TABLE, _TENSOR, _PARAMETER, *_DTYPES}


class NotATable(Exception):
    """The pickle holds an operation, a function or a shape that no table of tensors has."""


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or a function, which is neither imported nor called."""

    name: str


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
    def bytes(self) -> int:
        return math.prod(self.size) * self.dtype.itemsize

    @property
    def is_contiguous(self) -> bool:
        """True where the numbers stand in order, each once."""
        places = range(len(self.size))
        return all(self.size[at] < 2 or self.stride[at] == math.prod(self.size[at + 1 :]) for at in places)


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
        self.stack[-1].extend(values)

    def note(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def set_items(self, flat: list[Any]) -> None:
        table = self.stack[-1]
        if not isinstance(table, dict) or not all(isinstance(name, str) for name in flat[::2]):
            raise NotATable("a table that is none")
        table.update(zip(flat[::2], flat[1::2], strict=True))

    def set_item(self) -> None:
        value = self.stack.pop()
        self.set_items([self.stack.pop(), value])

    def build(self) -> None:
        """Drop the attributes of a table, such as the versions that torch notes for modules."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise NotATable("attributes of something else than a table")

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if function == Global(_TABLE) and arguments == ():
            self.stack.append({})
        elif function == Global(_TENSOR):
            self.stack.append(_tensor(*arguments))
        elif function == Global(_PARAMETER) and isinstance(arguments[0], StoredTensor):
            self.stack.append(arguments[0])
        else:
            raise NotATable(f"a call of {function}")

    def persistent(self) -> None:
        """Take the name of a storage: ("storage", its class, its name, a device, its numbers)."""
        kind, numbers, name, *_ = self.stack.pop()
        if kind != "storage" or not isinstance(numbers, Global) or numbers.name not in _DTYPES:
            raise NotATable("a storage of another type")
        self.stack.append(Storage(str(name), _DTYPES[numbers.name]))


def _tensor(storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Any:
    numbers = (offset, *size, *stride)
    if not isinstance(storage, Storage) or len(size) != len(stride) or len(size) > 8:
        raise NotATable("a tensor that is none")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise NotATable("a tensor of no size")
    return StoredTensor(storage.name, storage.dtype, offset, size, stride)


def _global(reader: _Reader, name: str) -> None:
    if name not in _GLOBALS:
        raise NotATable(f"the name {name}")
    reader.stack.append(Global(name))


def _push(reader: _Reader, value: Any) -> None:
    reader.stack.append(value)


_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    "PROTO": lambda reader, value: None,
    "GLOBAL": _global,
    "MARK": lambda reader, value: reader.marks.append(len(reader.stack)),
    "EMPTY_DICT": lambda reader, value: reader.stack.append({}),
    "EMPTY_TUPLE": lambda reader, value: reader.stack.append(()),
    "TUPLE": lambda reader, value: reader.stack.append(tuple(reader.until_mark())),
    "TUPLE1": lambda reader, value: reader.tuple_of(1),
    "TUPLE2": lambda reader, value: reader.tuple_of(2),
    "TUPLE3": lambda reader, value: reader.tuple_of(3),
    "EMPTY_LIST": lambda reader, value: reader.stack.append([]),
    "APPEND": lambda reader, value: reader.stack[-2].append(reader.stack.pop()),
    "APPENDS": lambda reader, value: reader.append_all(reader.until_mark()),
    "SETITEM": lambda reader, value: reader.set_item(),
    "SETITEMS": lambda reader, value: reader.set_items(reader.until_mark()),
    "BUILD": lambda reader, value: reader.build(),
    "REDUCE": lambda reader, value: reader.reduce(),
    "BINPERSID": lambda reader, value: reader.persistent(),
    "NONE": _push,
    "NEWTRUE": lambda reader, value: reader.stack.append(True),
    "NEWFALSE": lambda reader, value: reader.stack.append(False),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"), _push),
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
