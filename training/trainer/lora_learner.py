"""A base model with an adapter that learns, a step at a time."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor
from torch.optim import AdamW

from training.distributed.processes import ProcessGroup
from training.packing.layout import pack
from training.packing.loss import LossHead, Trunk
from training.packing.probe import make_packable
from training.planning.recipe import Recipe
from training.tokenization.examples import TokenizedExample

_MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW knows of each weight


class LoraLearner:
    """The model, its adapter and its optimiser."""

    def __init__(self, model: Any, recipe: Recipe, team: ProcessGroup, name: str) -> None:
        """Add a new adapter to a frozen model, which is changed by it. `name` is the base model's."""
        make_packable(model)
        torch.manual_seed(recipe.seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            warnings.filterwarnings("ignore", "The PEFT config's `base_model_name_or_path`", UserWarning)
            self.peft = get_peft_model(model, _config(model, recipe, name))
        if recipe.checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        self._team, self._recipe = team, recipe
        self._trunk, self._head = team.prepare(Trunk(model, recipe.deep), model), LossHead(model)
        self._device = model.get_input_embeddings().weight.device
        self._named = {name: each for name, each in model.named_parameters() if each.requires_grad}
        self._weights = list(self._named.values())
        self._optimiser = AdamW(self._weights, lr=0.0, weight_decay=recipe.decay)

    @property
    def parameters(self) -> int:
        """How many numbers the adapter has."""
        return sum(weight.numel() for weight in self._weights)

    def train_step(
        self, rows: Sequence[Sequence[TokenizedExample]], rate: float, number: int
    ) -> tuple[float, float]:
        """One step from rows of lessons: the loss (nats a label, weighted mean) and the gradients' norm.

        `number` is the step's: what is dropped by chance depends on it alone. Where loss or norm are not
        finite, nothing is changed.
        """
        weight = _weight(rows)
        own = range(self._team.rank, len(rows), self._team.size)
        lost = 0.0
        self._trunk.train()
        for place in own:
            torch.manual_seed(_seed(self._recipe.seed, number, place))
            with self._team.collecting(self._trunk, is_last=place == own[-1]):
                loss = self._loss(rows[place]) / weight
                torch.autograd.backward(loss * self._team.size)
            lost += float(loss.detach())
        (lost,) = self._team.total(lost)
        norm = self._team.clip(self._weights, self._recipe.clip)
        if math.isfinite(lost) and math.isfinite(norm):
            self._optimiser.param_groups[0]["lr"] = rate
            self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return lost, norm

    @torch.no_grad()
    def eval_loss(self, rows: Sequence[Sequence[TokenizedExample]]) -> float:
        """The loss on rows of lessons, as `learn` has it, without learning."""
        self._trunk.eval()
        lost = sum(float(self._loss(row)) for row in rows[self._team.rank :: self._team.size])
        return self._team.total(lost)[0] / _weight(rows)

    def config(self) -> dict[str, Any]:
        """adapter_config.json, as PEFT writes it."""
        told = self.peft.peft_config["default"].to_dict() | {"inference_mode": True}
        return {key: sorted(value) if isinstance(value, set) else value for key, value in told.items()}

    def adapter(self) -> dict[str, Tensor]:
        """The adapter's matrices, by the names that PEFT gives them."""
        found = get_peft_model_state_dict(self.peft)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}

    def moments(self) -> dict[str, Tensor]:
        """What the optimiser remembers, by moment and weight; nothing before the first step."""
        return {
            f"{moment}/{name}": self._optimiser.state[weight][moment].cpu()
            for name, weight in self._named.items()
            for moment in _MOMENTS
            if weight in self._optimiser.state
        }

    def forget(self) -> None:
        """Let the optimiser begin anew."""
        self._optimiser.state.clear()

    def restore(self, adapter: Mapping[str, Tensor], moments: Mapping[str, Tensor], steps: int) -> None:
        """Be as after so many steps."""
        set_peft_model_state_dict(self.peft, dict(adapter))
        self.forget()
        for name, weight in self._named.items() if moments else ():
            state = {moment: moments[f"{moment}/{name}"].to(weight.device).clone() for moment in _MOMENTS}
            self._optimiser.state[weight] = {"step": torch.tensor(float(steps)), **state}

    def _loss(self, rows: Sequence[TokenizedExample]) -> Tensor:
        packed = pack(rows, self._device)
        return self._head.loss(self._trunk(packed), packed)


def _weight(rows: Sequence[Sequence[TokenizedExample]]) -> float:
    return sum(float(row.weights[1:].sum()) for lessons in rows for row in lessons)


def _seed(*numbers: int) -> int:
    """One number of several, for a generator of chances."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _config(model: Any, recipe: Recipe, name: str) -> LoraConfig:
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
