"""Per-token loss of real answers, with and without adapter."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from bot.config import ModelSettings
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader.load_failure import load_explained
from bot.engine.model_loader.load_plan import LoadPlan
from training.adapters.peft_folder import write_peft_folder
from training.metrics.likelihood import TokenLosses

LOGITS = 32 << 20  # float32 logits of one pass at most: 128 MB


class ForcedScorer:
    """The base model with an adapter that can be disabled, in transformers and PEFT."""

    def __init__(self, plan: LoadPlan, settings: ModelSettings, adapter: Path, strength: float = 1.0) -> None:
        """Load model and adapter, which is validated first; raises `UserError` where either is damaged."""
        base = load_explained(plan, settings)
        self._model = _adapted(base, _read_adapter(plan, base, adapter), plan.source.name)
        for module in self._model.modules():
            if isinstance(module, LoraLayer):
                module.scale_layer(strength)
        takes = signature(self._model.get_base_model().forward).parameters
        self._cache_name = "cache" if "cache" in takes else "past_key_values"  # the name that goes out of use
        self._prefix_cache: tuple[tuple[bool, tuple[int, ...]], Any] | None = None
        self._vocabulary = self._model.get_input_embeddings().num_embeddings

    def score(
        self, prompt: Sequence[int], answers: Sequence[Sequence[int]], adapted: bool, shared: int = 0
    ) -> list[TokenLosses]:
        """Score each answer behind a prompt of one id at least, with the adapter where `adapted`.

        Logits are computed for answers alone. The first `shared` ids of the prompt stay in the prefix cache
        for the next prompt.
        """
        longest = max(map(len, answers))
        rows = max(1, LOGITS // (self._vocabulary * (longest + 1)))
        with torch.inference_mode(), self._adapter_state(adapted):
            return [
                scored
                for start in range(0, len(answers), rows)
                for scored in self._score_rows(
                    prompt,
                    answers[start : start + rows],
                    longest,
                    self._prompt_cache(prompt[:-1], adapted, shared),
                )
            ]

    def _score_rows(
        self, prompt: Sequence[int], answers: Sequence[Sequence[int]], longest: int, cache: Any
    ) -> Iterator[TokenLosses]:
        """Score answers in one pass behind the cached prompt, whose last id predicts their first id."""
        if cache is not None:
            cache.batch_repeat_interleave(len(answers))
        rows = [[prompt[-1], *answer, *[0] * (longest - len(answer))] for answer in answers]
        seen = [[1] * (len(prompt) + len(answer)) + [0] * (longest - len(answer)) for answer in answers]
        logits = self._call(rows, cache, attention_mask=self._tensor(seen)).logits[:, :-1].float()
        targets = self._tensor(rows)[:, 1:]
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").cpu()
        is_top = (logits.argmax(-1) == targets).cpu()
        for row, answer in enumerate(answers):
            size = len(answer)
            yield TokenLosses(losses[row, :size].double().numpy(), is_top[row, :size].numpy())

    def _prompt_cache(self, ids: Sequence[int], adapted: bool, shared: int) -> Any:
        """Return keys and values of ids, None for no ids; keep a copy of those of the first `shared` ids."""
        prefix = (adapted, tuple(ids[:shared]))
        if prefix[1] and (self._prefix_cache is None or self._prefix_cache[0] != prefix):
            self._prefix_cache = (prefix, self._prefill(prefix[1], None))
        cache = copy.deepcopy(self._prefix_cache[1]) if prefix[1] and self._prefix_cache else None
        rest = ids[len(prefix[1]) :]
        return self._prefill(rest, cache) if rest else cache

    def _prefill(self, ids: Sequence[int], cache: Any) -> Any:
        return getattr(self._call([ids], cache, logits_to_keep=1), self._cache_name)

    def _call(self, rows: Sequence[Sequence[int]], cache: Any, **more: Any) -> Any:
        """Run the model on rows of ids [rows, tokens] behind a cache."""
        return self._model(input_ids=self._tensor(rows), use_cache=True, **{self._cache_name: cache}, **more)

    def _tensor(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor([list(row) for row in rows], device=self._model.device)

    @contextmanager
    def _adapter_state(self, adapted: bool) -> Iterator[None]:
        if adapted:
            yield
        else:
            with self._model.disable_adapter():
                yield


def _read_adapter(plan: LoadPlan, base: Any, adapter: Path) -> LoadedAdapter:
    """Read an adapter as serving does; raises `UserError` where serving would refuse it."""
    identity = BaseModelIdentity(plan.source.name, plan.fingerprint, linear_shapes(base), plan.source)
    return read_adapter(adapter.name, adapter, identity)


def _adapted(base: Any, adapter: LoadedAdapter, name: str) -> Any:
    """Return the base model with the adapter in PEFT, which looks for modules by the names that it is given.

    A name that it does not find would be left out without a word, so that names are those of the base model.
    """
    torch.manual_seed(0)  # PEFT draws weights before it reads them
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        write_peft_folder(adapter, Path(folder), name)
        # PEFT asks transformers for a name that goes out of use
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to False", UserWarning)
        return PeftModel.from_pretrained(base, folder).eval()
