"""Trained tokens a second, side by side on the same chat: here, by a plain Trainer, by TRL with its defaults.

`python -m tests.benchmarks.train [--persona ozzo] [--answers 16]` needs the packages trl and datasets. Each
takes two steps over the same lessons with SmolLM2-135M and the same LoRA, and the quicker one counts; a token
is trained where it has a label.
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
from training.dataset import splits, workspace
from training.distributed.processes import ProcessGroup
from training.packing import batches
from training.planning import memory, recipe
from training.planning.recipe import Recipe, RecipeInputs
from training.tokenization import cache
from training.tokenization.examples import TokenizedExample, tokenized_examples
from training.trainer import base_model
from training.trainer.course import TrainingSchedule
from training.trainer.lora_learner import LoraLearner
from training.trainer.schedule import StepPlan
from training.trainer.stages import Stage

ROOT = Path(__file__).parents[2]
OWN = {"ozzo": ("--me", "ozzo")}  # who the persona is, where its export does not say so
DEVICE = 4  # lessons that the others read at once; 8 is TRL's own default


def data(root: Path, persona: str, answers: int) -> tuple[workspace.Workspace, int, list[TokenizedExample]]:
    """The window, and the first lessons of a demo persona's first epoch, with at least so many answers."""
    (root / "config.toml").touch()
    shutil.copytree(ROOT / "personas" / persona, folder := root / "personas" / persona)
    shutil.rmtree(folder / "adapter", ignore_errors=True)
    desk = workspace.open_workspace(config.load_config(root / "config.toml"), folder)
    command = ["import", str(folder / "export"), "--persona", persona, *OWN.get(persona, ())]
    assert main(["--config", str(root / "config.toml"), *command]) == 0
    window = build.build_data(desk).window
    path = cache.encode_split(desk.work, splits.TRAIN, desk.serving(window), desk.model, window)
    found = tokenized_examples(cache.read_encoded(path))
    counts = [row.answers for row in found]
    together = batches.together([row.ids for row in found], counts, 8)
    taken = list[TokenizedExample]()
    for step in batches.epoch(counts, 16, 1, 0, together):
        if sum(row.answers for row in taken) >= answers:
            break
        taken += [found[number] for number in step]
    return desk, window, taken


def ours(found: base_model.BaseModel, made: Recipe, taken: Sequence[TokenizedExample]) -> float:
    """Seconds of a step."""
    learner = LoraLearner(found.load(), made, ProcessGroup("cpu"), found.name)
    task = StepPlan(0, 0, tuple(range(len(taken))), made.rate)
    course = TrainingSchedule(Path(), [Stage("dialogue", tuple(taken), 1, made.rate)], (), [task], made)
    return min(_seconds(lambda: learner.train_step(course.rows(task, 1), made.rate, 1)) for _ in range(2))


def plain(
    found: base_model.BaseModel, made: Recipe, taken: Sequence[TokenizedExample], folder: Path, window: int
) -> float:
    """Seconds of a step of transformers' Trainer, everything padded to the window."""
    model = get_peft_model(found.load(), _lora(made))
    examples = [_padded(row, window) for row in taken]
    arguments = transformers.TrainingArguments(**_arguments(folder, taken))
    return _timed(transformers.Trainer(model=model, args=arguments, train_dataset=examples))  # type: ignore[arg-type]


def trl(found: base_model.BaseModel, made: Recipe, taken: Sequence[TokenizedExample], folder: Path) -> float:
    """Seconds of a step of TRL's SFTTrainer as it comes, on the same ids and labels."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    told = [{"input_ids": row.ids.tolist(), "labels": _labels(row)} for row in taken]
    arguments = SFTConfig(**_arguments(folder, taken))

    trainer = SFTTrainer(
        model=found.load(),
        args=arguments,
        train_dataset=datasets.Dataset.from_list(told),
        peft_config=_lora(made),
        processing_class=_tokenizer(found),
    )
    return _timed(trainer)


def _tokenizer(found: base_model.BaseModel) -> Any:
    """What TRL wants to have, though the ids are made."""
    file = str(found.plan.folder / "tokenizer.json")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_file=file, eos_token="<|im_end|>", pad_token="<|im_end|>"
    )


def _arguments(folder: Path, taken: Sequence[TokenizedExample]) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "per_device_train_batch_size": DEVICE,
        "gradient_accumulation_steps": -(-len(taken) // DEVICE),
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
    }


class _Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """When steps began and ended."""

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


def _lora(made: Recipe) -> LoraConfig:
    return LoraConfig(
        task_type="CAUSAL_LM", r=made.rank, lora_alpha=made.alpha, use_rslora=made.rslora,
        lora_dropout=made.dropout, target_modules=list(made.layers),
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
    """Print a line for each."""
    desk, window, taken = data(root, persona, answers)
    found = base_model.find_base_model(
        desk.settings.model, TrainingOptions(), "cpu", desk.settings.data, print
    )
    longest = max(len(row.ids) for row in taken)
    known = RecipeInputs(found.sizes.weights, answers, longest, found.layers, found.plan.precision, "cpu")
    made = recipe.choose_recipe(TrainingOptions(), known).recipe
    read, learned = sum(len(row.ids) for row in taken), sum(row.learned for row in taken)
    print(
        f"{len(taken)} lessons of {read:,} tokens (longest {longest}), {learned:,} trained; {made.precision}"
    )
    best = 0.0
    for name, take in (
        ("alterego", lambda: ours(found, made, taken)),
        ("Trainer, padded to the window", lambda: plain(found, made, taken, root, window)),
        ("TRL SFTTrainer, defaults", lambda: trl(found, made, taken, root)),
    ):
        memory.forget_peak("cpu")
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
