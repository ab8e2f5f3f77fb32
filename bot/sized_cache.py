"""A cache bounded by the size of its entries, for results whose length strangers choose."""

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_ENTRY = 100  # units that an entry takes beside its key and its result


class SizedCache(Generic[Result]):
    """Results by key, at most `limit` units of them; the least recently used goes first. Threads share it."""

    def __init__(self, limit: int) -> None:
        self._limit, self._lock = limit, Lock()
        self._entries: OrderedDict[object, tuple[Result, int]] = OrderedDict()
        self.size = 0  # units of all entries together

    def find(self, key: object) -> tuple[Result, int] | None:
        """Return a result with its size, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def add(self, key: object, result: Result, size: int) -> None:
        """Keep a result. One that is larger than the whole cache is not kept."""
        size += _ENTRY
        with self._lock:
            if size > self._limit or key in self._entries:
                return
            self._entries[key] = result, size
            self.size += size
            while self.size > self._limit:
                _, (_, dropped) = self._entries.popitem(last=False)
                self.size -= dropped


class ByIdentity:
    """A key that is equal to itself alone: for frozen values that have no hash, or a dear one."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value  # kept, so that no other value gets its id

    def __hash__(self) -> int:
        return id(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self._value is other._value


def cached_by_size(
    cache: SizedCache[Result], size_of: Callable[..., int]
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Keep a function's results in a cache, by its arguments. An exception is not kept.

    `size_of` takes the result and the arguments, and returns the units that both take.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @wraps(function)
        def cached(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
            key = (args, *options.items())
            if found := cache.find(key):
                return found[0]
            result = function(*args, **options)
            cache.add(key, result, size_of(result, *args))
            return result

        return cached

    return decorate
