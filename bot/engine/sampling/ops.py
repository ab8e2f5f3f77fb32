"""How the next token is drawn from each row's logits: pure, and no row's token depends on its neighbours.

A row's tokens stand in one order: the likeliest first, of equals the lowest id first. The knobs keep a
beginning of that order, and the dice point into the kept probability, added up in that order. So it does not
matter how much of the vocabulary was sorted to find the token, and mostly a few dozen tokens are enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from bot.persona.persona import Sampling

NEG_INF = float("-inf")
GREEDY = 1e-5  # a lower temperature is zero, as in vLLM: dividing by it would leave no finite number
_CHUNK = 32  # scores are padded to a multiple of it, and looked through in so many parts
_FEW, _MANY = 64, 1024  # how many of the likeliest are sorted at first, and at second; at last it is all
_EVERY = 1 << 62  # stands for no top-k
_UNUSABLE, _UNSETTLED = -1, -2  # stand where a token would, so that one transfer brings everything


@dataclass(frozen=True, slots=True)
class SamplingColumns:
    """The settings of every row as tensors [rows, 1], and what the host must know of them to choose a road.

    A greedy row has temperature 1 and top-k 1.
    """

    temperature: Tensor
    top_p: Tensor
    top_k: Tensor
    min_p: Tensor
    penalty: Tensor
    greedy: bool  # every row
    needs_full_mass: bool  # a row needs the probability of the whole vocabulary
    first_count: int  # how many of the likeliest tokens settle most rows

    @classmethod
    def from_samplings(
        cls, samplings: Sequence[Sampling], vocabulary: int, device: torch.device | str = "cpu"
    ) -> "SamplingColumns":
        def column(values: list[float] | list[int], dtype: torch.dtype) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)[:, None]

        greedy = [sampling.temperature < GREEDY for sampling in samplings]
        pairs = list(zip(samplings, greedy, strict=True))
        top_k = [1 if cold else s.top_k if 0 < s.top_k < vocabulary else _EVERY for s, cold in pairs]
        return cls(
            temperature=column([1.0 if cold else s.temperature for s, cold in pairs], torch.float32),
            top_p=column([s.top_p for s in samplings], torch.float64),
            top_k=column(top_k, torch.int64),
            min_p=column([s.min_p for s in samplings], torch.float64),
            penalty=column([s.repetition_penalty for s in samplings], torch.float32),
            greedy=all(greedy),
            needs_full_mass=_EVERY in top_k,
            first_count=_FEW + max((k for k in top_k if k <= _MANY - _FEW), default=0),
        )

    def select(self, rows: Sequence[int]) -> "SamplingColumns":
        """Some of the rows."""
        names = [field.name for field in fields(self) if isinstance(getattr(self, field.name), Tensor)]
        return replace(self, **{name: getattr(self, name)[list(rows)] for name in names})


def score_buffer(rows: int, vocabulary: int, device: torch.device | str) -> Tensor:
    """Where scores of so many rows can be written: [rows, padded vocabulary], float32."""
    scores = torch.empty((rows, -(-vocabulary // _CHUNK) * _CHUNK), dtype=torch.float32, device=device)
    scores[:, vocabulary:] = NEG_INF
    return scores


def scale_logits(logits: Tensor, temperature: Tensor, scores: Tensor | None = None) -> Tensor:
    """Scores [rows, padded vocabulary] that may be written to, from logits [rows, vocabulary].

    `scores`: a `room` of an earlier step, for as many rows at least. The system clears fresh memory first,
    which takes as long as all the rest.
    """
    rows, vocabulary = logits.shape
    scores = score_buffer(rows, vocabulary, logits.device) if scores is None else scores[:rows]
    # one division would be several times slower where the logits have 16 bits: it casts them number by number
    scores[:, :vocabulary].copy_(logits).div_(temperature)
    return scores


def penalise_repetition(scores: Tensor, seen: Tensor, penalty: Tensor) -> None:
    """Make ids that were there before less likely, as in arXiv 1909.05858, in place.

    `seen` [rows, any number] holds ids; one that stands there twice counts once.
    """
    before = scores.gather(1, seen)
    scores.scatter_(1, seen, torch.where(before < 0, before * penalty, before / penalty))


def sample_tokens(scores: Tensor, columns: SamplingColumns, dice: Tensor) -> list[int | None]:
    """Draw one token for each row; None for a row whose scores hold no usable number.

    `scores` [rows, padded vocabulary] from `scale`; `dice` [rows, 1] are uniform numbers in [0, 1), float64.
    One transfer brings the tokens to the host; another is made only for rows whose choice is very wide.
    """
    if columns.greedy:
        drawn: list[int] = _likeliest(scores).tolist()
    else:
        drawn = _pick(scores, columns, dice, columns.first_count).tolist()
    for count in (_MANY, scores.shape[-1]):
        if wide := [row for row, token in enumerate(drawn) if token == _UNSETTLED]:
            again = _pick(scores[wide], columns.select(wide), dice[wide], count).tolist()
            for row, token in zip(wide, again, strict=True):
                drawn[row] = token
    return [None if token == _UNUSABLE else token for token in drawn]


def _likeliest(scores: Tensor) -> Tensor:
    """The likeliest token [rows], of equals the lowest id; looking at chunks first is faster than argmax."""
    chunks = scores.view(len(scores), -1, _CHUNK)
    best, chunk = chunks.amax(-1).max(-1, keepdim=True)
    inside = chunks.gather(1, chunk[:, :, None].expand(-1, -1, _CHUNK))[:, 0].argmax(-1, keepdim=True)
    return torch.where(best.isfinite(), chunk * _CHUNK + inside, _UNUSABLE)[:, 0]


def _pick(scores: Tensor, columns: SamplingColumns, dice: Tensor, count: int) -> Tensor:
    """The token [rows] that the dice point at, as far as the `count` likeliest tokens settle it."""
    best, ids = _leading(scores, count)
    weights = (best - best[:, :1]).double().exp()  # of which the likeliest has 1
    mass = weights.cumsum(-1)
    whole = 1 / scores.softmax(-1).gather(1, ids[:, :1]).double() if columns.needs_full_mass else mass[:, -1:]
    limited = columns.top_k < _EVERY
    total = torch.where(limited, mass.gather(1, columns.top_k.clamp(max=best.shape[-1]) - 1), whole)
    kept = _kept(weights, mass, total, columns)
    # Where no knob rules a token out, the kept ones hold everything, seen here or not.
    unruled = ~limited & (columns.top_p >= 1) & (columns.min_p <= 0)
    target = dice * torch.where(unruled, total, mass.gather(1, kept - 1))
    place = torch.searchsorted(mass, target, right=True).minimum(kept - 1)
    token = ids.gather(1, place)
    if best.shape[-1] < scores.shape[-1]:
        # Tokens that were left out are at most as likely as the last one here.
        beyond = best.gather(1, torch.where(unruled, place, kept - 1)) <= best[:, -1:]
        beyond |= limited & (columns.top_k > best.shape[-1])
        token = token.masked_fill(beyond, _UNSETTLED)
    return token.masked_fill(~best[:, :1].isfinite(), _UNUSABLE)[:, 0]  # a single NaN stands first


def _kept(weights: Tensor, mass: Tensor, total: Tensor, columns: SamplingColumns) -> Tensor:
    """How many tokens [rows, 1], at least one, of those in order remain after top-k, top-p and min-p."""
    place = torch.arange(weights.shape[-1], device=weights.device)
    fits = (place < columns.top_k) & (weights >= columns.min_p) & (weights > 0)
    # Top-p keeps a token if the likelier ones together have less.
    fits &= (mass - weights < columns.top_p * total) | (columns.top_p >= 1)
    return fits.sum(-1, keepdim=True).clamp(min=1)


def _leading(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` greatest scores of each row in order, and their ids; which of the last's equals is open."""
    if count >= scores.shape[-1]:
        ordered = scores.sort(dim=-1, descending=True, stable=True)
        return ordered.values, ordered.indices
    best, ids = _greatest(scores, count)
    ids, order = ids.sort(dim=-1)
    best, order = best.gather(1, order).sort(dim=-1, descending=True, stable=True)
    return best, ids.gather(1, order)


def _greatest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As `topk`; the `count` greatest are within the `count` chunks whose greatest are the greatest."""
    chunks = scores.view(len(scores), _CHUNK, -1)  # a chunk is a column: maxima over rows are fast to take
    if 2 * count > chunks.shape[-1]:
        plain = scores.topk(count, sorted=False)
        return plain.values, plain.indices
    best = chunks.amax(1).topk(count, sorted=False).indices
    found = chunks.gather(2, best[:, None].expand(-1, _CHUNK, -1)).flatten(1).topk(count, sorted=False)
    column = best.gather(1, found.indices % count)
    return found.values, found.indices // count * chunks.shape[-1] + column
