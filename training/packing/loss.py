"""The loss of what is learned: logits are made only there, and never for many tokens at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from training.packing.attention import AnswerPass, PromptPass
from training.packing.layout import PackedBatch

CHUNK_BYTES = 64 << 20  # of logits in float32 that are there at once


class Trunk(nn.Module):
    """A causal language model without its head."""

    def __init__(self, model: Any, deep: bool = False) -> None:
        """`deep`: what is read before an answer is learned from as well, not the answer alone."""
        super().__init__()
        self.inner, self._deep = getattr(model, model.base_model_prefix), deep

    def forward(self, packed: PackedBatch) -> Tensor:
        """The hidden states [labels, size] from which the labels are foretold."""
        reading = packed.reading
        if self._deep:
            return self._run(packed.ids, packed.positions, reading)[packed.before]
        training = self.training
        self.inner.eval()  # what is only read needs no chance
        with torch.no_grad():
            self._run(packed.ids, packed.positions, reading)
        self.inner.train(training)
        ids, positions = packed.ids[packed.before], packed.positions[packed.before]
        return self._run(ids, positions, packed.answering(reading))

    def _run(self, ids: Tensor, positions: Tensor, layout: PromptPass | AnswerPass) -> Tensor:
        found = self.inner(input_ids=ids[None], position_ids=positions[None], use_cache=False, layout=layout)
        hidden: Tensor = found.last_hidden_state[0]
        return hidden


class LossHead:
    """What of a causal language model makes logits of hidden states, with all that it does to them."""

    def __init__(self, model: Any) -> None:
        self._model, self._given = model, _Given()
        self.rows = max(16, CHUNK_BYTES // (4 * model.get_output_embeddings().weight.shape[0]))

    def loss(self, hidden: Tensor, packed: PackedBatch) -> Tensor:
        """The weighted sum [] of the labels' negative log-likelihoods (nats); hidden is [labels, size]."""
        loss: Tensor = _Loss.apply(hidden, packed, self)  # type: ignore[no-untyped-call]
        return loss

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [labels, vocabulary] in float32 of hidden states [labels, size]."""
        self._given.hidden = hidden[None]
        with self._instead():
            logits: Tensor = self._model(input_ids=None, use_cache=False).logits[0]
        self._given.hidden = None
        return logits.float()

    @contextmanager
    def _instead(self) -> Iterator[None]:
        """Let the model's forward pass find its hidden states given."""
        modules, name = self._model._modules, self._model.base_model_prefix
        trunk, modules[name] = modules[name], self._given
        try:
            yield
        finally:
            modules[name] = trunk


class _Given(nn.Module):
    hidden: Tensor | None = None

    def forward(self, *_: Any, **__: Any) -> BaseModelOutputWithPastAndCrossAttentions:
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=self.hidden)


class _Loss(torch.autograd.Function):
    """Loss and gradient chunk by chunk, so that the logits of one chunk are all that is ever kept.

    The head is frozen: its hidden states are all that needs a gradient.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, packed: PackedBatch, head: LossHead) -> Tensor:
        total, gradients = hidden.new_zeros((), dtype=torch.float32), list[Tensor]()
        for start in range(0, len(hidden), head.rows):
            part = slice(start, start + head.rows)
            chunk = hidden[part].detach().requires_grad_(ctx.needs_input_grad[0])
            with torch.set_grad_enabled(ctx.needs_input_grad[0]):
                found = cross_entropy(head.logits(chunk), packed.targets[part], reduction="none")
                loss = (found * packed.weights[part]).sum()
            if ctx.needs_input_grad[0]:
                gradients += torch.autograd.grad(loss, chunk)
            total += loss.detach()
        ctx.save_for_backward(torch.cat(gradients) if gradients else torch.zeros_like(hidden))
        return total

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * above[0].to(gradient.dtype), None, None
