"""One forward pass over rows of any length: new tokens lie end to end, only attention tells rows apart."""

from collections.abc import Sequence
from ctypes import c_int
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from bot.engine.attend import Shape, weighted
from bot.engine.native import Native
from bot.engine.page import Page, Row

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Span:
    """The next tokens of a row, under the adapter in a bay of the live ones (-1 is none)."""

    row: Row
    ids: tuple[int, ...]
    bay: int = -1
    strength: float = 1.0


class Step:
    """What every layer of one forward pass needs to know, worked out once.

    Spans of one token come first, by the bay of their adapter; longer ones follow. `spans` is that order, in
    which `last` [spans] names every span's last token. The rows' lengths grow with `advance`, after the pass:
    until then it may be repeated.
    """

    def __init__(
        self, spans: Sequence[Span], device: torch.device | str, native: Native | None = None
    ) -> None:
        order = sorted(spans, key=lambda span: (len(span.ids) > 1, span.bay < 0, span.bay))
        self.spans = tuple(order)
        self.single = sum(len(span.ids) == 1 for span in order)
        self.device, self._native = device, native
        starts = [0]
        for span in order:
            starts.append(starts[-1] + len(span.ids))
        self.starts = tuple(starts)
        self.ids = self.tensor([token for span in order for token in span.ids])
        self.positions = self.tensor(
            [place for span in order for place in range(span.row.length, span.row.length + len(span.ids))]
        )
        self.last = self.tensor([start - 1 for start in starts[1:]])
        self._memory: dict[Any, Tensor] = {}
        self._signed: dict[int, tuple[Tensor, Tensor]] = {}
        self.pages = self._single_pages()

    def tensor(self, values: Sequence[int]) -> Tensor:
        """Whole numbers on the device."""
        return torch.tensor(values, device=self.device)

    def signed(self, sin: Tensor) -> Tensor:
        """The sines of rotary positions, those of the first half negative; once for all layers they serve."""
        if id(sin) not in self._signed:
            half = sin.shape[-1] // 2
            # with the sines, so that their id is not given to others
            self._signed[id(sin)] = sin, torch.cat((-sin[..., :half], sin[..., half:]), -1)
        return self._signed[id(sin)][1]

    def advance(self) -> None:
        """Count the tokens of a pass that went well."""
        for span in self.spans:
            span.row.length += len(span.ids)

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: Shape) -> Tensor:
        """Write keys and values, and attend: query [tokens, heads, size], pair [tokens, 2, kv heads, size].

        Returns [tokens, heads * size].
        """
        if self._native is not None and self._native.attends(
            query.shape[-1], query.shape[1] // pair.shape[2]
        ):
            return self._attend_native(self._native, layer, query, pair, shape)
        parts = [page.attend(layer, query, pair, shape) for page in self.pages]
        parts += [
            _attend_span(span, layer, query[start:end], pair[start:end], self._reach(span, shape), shape)
            for span, start, end in self.long()
        ]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        whole = whole.flatten(1)
        return whole if self._restore is None else whole.index_select(0, self._restore)

    def _attend_native(self, native: Native, layer: int, query: Tensor, pair: Tensor, shape: Shape) -> Tensor:
        whole = query.new_empty(query.shape)
        for page in self.pages:
            native.attend(query, pair, page.layer(layer, pair[:, 0]), whole, page.targets, shape)
        for span, start, end in self.long():
            reach = self._reach(span, shape)
            whole[start:end] = _attend_span(span, layer, query[start:end], pair[start:end], reach, shape)
        return whole.flatten(1)

    def long(self) -> list[tuple[Span, int, int]]:
        """Spans of more than one token, each with its start and end among the tokens."""
        bounds = zip(self.spans, self.starts, self.starts[1:], strict=False)
        return list(bounds)[self.single :]

    def _single_pages(self) -> list["_Singles"]:
        found: dict[int, _Singles] = {}
        for place, span in enumerate(self.spans[: self.single]):
            page = span.row.page
            found.setdefault(id(page), _Singles(page, self)).add(span.row, place)
        return list(found.values())

    @cached_property
    def _restore(self) -> Tensor | None:
        """Where every token's result is, when the pages' results stand one after the other."""
        places = [place for page in self.pages for place in page.slots]
        if places == list(range(self.single)):
            return None
        where: dict[int, int] = {}
        offset = 0
        for page in self.pages:
            where |= {place: offset + slot for slot, place in enumerate(page.slots) if place is not None}
            offset += len(page.slots)
        singles = [where[place] for place in range(self.single)]
        return self.tensor([*singles, *range(offset, offset + self.starts[-1] - self.single)])

    def _reach(self, span: Span, shape: Shape) -> Tensor:
        """Which keys each new token of a span may read: additive, [tokens, keys]."""
        key = (id(span), shape.window)
        if key not in self._memory:
            end = span.row.length + len(span.ids)
            own = torch.arange(span.row.length, end, device=self.device)[:, None]
            distance = own - torch.arange(end, device=self.device)
            hidden = distance < 0 if shape.window is None else (distance < 0) | (distance >= shape.window)
            self._memory[key] = torch.zeros(hidden.shape, device=self.device).masked_fill(hidden, NEVER)
        return self._memory[key]


