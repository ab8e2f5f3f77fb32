"""The base model made ready for batches of any rows: rebuilt once, tried against itself, then run."""

import inspect
from collections.abc import Sequence
from ctypes import CDLL
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.modeling_layers import GradientCheckpointingLayer

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.kernels.attention import AttentionShape
from bot.engine.kernels.matmul import Half, Side, size_of
from bot.engine.kernels.native import Native
from bot.engine.lora.active import ActiveAdapters
from bot.engine.lora.batch_mapping import ForwardContext, adapter_batch_of, last_token_batch_of
from bot.engine.lora.registry import linear_layers
from bot.engine.model_executor.fused_layers import FusedAttention
from bot.engine.model_executor.native_layers import NativeModel
from bot.engine.model_executor.patching import replace_layers, replace_linear_layers
from bot.errors import UserError

ATTENTION_NAME = "alterego"
COMPILE_BACKEND = "inductor"  # of torch.compile
_PROBES = ((7,), (3, 11, 19, 27, 5), (2, 4, 8, 16, 32, 64, 9, 18, 36))
# How far a row's logits may be from transformers', relative to how much they vary. Rounding alone moves them
# (SmolLM2, 30 layers) by 1e-5 in float32, 2% in float16, 7% in bfloat16, and by 12% where bitsandbytes' int8
# chooses its outliers over all rows; a token that is not seen, or seen a place too far, by 66% and more.
_EXACT, _ROUNDED = 1e-3, 0.25
_BREAKS = (TypeError, ValueError, AttributeError, KeyError, IndexError, RuntimeError, NotImplementedError)


