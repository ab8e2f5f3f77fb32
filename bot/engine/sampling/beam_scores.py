"""Log probabilities of beams after biases and penalties, and the best continuations of all beams together."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isnan

import torch
from torch import Tensor

from bot.engine.interface import Request
from bot.engine.runtime.transfer import upload
from bot.engine.sampling.beam_search import Continuation, continuation_count
from bot.engine.sampling.ops import NEG_INF, answer_penalty


@dataclass(frozen=True, slots=True)
class Beam:
    """A running beam: its tokens, the sum of their log probabilities, its next token where one is given."""

    tokens: Sequence[int]
    score: float
    forced: int | None = None


class BeamScores:
    """Scores the continuations of one request's beams, of which all have equally many tokens.

    The log probabilities come before biases and penalties, and are not normalised again, as in transformers.
    """

    def __init__(self, request: Request, stop_ids: Collection[int]) -> None:
        self._request, self._end_ids = request, sorted(stop_ids)
        self._prompt_ids = sorted(set(request.ids).difference(request.spared, stop_ids))
        self._prompt_factors: Tensor | None = None  # [vocabulary], of the repetition penalty

    @torch.inference_mode()
    def continuations(self, logits: Tensor, beams: Sequence[Beam]) -> list[Continuation] | None:
        """Return the best continuations of all beams together, best first; None where logits are no numbers.

        logits [beams, vocabulary] are behind the beams, in their order.
        """
        logprobs, vocabulary = logits.float().log_softmax(-1), logits.shape[-1]
        end_ids = [token for token in self._end_ids if token < vocabulary]
        self._adjust(logprobs, [beam.tokens for beam in beams], end_ids)
        _keep_forced(logprobs, beams)
        totals = logprobs + upload([beam.score for beam in beams], logits.device, torch.float32)[:, None]
        count = continuation_count(self._request.beams, len(end_ids))
        best = totals.flatten().topk(min(count, totals.numel()))
        scores, places = best.values.tolist(), best.indices.tolist()
        if any(map(isnan, scores)):
            return None
        return [
            Continuation(place // vocabulary, place % vocabulary, score)
            for score, place in zip(scores, places, strict=True)
            if score > NEG_INF
        ]

    def _adjust(self, logprobs: Tensor, tokens: Sequence[Sequence[int]], end_ids: Sequence[int]) -> None:
        """Add biases and penalties to log probabilities [beams, vocabulary], in place, as a sampler does."""
        sampling, device = self._request.sampling, logprobs.device
        if self._request.logit_bias:
            ids = upload(list(self._request.logit_bias), device)
            logprobs[:, ids] += upload(list(self._request.logit_bias.values()), device, torch.float32)
        self._penalise_repetition(logprobs, tokens)
        if tokens[0] and (sampling.presence_penalty or sampling.frequency_penalty):
            counts = upload([self._first_counts(each) for each in tokens], device, torch.float32)
            penalties = sampling.presence_penalty, sampling.frequency_penalty, 1.0
            lost = answer_penalty(counts, *upload(penalties, device, torch.float32))
            logprobs.scatter_add_(1, upload(tokens, device), -lost)
        if end_ids and len(tokens[0]) < sampling.min_tokens:
            logprobs[:, upload(end_ids, device)] = NEG_INF

    def _penalise_repetition(self, logprobs: Tensor, tokens: Sequence[Sequence[int]]) -> None:
        penalty, device = self._request.sampling.repetition_penalty, logprobs.device
        if penalty == 1:
            return
        if self._prompt_factors is None:
            self._prompt_factors = torch.ones(logprobs.shape[-1], device=device)
            self._prompt_factors[upload(self._prompt_ids, device)] = penalty
        factors = self._prompt_factors.repeat(len(tokens), 1)
        if tokens[0]:
            own = [[1.0 if token in self._request.spared else penalty for token in each] for each in tokens]
            factors.scatter_(1, upload(tokens, device), upload(own, device, torch.float32))
        logprobs.copy_(torch.where(logprobs < 0, logprobs * factors, logprobs / factors))

    def _first_counts(self, tokens: Sequence[int]) -> list[int]:
        """Return how often each token is there, at its first place; 0 at others, and for spared ones."""
        counts = Counter(tokens)
        return [0 if token in self._request.spared else counts.pop(token, 0) for token in tokens]


def _keep_forced(logprobs: Tensor, beams: Sequence[Beam]) -> None:
    """Leave each beam whose next token is given no other one, in place."""
    for row, beam in enumerate(beams):
        if beam.forced is not None:
            kept = logprobs[row, beam.forced].clone()
            logprobs[row] = NEG_INF
            logprobs[row, beam.forced] = kept
