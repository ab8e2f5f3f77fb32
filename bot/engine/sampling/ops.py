"""Sampling of the next token from logits: pure functions, in which no row's token depends on other rows.

A row's tokens have one order: most likely first, of equals the lowest id first. Top-k, top-p and min-p keep a
prefix of that order, and a uniform number points into the kept probability mass, summed in that order. So the
result does not depend on how much of the vocabulary was sorted, and a few dozen tokens are mostly enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from bot.persona.persona import Sampling

NEG_INF = float("-inf")
GREEDY = 1e-5  # a lower temperature is zero, as in vLLM: dividing by it would leave no finite number
_CHUNK = 32  # scores are padded to a multiple of it, and searched in chunks
_FIRST, SECOND_COUNT = 64, 1024  # the likeliest tokens that are sorted at first, and then; at last all are
_NO_TOP_K = 1 << 62
INVALID, UNSETTLED = -1, -2  # in the place of token ids, so that one transfer to the host is enough


@dataclass(frozen=True, slots=True)
class SamplingColumns:
    """The sampling settings of all rows as tensors [rows, 1], and facts about them on the host.

    A greedy row has temperature 1 and top-k 1. temperature and penalty are float32, top_p and min_p float64,
    top_k int64.
    """

    temperature: Tensor
    top_p: Tensor
    top_k: Tensor
    min_p: Tensor
    penalty: Tensor
    greedy: bool  # all rows are
    needs_full_mass: bool  # a row needs the probability mass of the whole vocabulary
    first_count: int  # the likeliest tokens that are sorted at first

    @classmethod
    def from_samplings(
        cls, samplings: Sequence[Sampling], vocabulary: int, device: torch.device | str = "cpu"
    ) -> "SamplingColumns":
        """Return the settings of rows, in order."""

        def column(values: Sequence[float], dtype: torch.dtype) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)[:, None]

        values = [column_values(sampling, vocabulary) for sampling in samplings]
        temperature, top_p, top_k, min_p, penalty = zip(*values, strict=True)
        counts = [k for k in map(int, top_k) if k <= SECOND_COUNT - _FIRST]
        return cls(
            temperature=column(temperature, torch.float32),
            top_p=column(top_p, torch.float64),
            top_k=column([int(k) for k in top_k], torch.int64),
            min_p=column(min_p, torch.float64),
            penalty=column(penalty, torch.float32),
            greedy=all(sampling.temperature < GREEDY for sampling in samplings),
            needs_full_mass=_NO_TOP_K in top_k,
            first_count=_FIRST + max(counts, default=0),
        )

    def select(self, rows: Sequence[int]) -> "SamplingColumns":
        """Return the settings of these rows."""
        names = [field.name for field in fields(self) if isinstance(getattr(self, field.name), Tensor)]
        return replace(self, **{name: getattr(self, name)[list(rows)] for name in names})


def column_values(sampling: Sampling, vocabulary: int) -> tuple[float, float, float, float, float]:
    """Return temperature, top-p, top-k, min-p and penalty of a row of `SamplingColumns`."""
    greedy = sampling.temperature < GREEDY
    top_k = 1 if greedy else sampling.top_k if 0 < sampling.top_k < vocabulary else _NO_TOP_K
    temperature = 1.0 if greedy else sampling.temperature
    return temperature, sampling.top_p, top_k, sampling.min_p, sampling.repetition_penalty


def padded_size(vocabulary: int) -> int:
    """Return the count of scores of a row, with their padding."""
    return -(-vocabulary // _CHUNK) * _CHUNK


def score_buffer(rows: int, vocabulary: int, device: torch.device | str) -> Tensor:
    """Return a buffer for scores [rows, padded vocabulary], float32, with -inf in the padding."""
    scores = torch.empty((rows, padded_size(vocabulary)), dtype=torch.float32, device=device)
    scores[:, vocabulary:] = NEG_INF
    return scores


def scale_logits(logits: Tensor, temperature: Tensor, scores: Tensor | None = None) -> Tensor:
    """Return scores [rows, padded vocabulary], which may be changed: logits [rows, vocabulary] / temperature.

    `scores`: a `score_buffer` of an earlier step, for as many rows at least. The system clears fresh memory
    first, which takes as long as all the rest.
    """
    rows, vocabulary = logits.shape
    scores = score_buffer(rows, vocabulary, logits.device) if scores is None else scores[:rows]
    # one division would be several times slower where the logits have 16 bits: it casts them number by number
    scores[:, :vocabulary].copy_(logits).div_(temperature)
    return scores


def penalise_repetition(scores: Tensor, seen_ids: Tensor, penalty: Tensor) -> None:
    """Make tokens that were seen before less likely, in place, as in arXiv 1909.05858.

    seen_ids [rows, any], int64; an id that a row holds twice counts once. penalty [rows, 1].
    """
    before = scores.gather(1, seen_ids)
    scores.scatter_(1, seen_ids, torch.where(before < 0, before * penalty, before / penalty))


def add_bias(scores: Tensor, ids: Tensor, biases: Tensor, temperature: Tensor) -> None:
    """Add biases [rows, any], float32, to the logits of ids [rows, any], int64, in place.

    scores [rows, any] from `scale_logits` with temperature [rows, 1]. A bias of 0 changes no score, so that
    rows may be filled up with any ids.
    """
    scores.scatter_add_(1, ids, biases / temperature)


def answer_penalty(counts: Tensor, presence: Tensor, frequency: Tensor, temperature: Tensor) -> Tensor:
    """Return what OpenAI's penalties of presence and frequency [rows, 1] take from scores [rows, any].

    counts [rows, any], float32: how often the answer holds each token. What it does not hold loses 0.
    """
    return (counts * frequency + (counts > 0) * presence) / temperature


def sample_tokens(scores: Tensor, columns: SamplingColumns, numbers: Tensor) -> list[int | None]:
    """Sample one token for each row; None for a row whose scores hold no usable number.

    scores [rows, padded vocabulary] from `scale_logits`; numbers [rows, 1] are uniform in [0, 1), float64.
    One transfer brings the tokens to the host; another is made only for rows whose choice is very wide.
    """
    if columns.greedy:
        tokens: list[int] = _likeliest(scores).tolist()
    else:
        tokens = draw_tokens(scores, columns, numbers, columns.first_count).tolist()
    for count in (SECOND_COUNT, scores.shape[-1]):
        if unsettled := [row for row, token in enumerate(tokens) if token == UNSETTLED]:
            settings = columns.select(unsettled)
            again = draw_tokens(scores[unsettled], settings, numbers[unsettled], count).tolist()
            for row, token in zip(unsettled, again, strict=True):
                tokens[row] = token
    return [None if token == INVALID else token for token in tokens]


def _likeliest(scores: Tensor) -> Tensor:
    """The likeliest token [rows], of equals the lowest id; searching chunks first is faster than argmax."""
    chunks = scores.view(len(scores), -1, _CHUNK)
    best, chunk = chunks.amax(-1).max(-1, keepdim=True)
    inside = chunks.gather(1, chunk[:, :, None].expand(-1, -1, _CHUNK))[:, 0].argmax(-1, keepdim=True)
    return torch.where(best.isfinite(), chunk * _CHUNK + inside, INVALID)[:, 0]


def draw_tokens(scores: Tensor, columns: SamplingColumns, numbers: Tensor, count: int) -> Tensor:
    """The token [rows] that each number points at, or UNSETTLED where `count` tokens do not settle it."""
    best, ids = _sorted_top(scores, count)
    weights = (best - best[:, :1]).double().exp()  # relative to the likeliest, whose weight is 1
    mass = weights.cumsum(-1)
    full = mass[:, -1:]
    if columns.needs_full_mass:
        full = 1 / scores.softmax(-1).gather(1, ids[:, :1]).double()
    limited = columns.top_k < _NO_TOP_K
    total = torch.where(limited, mass.gather(1, columns.top_k.clamp(max=best.shape[-1]) - 1), full)
    kept = _kept_count(weights, mass, total, columns)
    # Where no setting rules a token out, the kept ones hold all mass, sorted here or not.
    unfiltered = ~limited & (columns.top_p >= 1) & (columns.min_p <= 0)
    target = numbers * torch.where(unfiltered, total, mass.gather(1, kept - 1))
    place = torch.searchsorted(mass, target, right=True).minimum(kept - 1)
    token = ids.gather(1, place)
    if best.shape[-1] < scores.shape[-1]:
        # Tokens that were not sorted are at most as likely as the last sorted one.
        beyond = best.gather(1, torch.where(unfiltered, place, kept - 1)) <= best[:, -1:]
        beyond |= limited & (columns.top_k > best.shape[-1])
        token = token.masked_fill(beyond, UNSETTLED)
    return token.masked_fill(~best[:, :1].isfinite(), INVALID)[:, 0]  # a single NaN sorts first


def _kept_count(weights: Tensor, mass: Tensor, total: Tensor, columns: SamplingColumns) -> Tensor:
    """The count of tokens [rows, 1], at least one, that top-k, top-p and min-p keep."""
    place = torch.arange(weights.shape[-1], device=weights.device)
    fits = (place < columns.top_k) & (weights >= columns.min_p) & (weights > 0)
    # Top-p keeps a token if the likelier ones together have less mass.
    fits &= (mass - weights < columns.top_p * total) | (columns.top_p >= 1)
    return fits.sum(-1, keepdim=True).clamp(min=1)


def _sorted_top(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` greatest scores [rows, count] in order, and their ids; of the last's equals, any."""
    if count >= scores.shape[-1]:
        ordered = scores.sort(dim=-1, descending=True, stable=True)
        return ordered.values, ordered.indices
    best, ids = _top_k(scores, count)
    ids, order = ids.sort(dim=-1)
    best, order = best.gather(1, order).sort(dim=-1, descending=True, stable=True)
    return best, ids.gather(1, order)


def _top_k(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As `topk`: the `count` greatest scores are within the `count` chunks of the greatest maxima."""
    chunks = scores.view(len(scores), _CHUNK, -1)  # a chunk is a column: maxima over rows are fast
    if 2 * count > chunks.shape[-1]:
        plain = scores.topk(count, sorted=False)
        return plain.values, plain.indices
    best = chunks.amax(1).topk(count, sorted=False).indices
    found = chunks.gather(2, best[:, None].expand(-1, _CHUNK, -1)).flatten(1).topk(count, sorted=False)
    column = best.gather(1, found.indices % count)
    return found.values, found.indices // count * chunks.shape[-1] + column