class ModelRunner:
    """A causal language model whose forward pass takes rows under different adapters, at different places."""

    @torch.inference_mode()
    def __init__(
        self, model: Any, name: str, context: int, compiled: bool = False, library: CDLL | None = None
    ) -> None:
        """Rebuild `model` in place; raises `UserError` when rows in a batch would not be answered as alone.

        `compiled`: let torch fuse the small operations of every layer, for any number of tokens. `library`:
        operations of our own, from `compiler.compiled`, for a model on the CPU.
        `shapes` are the (out, in) sizes of its linear layers, `token_bytes` what a token's keys and values
        take.
        """
        self.model, self._name, self._library = model, name, None if compiled else library
        self._check_positions(context)
        self.shapes = {path: size_of(layer) for path, layer in linear_layers(model).items()}
        self._selects = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._context = ForwardContext()
        try:
            error, allowed = self._rebuild()
        except _BREAKS as problem:
            raise self._refusal(f"its layers refuse it, {type(problem).__name__}") from problem
        if not error < allowed:
            raise self._refusal(f"rows in a batch are answered otherwise than alone, by {error:.0%}")
        if compiled:
            self._compile()

    def _rebuild(self) -> tuple[float, float]:
        """Replace the layers; returns how far rows in a batch are from transformers' answers, and may be."""
        projections, self.native, dtype = replace_linear_layers(self.model, self._context, self._native_of)
        self._last = [projection for projection in projections if projection.reads_last]
        # Half as many bytes for adapters wherever weights have 16 bits, though `Half` computes in float32.
        narrow = torch.bfloat16 if any(isinstance(each.kernel, Half) for each in projections) else dtype
        self._bagged = self.device.type == "cpu" and narrow != torch.float32
        self.active_adapters = ActiveAdapters(projections, torch.zeros(0, dtype=narrow, device=self.device))
        alone = [self.model(torch.tensor([ids], device=self.device)).logits[0, -2:] for ids in _PROBES]
        replace_layers(self.model, self.native)
        AttentionInterface.register(ATTENTION_NAME, _attend)
        self.model.set_attn_implementation(ATTENTION_NAME)
        self._projections = tuple(projections)
        self._native_model = NativeModel(self.model, self.native, self._context)
        rough = any(isinstance(projection.kernel, Side) for projection in projections)
        return _distance(self._answers(), alone), _ROUNDED if rough or dtype != torch.float32 else _EXACT

    def _native_of(self, dtype: torch.dtype) -> Native | None:
        fits = self.device.type == "cpu" and dtype in (torch.bfloat16, torch.float32)
        return Native(self._library, dtype) if fits and self._library is not None else None

    @torch.inference_mode()
    def forward(self, step: ForwardBatch) -> Tensor:
        """One pass over a step; returns the logits [spans, vocabulary] behind every span, in its order."""
        self._context.tokens = adapter_batch_of(step, self._bagged)
        adapts = any(projection.reserved for projection in self._last)
        self._context.whole = self._native_model.native_step(step, self._context.tokens)
        self._context.last = last_token_batch_of(step, self._bagged) if adapts else None
        try:
            output = self.model(
                input_ids=step.ids[None],
                position_ids=step.positions[None],
                use_cache=False,
                step=step,
                **({"logits_to_keep": step.last} if self._selects else {}),
            )
        finally:
            self._context.whole = None  # it holds keys and values, which may have to be forgotten
        logits: Tensor = output.logits[0]
        return logits if self._selects else logits.index_select(0, step.last)

    @property
    def device(self) -> torch.device:
        """Where token ids go."""
        return self.model.get_input_embeddings().weight.device  # type: ignore[no-any-return]

    def _compile(self) -> None:
        """Compile every layer around its attention and its adapters, whose shapes change with the rows."""
        whole: Any = torch.compiler.disable
        AttentionInterface.register(ATTENTION_NAME, whole(_attend))
        for projection in self._projections:
            projection.forward = whole(projection.forward)  # type: ignore[method-assign]
        for module in self.model.modules():
            if isinstance(module, FusedAttention):
                module.attend, module.signed_sin = whole(module.attend), whole(module.signed_sin)  # type: ignore[method-assign]
                module.clones_product = True
            if isinstance(module, GradientCheckpointingLayer):
                module.forward = torch.compile(module.forward, dynamic=True, backend=COMPILE_BACKEND)
        try:
            self._answers()
        except RuntimeError as problem:  # torch's compilers raise many kinds of it
            raise UserError(
                f"The base model {self._name} could not be compiled on this machine "
                f"({type(problem).__name__}): set [model] compile to false."
            ) from problem

    def _answers(self) -> list[Tensor]:
        """The logits of the probes' last two tokens: a step for all but the last token, then one for that."""
        cache = KVCache(budget=1 << 60)
        rows = cache.enter(len(_PROBES[-1]), len(_PROBES)) or []
        got: dict[int, list[Tensor]] = {id(row): [] for row in rows}
        for part in (slice(None, -1), slice(-1, None)):
            spans = [TokenSpan(row, ids[part]) for row, ids in zip(rows, _PROBES, strict=True) if ids[part]]
            step = ForwardBatch(spans, self.device, self.native)
            for span, logits in zip(step.spans, self.forward(step), strict=True):
                got[id(span.row)].append(logits)
            step.advance()
        page = cache.pages[0]
        self.token_bytes = page.bytes // (page.slots * page.capacity)
        return [torch.stack(got[id(row)]) for row in rows]

    def _refusal(self, reason: str) -> UserError:
        kind = self.model.config.model_type
        return UserError(
            f"The base model {self._name} ({kind}) cannot be batched ({reason}): choose another [model] name."
        )

    def _check_positions(self, context: int) -> None:
        """Rotary positions that change with the longest row of a batch would change every answer in it."""
        config = self.model.config
        rope = getattr(config, "rope_parameters", None) or {}
        for part in (rope, *rope.values()):
            if isinstance(part, dict) and part.get("rope_type") in ("dynamic", "longrope"):
                limit = part.get("original_max_position_embeddings") or config.max_position_embeddings
                if context > limit:
                    raise UserError(
                        f"The base model {self._name} cannot be batched beyond {limit:,} tokens, where its "
                        f"positions change with the longest chat: set [model] context to {limit} or less."
                    )


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    step: ForwardBatch,
    **how: Any,
) -> tuple[Tensor, None]:
    """The attention function for transformers: query [1, heads, tokens, size], key and value alike."""
    if how.get("s_aux") is not None or mask is not None:
        raise NotImplementedError("attention with sinks, or with a mask of its own")
    scale = how.get("scaling")
    shape = AttentionShape(
        query.shape[-1] ** -0.5 if scale is None else scale, how.get("sliding_window"), how.get("softcap")
    )
    pair = torch.stack((key[0].transpose(0, 1), value[0].transpose(0, 1)), 1)
    attended = step.attend(module.layer_idx, query[0].transpose(0, 1), pair, shape)
    return attended.view(1, len(attended), -1, query.shape[-1]), None


def _distance(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """How far logits are from others, relative to how much those vary."""
    mine, other = torch.cat(list(ours)).float(), torch.cat(list(theirs)).float()
    return float((mine - other).norm() / (other - other.mean(-1, keepdim=True)).norm())
