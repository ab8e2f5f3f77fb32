"""Trained tokens per second on the same chat: this trainer, a plain Trainer, and TRL with its defaults.

`python -m tests.benchmarks.train [--persona ozzo] [--answers 16]` needs the packages trl and datasets. Each
runs two steps on the same examples with SmolLM2-135M and the same LoRA, and the quicker one counts; a
trained token is one with a label.
"""

import argparse
import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from peft import LoraConfig, get_peft_model

from bot import config
from bot.persona.training_options import TrainingOptions
from training.__main__ import main
from training.commands import build
from training.dataset import splits
from training.dataset.workspace import Workspace, open_workspace
from training.distributed.processes import ProcessGroup
from training.packing import batches
from training.planning import memory
from training.planning.recipe import Recipe, RecipeInputs, choose_recipe
from training.tokenization import cache
from training.tokenization.examples import TokenizedExample, tokenized_examples
from training.trainer import base_model
from training.trainer.lora_learner import LoraLearner
from training.trainer.schedule import StepPlan, TrainingSchedule
from training.trainer.stages import Stage

ROOT = Path(__file__).parents[2]
OWN = {"ozzo": ("--me", "ozzo")}  # for exports that do not name their owner
DEVICE = 4  # examples per forward pass of the others; 8 is TRL's own default


def data(root: Path, persona: str, answers: int) -> tuple[Workspace, int, list[TokenizedExample]]:
    """Return the workspace, the window and the first examples of an epoch, with that many answers."""
    (root / "config.toml").touch()
    shutil.copytree(ROOT / "personas" / persona, folder := root / "personas" / persona)
    shutil.rmtree(folder / "adapter", ignore_errors=True)
    workspace = open_workspace(config.load_config(root / "config.toml"), folder)
    command = ["import", str(folder / "export"), "--persona", persona, *OWN.get(persona, ())]
    assert main(["--config", str(root / "config.toml"), *command]) == 0
    window = build.build_data(workspace).window
    path = cache.encode_split(
        workspace.work,
        splits.TRAIN,
        workspace.serving(window),
        workspace.model,
        window,
    )
    encoded = tokenized_examples(cache.read_encoded(path))
    counts = [row.answers for row in encoded]
    groups = batches.group_by_prefix([row.ids for row in encoded], counts, 8)
    examples = list[TokenizedExample]()
    for step in batches.epoch_steps(counts, 16, 1, 0, groups):
        if sum(row.answers for row in examples) >= answers:
            break
        examples += [encoded[number] for number in step]
    return workspace, window, examples


def ours(base: base_model.BaseModel, recipe: Recipe, examples: Sequence[TokenizedExample]) -> float:
    """Return the seconds of a step of this trainer."""
    learner = LoraLearner(base.load(), recipe, ProcessGroup("cpu"), base.name)
    step = StepPlan(0, tuple(range(len(examples))), recipe.rate)
    schedule = TrainingSchedule(
        Path(), [Stage("dialogue", tuple(examples), 1, recipe.rate)], (), [step], recipe
    )
    return min(
        _seconds(lambda: learner.train_step(schedule.step_rows(step, 1), recipe.rate, 1)) for _ in range(2)
    )


def plain(
    base: base_model.BaseModel,
    recipe: Recipe,
    examples: Sequence[TokenizedExample],
    folder: Path,
    window: int,
) -> float:
    """Return the seconds of a step of transformers' Trainer, with examples padded to the window."""
    model = get_peft_model(base.load(), _lora(recipe))
    padded = [_padded(row, window) for row in examples]
    arguments = transformers.TrainingArguments(**_arguments(folder, examples))
    return _timed(transformers.Trainer(model=model, args=arguments, train_dataset=padded))  # type: ignore[arg-type]


def trl(
    base: base_model.BaseModel, recipe: Recipe, examples: Sequence[TokenizedExample], folder: Path
) -> float:
    """Return the seconds of a step of TRL's SFTTrainer with its defaults, on the same ids and labels."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    rows = [{"input_ids": row.ids.tolist(), "labels": _labels(row)} for row in examples]
    arguments = SFTConfig(**_arguments(folder, examples))

    trainer = SFTTrainer(
        model=base.load(),
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        peft_config=_lora(recipe),
        processing_class=_tokenizer(base),
    )
    return _timed(trainer)


def _tokenizer(base: base_model.BaseModel) -> Any:
    """Return a tokenizer: TRL needs one although the examples have ids."""
    file = str(base.plan.folder / "tokenizer.json")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_file=file, eos_token="<|im_end|>", pad_token="<|im_end|>"
    )


def _arguments(folder: Path, examples: Sequence[TokenizedExample]) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "per_device_train_batch_size": DEVICE,
        "gradient_accumulation_steps": -(-len(examples) // DEVICE),
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
    }


class _Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """A callback that times steps."""

    def __init__(self) -> None:
        self.began, self.took = 0.0, list[float]()

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.took.append(time.perf_counter() - self.began)


def _timed(trainer: Any) -> float:
    clock = _Clock()
    trainer.add_callback(clock)
    trainer.train()
    return min(clock.took)


def _lora(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        task_type="CAUSAL_LM", r=recipe.rank, lora_alpha=recipe.alpha, use_rslora=recipe.rslora,
        lora_dropout=recipe.dropout, target_modules=list(recipe.layers),
    )  # fmt: skip


def _labels(row: TokenizedExample) -> list[int]:
    return np.where(row.weights > 0, row.ids, -100).tolist()  # type: ignore[no-any-return]


def _padded(row: TokenizedExample, window: int) -> dict[str, torch.Tensor]:
    missing = window - len(row.ids)
    return {
        "input_ids": torch.tensor([*row.ids.tolist(), *[0] * missing]),
        "attention_mask": torch.tensor([1] * len(row.ids) + [0] * missing),
        "labels": torch.tensor([*_labels(row), *[-100] * missing]),
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(root: Path, persona: str, answers: int) -> None:
    """Print a line for each trainer."""
    workspace, window, examples = data(root, persona, answers)
    base = base_model.find_base_model(
        workspace.settings.model, TrainingOptions(), "cpu", workspace.settings.data, print
    )
    longest = max(len(row.ids) for row in examples)
    inputs = RecipeInputs(base.sizes.weights, answers, longest, base.layers, base.plan.precision, "cpu")
    recipe = choose_recipe(TrainingOptions(), inputs).recipe
    read, learned = sum(len(row.ids) for row in examples), sum(row.learned for row in examples)
    print(
        f"{len(examples)} examples of {read:,} tokens (longest {longest}), {learned:,} trained; "
        f"{recipe.precision}"
    )
    best = 0.0
    for name, take in (
        ("alterego", lambda: ours(base, recipe, examples)),
        ("Trainer, padded to the window", lambda: plain(base, recipe, examples, root, window)),
        ("TRL SFTTrainer, defaults", lambda: trl(base, recipe, examples, root)),
    ):
        memory.reset_peak_memory("cpu")
        seconds = take()
        gc.collect()
        best = best or learned / seconds
        speed = learned / seconds
        print(
            f"{name:<32}{speed:8.1f} trained tokens/s{read / seconds:8.0f} read{best / speed:7.2f} x"
            f"{memory.peak_memory('cpu') / 1e9:7.1f} GB",
            flush=True,
        )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--persona", default="ozzo")
    options.add_argument("--answers", type=int, default=16)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), chosen.persona, chosen.answers)
