"""The loop of training: a step, a look at what is held out, a saved state, until nothing more is gained."""

import math
import shutil
import time

from bot.errors import UserError
from training.distributed.processes import ProcessGroup
from training.runs import checkpoints, loss_curve
from training.runs.checkpoints import BEST, FIRST, LAST, State
from training.runs.folders import Log
from training.store.atomic import write_private
from training.trainer.interrupts import StopRequest
from training.trainer.lora_learner import LoraLearner
from training.trainer.progress import TrainingBar
from training.trainer.schedule import StepPlan, TrainingSchedule
from training.trainer.tracking import Tracker

GAIN = 1e-3  # of the loss on what is held out: less is no progress
HALVINGS = 6  # after which the data or the model are to blame, not the rate


class TrainingLoop:
    """A course under way."""

    def __init__(
        self,
        course: TrainingSchedule,
        learner: LoraLearner,
        team: ProcessGroup,
        bar: TrainingBar,
        stop: StopRequest,
        tracker: Tracker,
    ) -> None:
        self._tracker = tracker
        self._course, self._learner, self._team = course, learner, team
        self._bar, self._stop, self._log = bar, stop, Log(course.folder)
        self._held = course.judged(team.size)
        self.state = State()

    def resume(self) -> None:
        """Go on from the last saved state."""
        self._restore()
        self._show_progress()
        if self._team.leads:
            self._log.rewind(self.state.step)

    def go(self) -> State:
        """Learn to the end; raises `UserError` where the loss is no number whatever the rate."""
        if self.state == State():
            self._save(FIRST)
            self._save(LAST)
        while self.state.step < len(self._course.tasks) and not self.state.ended:
            self._step(self._course.tasks[self.state.step])
            if self._team.total(float(self._stop.asked))[0]:
                self._save(LAST)
                raise KeyboardInterrupt
        if not self._held:
            self._save(BEST)
        self._save(LAST)
        if self._team.leads:
            shutil.rmtree(self._course.folder / FIRST, ignore_errors=True)
        return self.state

    def _step(self, task: StepPlan) -> None:
        began, tokens = time.perf_counter(), self._course.tokens(task)
        rate = task.rate / 2**self.state.halved
        loss, norm = self._learner.train_step(self._course.rows(task, self._team.size), rate, self.state.step)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return self._retreat(rate)
        self.state.step += 1
        speed = tokens / (time.perf_counter() - began)
        self._note("learned", loss=loss, rate=rate, norm=norm, tokens=tokens, speed=round(speed, 1))
        self._tracker.log(self.state.step, loss=loss, rate=rate, norm=norm)
        self._bar.advance(tokens, loss, speed)
        if task.judged and self._held and not self._judge():
            return self._retreat(rate)
        if task.saved:
            self._save(LAST)
        return None

    def _judge(self) -> bool:
        """See whether what is held out is foretold better than before; False where that is no number."""
        loss = self._learner.eval_loss(self._held)
        if not math.isfinite(loss):
            return False
        self._note("judged", loss=loss)
        self._tracker.log(self.state.step, held_loss=loss)
        self._bar.say(f"step {self.state.step:,}: loss {loss:.4f} on what is held out")
        gained = self.state.best is None or loss < self.state.best * (1 - GAIN)
        self.state.stale = 0 if gained else self.state.stale + 1
        if self.state.best is None or loss < self.state.best:
            self.state.best, self.state.best_step = loss, self.state.step
            self._save(BEST)
        if self.state.stale >= self._course.recipe.patience:
            self.state.ended = True
            self._note("ended", reason="no progress on what is held out")
            self._bar.say(f"ended at step {self.state.step:,}: nothing more is gained on what is held out")
        return True

    def _retreat(self, rate: float) -> None:
        """Go back to the last saved state, or to the first where that did not help; on at half the rate."""
        step, halved, before = self.state.step, self.state.halved + 1, self.state.halved_at
        if halved > HALVINGS:
            raise UserError(
                f"The loss is not a number at step {step + 1:,}, even at a rate of {rate:.1e}: set a lower "
                "`rate` or another `precision` in the table [training] of persona.toml."
            )
        self._restore()
        if self.state.step == before:
            self._restore(FIRST)
        self.state.halved, self.state.halved_at = halved, self.state.step
        self._note("halved", at=step + 1, rate=rate / 2)
        self._bar.say(
            f"step {step + 1:,}: the loss is not a number; back to step {self.state.step:,} at half the rate"
        )
        self._show_progress()
        self._save(LAST)

    def _restore(self, name: str = LAST) -> None:
        saved = checkpoints.read_checkpoint(self._course.folder / name)
        self.state = saved.state
        self._learner.restore(saved.adapter, saved.moments, saved.state.step)

    def _show_progress(self) -> None:
        self._bar.set(sum(map(self._course.tokens, self._course.tasks[: self.state.step])))

    def _save(self, name: str) -> None:
        if self._team.leads:
            folder, adapter = self._course.folder / name, self._learner.adapter()
            if name == BEST:
                half = {name: tensor.half() for name, tensor in adapter.items()}  # what serving reads
                checkpoints.replace(
                    folder, lambda draft: checkpoints.write_adapter(draft, self._learner.config(), half)
                )
                return self._team.wait()
            checkpoints.save_checkpoint(
                folder, self._learner.config(), adapter, self._learner.moments(), self.state
            )
            if name == LAST:
                write_private(
                    self._course.folder / "loss.svg", [loss_curve.draw_loss_curve(self._log.lines()).encode()]
                )
        self._team.wait()

    def _note(self, event: str, **values: object) -> None:
        if self._team.leads:
            self._log.add(event, self.state.step, **values)
