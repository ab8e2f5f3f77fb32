"""The training loop: steps, evaluations and checkpoints, until the validation loss stops falling."""

import math
import shutil
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from bot.errors import UserError
from bot.files import write_private
from training.distributed.processes import ProcessGroup
from training.runs import checkpoints, loss_curve
from training.runs.checkpoints import BEST, FIRST, LAST, RunState
from training.runs.folders import CURVE, RunLog
from training.tokenization.examples import TokenizedExample
from training.trainer.interrupts import StopRequest
from training.trainer.lora_learner import LoraLearner
from training.trainer.loss_scale import LossScale
from training.trainer.memory_recovery import FAULTS, is_recoverable, need_less_memory, with_recipe
from training.trainer.progress import RunProgress
from training.trainer.schedule import StepPlan, TrainingSchedule
from training.trainer.tracking import Tracker

GAIN = 1e-3  # share of the validation loss: a smaller fall is no progress
Result = TypeVar("Result")

HALVINGS = 6  # of the learning rate; after these, the data or the model are to blame


class TrainingLoop:
    """A schedule in progress."""

    def __init__(
        self,
        schedule: TrainingSchedule,
        learner: LoraLearner,
        process_group: ProcessGroup,
        progress: RunProgress,
        stop: StopRequest,
        tracker: Tracker,
    ) -> None:
        self._schedule, self._learner, self._process_group = schedule, learner, process_group
        self._progress, self._stop, self._tracker = progress, stop, tracker
        self._log = RunLog(schedule.run_folder)
        self.state = RunState()
        self._began, self._seconds_before = time.perf_counter(), 0.0

    def resume(self) -> None:
        """Restore the last checkpoint, its row length, and drop later lines of the log."""
        self._go_back()
        self._seconds_before = self.state.seconds
        recipe = self._schedule.recipe
        if self.state.row is not None:
            recipe = msgspec.structs.replace(
                recipe, row=self.state.row, checkpointing=self.state.checkpointing
            )
        self._schedule = with_recipe(self._schedule, recipe, self._learner)

    def run(self) -> RunState:
        """Train to the end; raises `UserError` where the loss is not finite at any learning rate.

        Raises `KeyboardInterrupt` after the step in which a stop was requested, with its state saved.
        """
        if self.state == RunState():
            self._save(FIRST)
            self._save(LAST)
        while self.state.step < len(self._schedule.steps) and not self.state.ended:
            self._run_step(self._schedule.steps[self.state.step])
            if self._process_group.all_reduce_sum(float(self._stop.requested))[0]:
                self._save(LAST)
                raise KeyboardInterrupt
        if not self._schedule.validation:
            self._save(BEST)
        self._save(LAST)
        if self._process_group.is_main:
            shutil.rmtree(self._schedule.run_folder / FIRST, ignore_errors=True)
        return self.state

    def _run_step(self, step: StepPlan) -> None:
        began, tokens = time.perf_counter(), self._schedule.step_tokens(step)
        rate = step.learning_rate / 2**self.state.halved
        number = self._schedule.earlier_updates + self.state.step  # for dropout
        done = self._with_memory(lambda: self._learner.train_step(self._rows(step), rate, number))
        if done is None:
            return None
        loss, norm = done
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return self._halve_rate(rate)
        self.state.step += 1
        self.state.position = step.position
        speed = tokens / (time.perf_counter() - began)
        self._add_log("learned", loss=loss, rate=rate, norm=norm, tokens=tokens, speed=round(speed, 1))
        self._tracker.log(self.state.step, loss=loss, rate=rate, norm=norm)
        if step.evaluates and self._schedule.validation and not self._evaluate():
            return self._halve_rate(rate)
        if step.keeps:
            self._save(checkpoints.kept_name(self.state.step))
        if step.saves:
            self._save(LAST)
        labels = self._schedule.step_labels(step)
        self._progress.advance(self.state, labels, loss, time.perf_counter() - began)
        return None

    def _evaluate(self) -> bool:
        """Compute the validation loss and note the best one; return False where it is not finite."""
        size = self._process_group.size
        loss = self._with_memory(lambda: self._learner.eval_loss(self._schedule.validation_rows(size)))
        if loss is None or not math.isfinite(loss):
            return False
        self._add_log("judged", loss=loss)
        self._tracker.log(self.state.step, held_loss=loss)
        self._progress.print(f"step {self.state.step:,}: loss {loss:.4f} on what is held out")
        gained = self.state.best is None or loss < self.state.best * (1 - GAIN)
        self.state.stale = 0 if gained else self.state.stale + 1
        if self.state.best is None or loss < self.state.best:
            self.state.best, self.state.best_step = loss, self.state.step
            self._save(BEST)
        if self.state.stale >= self._schedule.recipe.patience:
            self.state.ended = True
            self._add_log("ended", reason="no progress on what is held out")
            self._progress.print(
                f"ended at step {self.state.step:,}: nothing more is gained on what is held out"
            )
        return True

    def _rows(self, step: StepPlan) -> list[list[TokenizedExample]]:
        return self._schedule.step_rows(step, self._process_group.size)

    def _with_memory(self, work: Callable[[], Result]) -> Result | None:
        """Return the result of `work`, which is tried again in smaller parts when the memory runs out.

        Returns None where an update of the weights ran out of memory: the last checkpoint is restored.
        """
        while True:
            try:
                return work()
            except FAULTS as error:  # its traceback holds tensors until here
                if not is_recoverable(error, self._learner, self._process_group.size):
                    raise
            self._need_less_memory()
            if self._learner.is_updating:
                self._go_back()
                return None

    def _need_less_memory(self) -> None:
        self._schedule = need_less_memory(self._schedule, self._learner)
        recipe = self._schedule.recipe
        self._add_log("smaller", row=recipe.row, checkpointing=recipe.checkpointing)
        twice = ", and activations are computed twice" if recipe.checkpointing else ""
        self._progress.print(
            f"step {self.state.step + 1:,}: the memory ran out; the same step goes on in rows of "
            f"{recipe.row:,} tokens{twice}"
        )

    def _halve_rate(self, rate: float) -> None:
        """Restore the last checkpoint and halve the learning rate.

        Where that checkpoint has been restored before, the first one is restored.
        """
        step, halved, restored_before = self.state.step, self.state.halved + 1, self.state.halved_at
        if halved > HALVINGS:
            raise UserError(
                f"The loss is not a number at step {step + 1:,}, even at a rate of {rate:.1e}: set a lower "
                "`rate` or another `precision` in the table [training] of persona.toml."
            )
        self._restore()
        if self.state.step == restored_before:
            self._restore(FIRST)
        self.state.halved, self.state.halved_at = halved, self.state.step
        self._add_log("halved", at=step + 1, rate=rate / 2)
        self._progress.print(
            f"step {step + 1:,}: the loss is not a number; back to step {self.state.step:,} at half the rate"
        )
        self._show_progress()
        self._save(LAST)

    def _go_back(self) -> None:
        self._restore()
        self._show_progress()
        if self._process_group.is_main:
            self._log.rewind(self.state.step)

    def _restore(self, name: str = LAST) -> None:
        saved = checkpoints.read_checkpoint(self._schedule.run_folder / name)
        self.state = saved.state
        updates = self._schedule.earlier_updates + saved.state.step
        self._learner.restore(saved.adapter, saved.moments, updates)
        if self.state.scale is not None:
            self._learner.scale = LossScale(self.state.scale, self.state.steady)

    def _show_progress(self) -> None:
        self._progress.restore(self.state)

    def _save(self, name: str) -> None:
        """Save a checkpoint, with the loss curve beside the last one, or an adapter alone, for serving."""
        recipe, scale = self._schedule.recipe, self._learner.scale
        self.state.row, self.state.checkpointing = recipe.row, recipe.checkpointing
        self.state.scale, self.state.steady = scale.value, scale.steady
        self.state.seconds = self._seconds_before + time.perf_counter() - self._began
        if self._process_group.is_main:
            folder, learner = self._schedule.run_folder / name, self._learner
            if name not in (FIRST, LAST):
                adapter = learner.adapter()
                half = {key: tensor.half() for key, tensor in adapter.items()}  # as serving reads it
                checkpoints.replace_checkpoint(
                    folder, lambda draft: checkpoints.write_peft_adapter(draft, learner.config(), half)
                )
            else:
                checkpoints.save_checkpoint(
                    folder, learner.config(), learner.adapter(), learner.moments(), self.state
                )
            if name == LAST:
                curve = loss_curve.draw_loss_curve(self._log.lines())
                write_private(self._schedule.run_folder / CURVE, [curve.encode()])
        self._process_group.barrier()

    def _add_log(self, event: str, **values: object) -> None:
        if self._process_group.is_main:
            self._log.add(event, self.state.step, **values)
