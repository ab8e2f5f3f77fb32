"""How the next token is drawn from each row's logits: pure, over all rows at once."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bot.engine.engine import Request
from bot.persona.persona import Sampling

NEVER = float("-inf")
_LIKELIEST = 256  # top-p looks at this many tokens before it sorts the whole vocabulary


@dataclass(frozen=True, slots=True)
class Columns:
    """The settings of every row as tensors of shape [rows, 1]."""

    temperature: Tensor
    top_p: Tensor
    top_k: Tensor
    min_p: Tensor
    penalty: Tensor

    @classmethod
    def of(cls, samplings: Sequence[Sampling], device: torch.device | str = "cpu") -> "Columns":
        def column(name: str, dtype: torch.dtype = torch.float32) -> Tensor:
            values = [getattr(sampling, name) for sampling in samplings]
            return torch.tensor(values, dtype=dtype, device=device)[:, None]

        return cls(
            column("temperature"),
            column("top_p"),
            column("top_k", torch.int64),
            column("min_p"),
            column("repetition_penalty"),
        )

    def at(self, places: Sequence[int]) -> "Columns":
        """Some of the rows."""
        kept = list(places)
        return Columns(
            self.temperature[kept], self.top_p[kept], self.top_k[kept], self.min_p[kept], self.penalty[kept]
        )


class Sampler:
    """Draws for the rows of one request, each with dice of its own, and remembers what every row has seen."""

    @torch.inference_mode()
    def __init__(
        self, request: Request, end: Collection[int], vocabulary: int, device: torch.device | str
    ) -> None:
        seed = request.seed if request.seed is not None else secrets.randbits(62)
        self._columns = Columns.of([request.sampling] * request.n, device)
        self._dice = [
            torch.Generator().manual_seed((seed * 1_000_003 + row) % (1 << 63)) for row in range(request.n)
        ]
        self._seen = torch.zeros((request.n, vocabulary), dtype=torch.bool, device=device)
        self._seen[:, list(request.ids)] = True
        self._ends = [token for token in end if token < vocabulary]
        self._least = request.sampling.min_tokens
        self._drawn = 0

    @torch.inference_mode()
    def draw(self, logits: Tensor) -> list[int | None]:
        """The next token of each row, from logits [rows, vocabulary]; None where no number is usable."""
        forbidden = None
        if self._drawn < self._least:
            forbidden = torch.zeros_like(self._seen)
            forbidden[:, self._ends] = True
        dice = torch.stack([torch.rand((), generator=dice) for dice in self._dice])
        tokens = draw(logits, self._columns, self._seen, forbidden, dice.to(logits.device))
        for row, token in enumerate(tokens):
            self._seen[row, token or 0] |= token is not None
        self._drawn += 1
        return tokens

    @torch.inference_mode()
    def keep(self, places: Sequence[int]) -> None:
        """Go on with some of the rows."""
        self._seen = self._seen[list(places)]
        self._dice = [self._dice[place] for place in places]
        self._columns = self._columns.at(places)


def draw(
    logits: Tensor, columns: Columns, seen: Tensor, forbidden: Tensor | None, dice: Tensor
) -> list[int | None]:
    """Draw one token for each row; None for a row whose logits hold no usable number.

    logits [rows, vocabulary]; `seen` and `forbidden` are masks of that shape: the tokens of prompt and
    answer, and those that must not come yet; `dice` [rows] are uniform numbers in [0, 1).
    """
    scores = penalise(logits.float(), columns.penalty, seen)
    if forbidden is not None:
        scores = scores.masked_fill(forbidden, NEVER)
    usable = scores.amax(-1).isfinite()  # a single NaN makes the maximum NaN
    tokens = scores.argmax(-1)
    if (columns.temperature > 0).any():
        greedy = columns.temperature <= 0
        drawn = pick(keep(scores / columns.temperature.masked_fill(greedy, 1.0), columns), dice)
        tokens = torch.where(greedy[:, 0], tokens, drawn)
    return [token if fine else None for token, fine in zip(tokens.tolist(), usable.tolist(), strict=True)]


def penalise(scores: Tensor, penalty: Tensor, seen: Tensor) -> Tensor:
    """Make tokens that were there before less likely, as in arXiv 1909.05858."""
    if bool((penalty == 1).all()):
        return scores
    return torch.where(seen, torch.where(scores < 0, scores * penalty, scores / penalty), scores)


def keep(scores: Tensor, columns: Columns) -> Tensor:
    """The scores with every token at minus infinity that top-k, top-p or min-p (in this order) rules out."""
    scores = _top_k(scores, columns.top_k)
    floor = scores.amax(-1, keepdim=True) + columns.min_p.log()
    return _top_p(scores, columns.top_p, floor).masked_fill(scores < floor, NEVER)


def pick(scores: Tensor, dice: Tensor) -> Tensor:
    """The token of each row whose share of the probability holds that row's number in [0, 1)."""
    mass = scores.softmax(-1, dtype=torch.float64).cumsum(-1)
    target = dice.to(mass)[:, None] * mass[:, -1:]
    return torch.searchsorted(mass, target, right=True)[:, 0].clamp(max=scores.shape[-1] - 1)


def _top_k(scores: Tensor, top_k: Tensor) -> Tensor:
    size = scores.shape[-1]
    wanted = torch.where(top_k > 0, top_k, size).clamp(max=size)
    most = int(wanted.amin())
    if most == size:
        return scores
    limited = torch.where(wanted < size, wanted, 1)
    best = scores.topk(int(limited.amax()), dim=-1).values
    least = best.gather(-1, limited - 1).masked_fill(wanted == size, NEVER)
    return scores.masked_fill(scores < least, NEVER)


def _top_p(scores: Tensor, top_p: Tensor, floor: Tensor) -> Tensor:
    """Keep a token if the likelier ones together have less than top_p; what is under the floor goes too."""
    if bool((top_p >= 1).all()):
        return scores
    total = scores.logsumexp(-1, keepdim=True)
    for count in (min(_LIKELIEST, scores.shape[-1]), scores.shape[-1]):
        best = scores.topk(count, dim=-1).values
        mass = (best - total).exp().cumsum(-1)
        settled = (mass[:, -1:] >= top_p) | (best[:, -1:] < floor)
        if bool(settled.all()):
            break
    kept = ((mass - (best - total).exp()) < top_p).sum(-1, keepdim=True).clamp(min=1)
    least = best.gather(-1, kept - 1).masked_fill(top_p >= 1, NEVER)
    return scores.masked_fill(scores < least, NEVER)
