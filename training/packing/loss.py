"""Loss of packed examples: logits are computed at labels alone, and a chunk of them at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from training.packing.attention import AnswerPass, PromptPass
from training.packing.layout import PackedBatch

CHUNK_BYTES = 64 << 20  # of float32 logits in memory at a time


class Backbone(nn.Module):
    """A causal language model without its head."""

    def __init__(self, model: Any, full_backprop: bool = False) -> None:
        """Take the backbone of a model.

        `full_backprop` sends gradients through all tokens of an example, not through its answers alone.
        """
        super().__init__()
        self.inner, self._full_backprop = getattr(model, model.base_model_prefix), full_backprop

    def forward(self, packed: PackedBatch) -> Tensor:
        """Return the hidden states [labels, size] that predict the labels."""
        prompt = packed.prompt_pass()
        if self._full_backprop:
            return self._run(packed.ids, packed.positions, prompt)[packed.logits_indices]
        training = self.training
        self.inner.eval()  # no dropout in the pass without gradients
        with torch.no_grad():
            self._run(packed.ids, packed.positions, prompt)
        self.inner.train(training)
        ids, positions = packed.ids[packed.logits_indices], packed.positions[packed.logits_indices]
        return self._run(ids, positions, packed.answer_pass(prompt))

    def _run(self, ids: Tensor, positions: Tensor, layout: PromptPass | AnswerPass) -> Tensor:
        """Return the hidden states [tokens, size] of ids [tokens] at positions [tokens]."""
        output = self.inner(input_ids=ids[None], position_ids=positions[None], use_cache=False, layout=layout)
        hidden: Tensor = output.last_hidden_state[0]
        return hidden


class LossHead:
    """The head of a causal language model, with all that the model does to logits (scale, softcap)."""

    def __init__(self, model: Any) -> None:
        self._model, self._stand_in = model, _GivenHiddenStates()
        self.chunk_rows = chunk_rows(model.get_output_embeddings().weight.shape[0])

    def loss(self, hidden: Tensor, packed: PackedBatch) -> Tensor:
        """Return the weighted sum [] of the labels' negative log-likelihoods (nats).

        `hidden` is [labels, size].
        """
        loss: Tensor = _ChunkedLoss.apply(hidden, packed, self)  # type: ignore[no-untyped-call]
        return loss

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits [labels, vocabulary] in float32 of hidden states [labels, size]."""
        self._stand_in.hidden = hidden[None]
        with self._backbone_replaced():
            logits: Tensor = self._model(input_ids=None, use_cache=False).logits[0]
        self._stand_in.hidden = None
        return logits.float()

    @contextmanager
    def _backbone_replaced(self) -> Iterator[None]:
        """Let the model's forward pass take the given hidden states for those of its backbone."""
        modules, name = self._model._modules, self._model.base_model_prefix
        backbone, modules[name] = modules[name], self._stand_in
        try:
            yield
        finally:
            modules[name] = backbone


def chunk_rows(vocabulary: int) -> int:
    """Return the number of labels whose logits are in memory at a time."""
    return max(16, CHUNK_BYTES // (4 * vocabulary))


class _GivenHiddenStates(nn.Module):
    hidden: Tensor | None = None

    def forward(self, *_: Any, **__: Any) -> BaseModelOutputWithPastAndCrossAttentions:
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=self.hidden)


class _ChunkedLoss(torch.autograd.Function):
    """Loss and gradient chunk by chunk, so that the logits of one chunk alone are in memory.

    The head is frozen: the hidden states alone need a gradient.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, packed: PackedBatch, head: LossHead) -> Tensor:
        total, gradients = hidden.new_zeros((), dtype=torch.float32), list[Tensor]()
        for start in range(0, len(hidden), head.chunk_rows):
            part = slice(start, start + head.chunk_rows)
            chunk = hidden[part].detach().requires_grad_(ctx.needs_input_grad[0])
            with torch.set_grad_enabled(ctx.needs_input_grad[0]):
                losses = cross_entropy(head.logits(chunk), packed.targets[part], reduction="none")
                loss = (losses * packed.weights[part]).sum()
            if ctx.needs_input_grad[0]:
                gradients += torch.autograd.grad(loss, chunk)
            total += loss.detach()
        ctx.save_for_backward(torch.cat(gradients) if gradients else torch.zeros_like(hidden))
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0].to(gradient.dtype), None, None
