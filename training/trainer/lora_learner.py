"""A frozen base model with a LoRA adapter in training, one step at a time."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor
from torch.optim import AdamW

from bot.engine.runtime.errors import device_answers
from training.distributed.processes import ProcessGroup
from training.packing.layout import pack_examples
from training.packing.loss import Backbone, LossHead
from training.packing.probe import make_packable
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample
from training.trainer.loss_scale import LossScale

_MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's state of each weight


class LoraLearner:
    """The base model, its adapter and the adapter's AdamW optimiser."""

    def __init__(self, model: Any, recipe: Recipe, process_group: ProcessGroup, name: str) -> None:
        """Add a new adapter to the frozen model `model`, in place; `name` is the base model's.

        Raises `UserError` where the model cannot be trained on packed rows.
        """
        make_packable(model)
        torch.manual_seed(recipe.seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            warnings.filterwarnings("ignore", "The PEFT config's `base_model_name_or_path`", UserWarning)
            self.peft = get_peft_model(model, lora_config(model, recipe, name))
        self._model = model
        if recipe.checkpointing:
            self.checkpoint_activations()
        self._process_group, self._recipe = process_group, recipe
        self._backbone = process_group.prepare_backbone(Backbone(model, recipe.deep), model)
        self._head = LossHead(model)
        self.scale = LossScale.of(model.dtype)
        self.is_updating = False  # an update of the weights began and did not end
        self._device = model.get_input_embeddings().weight.device
        self._named = {name: each for name, each in model.named_parameters() if each.requires_grad}
        self._weights = list(self._named.values())
        self._optimizer = AdamW(self._weights, lr=0.0, weight_decay=recipe.decay)

    @property
    def parameters(self) -> int:
        """The number of the adapter's parameters."""
        return sum(weight.numel() for weight in self._weights)

    def train_step(
        self, rows: Sequence[Sequence[TokenizedExample]], rate: float, step: int
    ) -> tuple[float, float]:
        """Train one step; return its loss (weighted mean, nats per label) and the norm of its gradients.

        Dropout depends on the recipe's seed, `step` and the row alone. Where loss or norm are not finite, the
        adapter stays as it is.
        """
        total, norm = self._compute_gradients(rows, step)
        while self.scale.retries(total, norm):
            self.drop_gradients()
            total, norm = self._compute_gradients(rows, step)
        if math.isfinite(total) and math.isfinite(norm):
            self._optimizer.param_groups[0]["lr"] = rate
            self.is_updating = True
            self._optimizer.step()
            self.is_updating = False
        self.drop_gradients()
        return total, norm

    def drop_gradients(self) -> None:
        """Free the gradients of a step."""
        self._optimizer.zero_grad(set_to_none=True)

    def checkpoint_activations(self) -> None:
        """Compute activations again in the backward pass from here on, rather than keep them."""
        self._model.activation_checkpointing_enable({"use_reentrant": False})

    def answers(self) -> bool:
        """Return whether the device still computes."""
        return device_answers(self._device)

    @torch.no_grad()
    def eval_loss(self, rows: Sequence[Sequence[TokenizedExample]]) -> float:
        """Return the loss on rows (weighted mean, nats per label), without dropout and gradients."""
        self._backbone.eval()
        own = rows[self._process_group.rank :: self._process_group.size]
        total = sum(float(self._loss(row)) for row in own)
        return self._process_group.all_reduce_sum(total)[0] / _label_weight(rows)

    def config(self) -> dict[str, Any]:
        """Return adapter_config.json, as PEFT writes it."""
        config = self.peft.peft_config["default"].to_dict() | {"inference_mode": True}
        return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}

    def adapter(self) -> dict[str, Tensor]:
        """Return the adapter's matrices on the CPU, by PEFT's names."""
        found = get_peft_model_state_dict(self.peft)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}

    def moments(self) -> dict[str, Tensor]:
        """Return AdamW's moments by "moment/weight"; none before the first step."""
        return {
            f"{moment}/{name}": self._optimizer.state[weight][moment].cpu()
            for name, weight in self._named.items()
            for moment in _MOMENTS
            if weight in self._optimizer.state
        }

    def reset_optimizer(self) -> None:
        """Drop AdamW's state, and begin with the first scale of the loss."""
        self._optimizer.state.clear()
        self.is_updating = False
        self.scale = LossScale.of(self._model.dtype)

    def restore(self, adapter: Mapping[str, Tensor], moments: Mapping[str, Tensor], step: int) -> None:
        """Restore adapter and AdamW state at this step."""
        set_peft_model_state_dict(self.peft, dict(adapter))
        self.reset_optimizer()
        for name, weight in self._named.items() if moments else ():
            state = {moment: moments[f"{moment}/{name}"].to(weight.device).clone() for moment in _MOMENTS}
            self._optimizer.state[weight] = {"step": torch.tensor(float(step)), **state}

    def _compute_gradients(
        self, rows: Sequence[Sequence[TokenizedExample]], step: int
    ) -> tuple[float, float]:
        """Return loss and norm of the gradients, which are clipped."""
        weight = _label_weight(rows)
        own = range(self._process_group.rank, len(rows), self._process_group.size)
        total, factor = 0.0, self.scale.value * self._process_group.size
        self._backbone.train()
        for number in own:
            torch.manual_seed(_combined_seed(self._recipe.seed, step, number))
            with self._process_group.gradient_sync(self._backbone, is_last=number == own[-1]):
                loss = self._loss(rows[number]) / weight
                torch.autograd.backward(loss * factor)
            total += float(loss.detach())
        (total,) = self._process_group.all_reduce_sum(total)
        if self.scale.value != 1.0:
            for each in self._weights:
                if each.grad is not None:
                    each.grad /= self.scale.value
        return total, self._process_group.clip_grad_norm(self._weights, self._recipe.clip)

    def _loss(self, row: Sequence[TokenizedExample]) -> Tensor:
        packed = pack_examples(row, self._device)
        return self._head.loss(self._backbone(packed), packed)


def _label_weight(rows: Sequence[Sequence[TokenizedExample]]) -> float:
    return sum(float(example.weights[1:].sum()) for row in rows for example in row)


def _combined_seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def lora_config(model: Any, recipe: Recipe, name: str) -> LoraConfig:
    """Return PEFT's settings of an adapter; `name` is the base model's."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=name,
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        use_rslora=recipe.rslora,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.layers),
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )
