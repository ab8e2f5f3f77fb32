"""What the base model, alone or with an adapter, thinks of words that were really said."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from bot.config import ModelSettings
from bot.engine.model_loader.loader import LoadPlan, load_weights
from training.metrics.likelihood import Judged

LOGITS = 32 << 20  # numbers that the logits of one pass may have: 128 MB


class ForcedScorer:
    """The base model with an adapter that can be taken off, as transformers and PEFT have them."""

    def __init__(
        self, found: LoadPlan, settings: ModelSettings, adapter: Path, strength: float = 1.0
    ) -> None:
        """The adapter must have been checked: `bot.engine` refuses what is no plain LoRA in safetensors."""
        torch.manual_seed(0)  # PEFT draws weights before it reads them
        with warnings.catch_warnings():  # PEFT asks transformers for a name that goes out of use
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            self._model = PeftModel.from_pretrained(load_weights(found, settings), adapter).eval()
        for module in self._model.modules():
            if isinstance(module, LoraLayer):
                module.scale_layer(strength)
        takes = signature(self._model.get_base_model().forward).parameters
        self._cache = "cache" if "cache" in takes else "past_key_values"  # the name that goes out of use
        self._kept: tuple[tuple[bool, tuple[int, ...]], Any] | None = None
        self._vocabulary = self._model.get_input_embeddings().num_embeddings

    def judge(
        self, prompt: Sequence[int], answers: Sequence[Sequence[int]], adapted: bool, shared: int = 0
    ) -> list[Judged]:
        """Each answer behind this prompt, which has one id at least; logits are made for answers alone.

        `shared` is how many of its first ids the next prompt begins with too: they are read once.
        """
        longest = max(map(len, answers))
        rows = max(1, LOGITS // (self._vocabulary * (longest + 1)))
        with torch.inference_mode(), self._worn(adapted):
            return [
                judged
                for start in range(0, len(answers), rows)
                for judged in self._judge(
                    prompt, answers[start : start + rows], longest, self._past(prompt[:-1], adapted, shared)
                )
            ]

    def _judge(
        self, prompt: Sequence[int], answers: Sequence[Sequence[int]], longest: int, past: Any
    ) -> Iterator[Judged]:
        """A prompt is read once; its last id goes with each answer, whose first it foretells."""
        if past is not None:
            past.batch_repeat_interleave(len(answers))
        rows = [[prompt[-1], *answer, *[0] * (longest - len(answer))] for answer in answers]
        seen = [[1] * (len(prompt) + len(answer)) + [0] * (longest - len(answer)) for answer in answers]
        logits = self._call(rows, past, attention_mask=self._tensor(seen)).logits[:, :-1].float()
        wanted = self._tensor(rows)[:, 1:]
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="none").cpu()
        likeliest = (logits.argmax(-1) == wanted).cpu()
        for row, answer in enumerate(answers):
            size = len(answer)
            yield Judged(losses[row, :size].double().numpy(), likeliest[row, :size].numpy())

    def _past(self, ids: Sequence[int], adapted: bool, shared: int) -> Any:
        """Keys and values of ids, or None of none; those of the first `shared` ones are kept."""
        beginning = (adapted, tuple(ids[:shared]))
        if beginning[1] and (self._kept is None or self._kept[0] != beginning):
            self._kept = (beginning, self._read(beginning[1], None))
        past = copy.deepcopy(self._kept[1]) if beginning[1] and self._kept else None
        rest = ids[len(beginning[1]) :]
        return self._read(rest, past) if rest else past

    def _read(self, ids: Sequence[int], past: Any) -> Any:
        return getattr(self._call([ids], past, logits_to_keep=1), self._cache)

    def _call(self, rows: Sequence[Sequence[int]], past: Any, **more: Any) -> Any:
        return self._model(input_ids=self._tensor(rows), use_cache=True, **{self._cache: past}, **more)

    def _tensor(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor([list(row) for row in rows], device=self._model.device)

    @contextmanager
    def _worn(self, adapted: bool) -> Iterator[None]:
        if adapted:
            yield
        else:
            with self._model.disable_adapter():
                yield
