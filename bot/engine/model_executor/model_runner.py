"""The base model patched for batches of any rows: layers replaced once, probed, then run step by step."""

from collections.abc import Callable, Sequence
from ctypes import CDLL
from itertools import chain
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from bot.engine.attention.card_batch import CardBatch
from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.kernels.matmul import Fp16Matmul, SeparateMatmul, linear_size
from bot.engine.kernels.native import Native
from bot.engine.kernels.nf4_matmul import Nf4Matmul
from bot.engine.kernels.quantised_matmul import QuantisedMatmul
from bot.engine.lora.active import ActiveAdapters
from bot.engine.lora.batch_mapping import ForwardContext, adapter_batch_of, last_token_batch_of
from bot.engine.lora.registry import linear_layers
from bot.engine.model_executor import compat, probes, wide_residual
from bot.engine.model_executor.native_layers import NativeModel
from bot.engine.model_executor.patching import replace_layers, replace_linear_layers
from bot.engine.runtime.device_faults import device_fault_of
from bot.errors import UserError

ATTENTION_NAME = "alterego"
# Errors of a model whose layers cannot be patched or do not accept a batch of this engine.
_UNPATCHABLE = (
    TypeError, ValueError, AttributeError, KeyError, IndexError, RuntimeError, NotImplementedError
)  # fmt: skip