class _Singles:
    """The rows of one page that add one token each."""

    def __init__(self, page: Page, step: Step) -> None:
        self._page, self._step = page, step
        self.slots: list[int | None] = []  # for every slot that is read, the place of its token
        self._rows: dict[int, tuple[Row, int]] = {}
        self._masks: dict[int | None, Tensor | None] = {}

    def add(self, row: Row, place: int) -> None:
        """Another row, whose token stands at a place."""
        self._rows[row.slot] = (row, place)
        missing = row.slot + 1 - len(self.slots)
        self.slots += [None] * missing
        self.slots[row.slot] = place

    def layer(self, layer: int, like: Tensor) -> Tensor:
        """The page's tensor for a layer, for keys like `like` [tokens, heads, size]."""
        return self._page.layer(layer, like)

    @property
    def extent(self) -> tuple[int, int]:
        """How many slots the page has, and for how many tokens each."""
        return self._page.slots, self._page.capacity

    @cached_property
    def targets(self) -> Any:
        """Of every token: its place, its row's slot and length, as an array of C."""
        found = [(place, slot, row.length) for slot, (row, place) in self._rows.items()]
        return (c_int * (3 * len(found)))(*chain.from_iterable(found))

    @cached_property
    def _length(self) -> int:
        return max(row.length for row, _ in self._rows.values()) + 1

    @cached_property
    def _places(self) -> Tensor | None:
        """The token of each slot, any for a slot without one; None where both are in one order."""
        if self.slots == list(range(self._step.single)) and self._step.starts[-1] == len(self.slots):
            return None
        any_ = next(iter(self._rows.values()))[1]
        return self._step.tensor([any_ if place is None else place for place in self.slots])

    @cached_property
    def _owned(self) -> Tensor:
        return self._step.tensor([place for _, place in self._rows.values()])

    def attend(self, layer: int, query: Tensor, pair: Tensor, shape: Shape) -> Tensor:
        """As `Step.attend`, for the slots that are read: [slots, heads, size]."""
        tensor = self._page.layer(layer, pair[:, 0])
        own = pair if self._places is None else pair.index_select(0, self._owned)
        heads, size = pair.shape[2], pair.shape[3]
        tensor.view(-1, size)[self._targets(heads)] = own.reshape(-1, size)
        query = query if self._places is None else query.index_select(0, self._places)
        count = len(self.slots)
        keys = tensor[0].flatten(0, 1)[: count * heads, : self._length]
        values = tensor[1].flatten(0, 1)[: count * heads, : self._length]
        grouped = query.reshape(count * heads, -1, size)
        return weighted(grouped, keys, values, self._mask(shape.window, heads), shape).view(count, -1, size)

    def _targets(self, heads: int) -> Tensor:
        """Where the new keys and values go, in a layer's tensor seen as [.., head size]."""
        found = self._step._memory.get((id(self), heads))
        if found is None:
            page = self._page
            found = self._step.tensor(
                [
                    ((half * page.slots + slot) * heads + head) * page.capacity + row.length
                    for slot, (row, _) in self._rows.items()
                    for half in (0, 1)
                    for head in range(heads)
                ]
            )
            self._step._memory[id(self), heads] = found
        return found

    def _mask(self, window: int | None, heads: int) -> Tensor | None:
        """What each slot may not read, additive, [slots * heads, 1, keys]; None where all may be read."""
        if window not in self._masks:
            own = [self._rows[slot][0].length if slot in self._rows else 0 for slot in range(len(self.slots))]
            distance = self._step.tensor(own)[:, None] - torch.arange(self._length, device=self._step.device)
            hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
            mask = torch.zeros(hidden.shape, device=hidden.device).masked_fill(hidden, NEVER)
            alike = len(set(own)) == 1 and (window is None or self._length <= window)
            self._masks[window] = None if alike else mask.repeat_interleave(heads, 0)[:, None]
        return self._masks[window]


def _attend_span(span: Span, layer: int, query: Tensor, pair: Tensor, mask: Tensor, shape: Shape) -> Tensor:
    """As `Step.attend`, for one span: [tokens, heads, size]."""
    row, (count, _, heads, size) = span.row, pair.shape
    tensor = row.page.layer(layer, pair[:, 0])
    end = row.length + count
    tensor[:, row.slot, :, row.length : end] = pair.permute(1, 2, 0, 3)
    keys, values = tensor[:, row.slot, :, :end]
    grouped = query.view(count, heads, -1, size).permute(1, 2, 0, 3)  # [kv heads, group, tokens, size]
    group = grouped.shape[1]
    found = weighted(grouped.reshape(heads, group * count, size), keys, values, mask.repeat(group, 1), shape)
    return found.view(heads, group, count, size).permute(2, 0, 1, 3).reshape(count, heads * group, size)