class ModelRunner:
    """A causal language model whose forward pass takes sequences of any lengths under different adapters.

    `shapes` are the (out, in) sizes of its linear layers by path, `token_bytes_by_device` the bytes of one
    token's keys and values on each device, `native` the operations in C where they are used.
    """

    @torch.inference_mode()
    def __init__(
        self,
        model: Any,
        name: str,
        context: int,
        library: CDLL | None = None,
        batch_type: type[ForwardBatch] | None = None,
    ) -> None:
        """Patch `model` in place; raises `UserError` when it would answer a batch otherwise than one request.

        `context`: tokens. `library`: operations in C, from `compiler.open_library`, for a model on the CPU.
        `batch_type`: by default that of the model's device.
        """
        self.model, self._name, self._library = model, name, library
        self._batch_type = batch_type or (ForwardBatch if self.device.type == "cpu" else CardBatch)
        self._check_positions(context)
        self.shapes = {path: linear_size(layer) for path, layer in linear_layers(model).items()}
        self._takes_logits_to_keep = compat.takes_logits_to_keep(model)
        self._context = ForwardContext(on_card=issubclass(self._batch_type, CardBatch))
        try:
            error, limit = self._patch()
        except _UNPATCHABLE as problem:
            if device_fault_of(problem) is not None:
                raise  # the device's fault, not the model's
            raise self._refusal(f"its layers refuse it, {type(problem).__name__}") from problem
        if not isfinite(error):
            raise self._overflow()
        if not error < limit:
            raise self._refusal(f"rows in a batch are answered otherwise than alone, by {error:.0%}")

    def _patch(self) -> tuple[float, float]:
        """Replace the layers; return the relative error of a batch against transformers, and its limit."""
        linears, self.native, dtype = replace_linear_layers(self.model, self._context, self._native_of)
        self._linears = tuple(linears)
        self._last_token_linears = [linear for linear in linears if linear.reads_last]
        # Adapters take 16 bits wherever weights do, though `Fp16Matmul` computes in float32.
        half = any(isinstance(linear.kernel, Fp16Matmul | QuantisedMatmul) for linear in linears)
        adapter_dtype = torch.bfloat16 if half else dtype
        self._gathers_adapters = self.device.type == "cpu" and adapter_dtype != torch.float32
        self._may_widen = dtype == torch.float16
        self._is_wide = False
        self.active_adapters = ActiveAdapters(
            linears, torch.zeros(0, dtype=adapter_dtype, device=self.device)
        )
        reference = self._within_range(lambda: probes.single_logits(self.model, self.device))
        replace_layers(self.model, self.native)
        compat.register_attention(ATTENTION_NAME)
        self.model.set_attn_implementation(ATTENTION_NAME)
        self._native_model = NativeModel(self.model, self.native, self._context)
        logits = self._within_range(self._batched_logits)
        rounded = dtype != torch.float32 or any(
            isinstance(linear.kernel, SeparateMatmul | Nf4Matmul | QuantisedMatmul) for linear in linears
        )
        return probes.relative_error(logits, reference), probes.ROUNDED if rounded else probes.EXACT

    def _batched_logits(self) -> list[Tensor]:
        logits, self.token_bytes_by_device = probes.batched_logits(self.forward, self.batch_of)
        return logits

    def _within_range(self, logits_of: Callable[[], list[Tensor]]) -> list[Tensor]:
        """Return logits of the probes, from a widened model where float16 cannot hold what leads to them."""
        logits = logits_of()
        if not self._may_widen or probes.are_finite(logits):
            return logits
        wide_residual.widen(self.model, self._name, self._linears)
        self._may_widen, self._is_wide = False, True
        return logits_of()

    def _native_of(self, dtype: torch.dtype) -> Native | None:
        fits = self.device.type == "cpu" and dtype in (torch.bfloat16, torch.float32)
        return Native(self._library, dtype) if fits and self._library is not None else None

    @property
    def lays_out_for_cards(self) -> bool:
        """True where batches are `CardBatch`es."""
        return self._context.on_card

    def batch_of(self, spans: Sequence[TokenSpan]) -> ForwardBatch:
        """Lay out the batch of a forward pass."""
        return self._batch_type(spans, self.device, self.native)

    @torch.inference_mode()
    def forward(self, step: ForwardBatch) -> Tensor:
        """Run a forward pass; return the logits [spans, vocabulary] behind every span of `step.spans`."""
        self._context.tokens = adapter_batch_of(step, self._gathers_adapters)
        adapts_head = any(linear.has_slots for linear in self._last_token_linears)
        self._context.native_step = self._native_model.native_step(step, self._context.tokens)
        self._context.last = last_token_batch_of(step, self._gathers_adapters) if adapts_head else None
        try:
            output = self.model(
                input_ids=step.ids[None],
                position_ids=step.positions[None],
                use_cache=False,
                step=wide_residual.HalfAttention(step) if self._is_wide else step,
                **({"logits_to_keep": step.last} if self._takes_logits_to_keep else {}),
            )
        finally:
            # They hold keys, values and other memory that may have to be given back.
            self._context.native_step = self._context.tokens = self._context.last = None
        logits: Tensor = output.logits[0]
        return logits if self._takes_logits_to_keep else logits.index_select(0, step.last)

    def synchronize(self) -> None:
        """Wait until cards have computed all that was launched."""
        if self.device.type == "cuda":
            for device in self.token_bytes_by_device:
                torch.cuda.synchronize(device)

    @property
    def token_bytes(self) -> int:
        """The bytes of one token's keys and values over all layers."""
        return sum(self.token_bytes_by_device.values())

    @property
    def vocabulary(self) -> int:
        """The count of token ids."""
        return int(self.model.get_input_embeddings().num_embeddings)

    @property
    def lora_sizes(self) -> list[tuple[torch.device, int]]:
        """The device of every linear layer, and the numbers of its LoRA matrices for each unit of rank."""
        return [
            (linear.device, linear.inputs * len(linear.parts) + linear.outputs) for linear in self._linears
        ]

    @property
    def device(self) -> torch.device:
        """The device of the embeddings, to which token ids go."""
        embedding = self.model.get_input_embeddings()
        tensor: Tensor = next(chain(embedding.parameters(), embedding.buffers()))
        return tensor.device

    def _overflow(self) -> UserError:
        """Return the error for a model whose logits are no numbers."""
        if self.model.dtype == torch.float16:
            reason = "its numbers are too large for float16"
            remedy = 'set [model] precision to "bf16", or to "fp32" where memory allows'
        else:
            reason, remedy = "its output is not a number", "check its files"
        return UserError(
            f"The base model {self._name} ({self.model.config.model_type}) cannot be served: {reason}; "
            f"{remedy}, or choose another [model] name."
        )

    def _refusal(self, reason: str) -> UserError:
        kind = self.model.config.model_type
        return UserError(
            f"The base model {self._name} ({kind}) cannot be batched ({reason}): choose another [model] name."
        )

    def _check_positions(self, context: int) -> None:
        """Refuse rotary positions that change with a batch's longest row: they would change every answer."""
        limit = compat.stable_positions(self.model.config)
        if limit is not None and context > limit:
            raise UserError(
                f"The base model {self._name} cannot be batched beyond {limit:,} tokens, where its "
                f"positions change with the longest chat: set [model] context to {limit} or less."
            )
