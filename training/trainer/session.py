"""One call of the command `train`: from a persona's data to the installed adapter."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.errors import UserError
from training.adapters import install
from training.dataset.staleness import read_current_build
from training.dataset.workspace import Workspace, read_build_record
from training.distributed.processes import ProcessGroup
from training.metrics.canaries import record_canaries
from training.planning import resources
from training.planning.recipe import ChosenRecipe
from training.planning.recipe_file import write_recipe
from training.planning.resources import ResourcePlan
from training.progress.display import SILENT, ProgressDisplay
from training.runs import folders
from training.runs.checkpoints import BEST, RunState
from training.trainer import base_model, memory_recovery, profile
from training.trainer.base_model import BaseModel
from training.trainer.canaries import plant_run_canaries
from training.trainer.interrupts import StopRequest
from training.trainer.loop import TrainingLoop
from training.trainer.lora_learner import LoraLearner
from training.trainer.model_sizes import loaded_bytes
from training.trainer.progress import RunProgress
from training.trainer.result import RunResult, make_result
from training.trainer.resumption import can_resume
from training.trainer.schedule import TrainingSchedule, plan_steps
from training.trainer.stages import TrainingData, read_training_data, training_stages
from training.trainer.start import (
    RunStart,
    TrainOptions,
    begin_run,
    resume_run,
    separate_replay,
    write_run_start,
)
from training.trainer.step_memory import StepMemory
from training.trainer.tracking import Tracker, check_tracker


def train(
    workspace: Workspace,
    options: TrainOptions,
    display: ProgressDisplay = SILENT,
    approve: Callable[[], bool] = lambda: True,
) -> RunResult | None:
    """Train and install an adapter; raises `UserError`.

    `approve` is asked once, with the plan of a new run on the display, before the run begins. Returns None
    for a plan alone, a run that was not approved, and in every process but the main one.
    """
    with display.stage("reading the data"):
        read_current_build(workspace.work)
        check_tracker(options.track)
        device = base_model.training_device(workspace.settings.model, workspace.persona.training)
        process_group = ProcessGroup(device)
    with ExitStack() as stack:
        if process_group.is_main and not options.plan_only:
            stack.enter_context(folders.run_lock(workspace.work))
            install.recover_install(workspace.folder)
        stack.callback(process_group.end)
        shown = display if process_group.is_main else SILENT
        scratch = Path(stack.enter_context(TemporaryDirectory())) if options.plan_only else None
        return Session(workspace, options, process_group, shown, approve, scratch).run()


class Session:
    """One call of the command in one process."""

    def __init__(
        self,
        workspace: Workspace,
        options: TrainOptions,
        process_group: ProcessGroup,
        display: ProgressDisplay,
        approve: Callable[[], bool],
        scratch: Path | None = None,
    ) -> None:
        """Prepare the call; a plan alone has `scratch`, a folder for the files that runs keep in work/."""
        self._workspace, self._options, self._process_group = workspace, options, process_group
        self._display, self._approve, self._scratch = display, approve, scratch

    def run(self) -> RunResult | None:
        """Plan, train, install."""
        base = self._find_base_model()
        install.adapter_home(self._workspace, base.identity)
        start, data = self._start(base)
        recipe = start.config.recipe
        with self._display.stage("choosing the steps"):
            stages = training_stages(data, recipe)
            kept = start.config.schedule
            steps = plan_steps(stages, recipe, kept.position if kept else None)
            schedule = TrainingSchedule(
                start.run_folder, stages, data.validation, steps, recipe, start.earlier_updates
            )
        learner, step_memory = self._load(base, start, data)
        with self._device_faults("run the same command again."):
            start, schedule, plan = self._plan(start, schedule, learner, step_memory)
        if self._options.plan_only or not (start.resumed or self._approve()):
            return None
        self._write_start(start, plan, data)
        state = self._train(start, schedule, learner, plan)
        result = make_result(schedule, start.config, plan, state)
        return self._finish(start, result) if self._process_group.is_main else None

    def _load(self, base: BaseModel, start: RunStart, data: TrainingData) -> tuple[LoraLearner, StepMemory]:
        """Load the base model with the adapter that the run begins with."""
        with self._display.stage(f"loading the base model {base.name}"):
            model = base.load()
            sizes = replace(base.sizes, bytes=loaded_bytes(model))
            recipe = start.config.recipe
            learner = LoraLearner(model, recipe, self._process_group, base.name)
            start.restore_to(learner)
            return learner, StepMemory(sizes, base.kept_bytes(recipe), data)

    def _find_base_model(self) -> BaseModel:
        settings, options = self._workspace.settings, self._workspace.persona.training
        with (
            self._display.stage("looking for the base model") as stage,
            self._process_group.main_process_first(),
        ):
            return base_model.find_base_model(
                settings.model, options, self._process_group.device, settings.data, stage.describe
            )

    def _start(self, base: BaseModel) -> tuple[RunStart, TrainingData]:
        """Return the start of the run, and the data that is left to train on."""
        with self._display.stage("encoding the examples"), self._process_group.main_process_first():
            data, hashes = self._read_data()
        if not data.dialogue:
            raise UserError("There are no answers to learn, only documents: import chats, then build again.")
        with self._display.stage("choosing the recipe"):
            if self._options.resume or (self._options.goes_on and can_resume(self._workspace, base, hashes)):
                start = resume_run(self._workspace, base, hashes, self._options)
            else:
                start = begin_run(self._workspace, base, data, hashes, self._options)
        data = separate_replay(data, start.learned_hashes)
        return start, plant_run_canaries(self._workspace, data, start.config)

    def _read_data(self) -> tuple[TrainingData, dict[str, str]]:
        return read_training_data(self._workspace, read_build_record(self._workspace.work), self._scratch)

    def _plan(
        self, start: RunStart, schedule: TrainingSchedule, learner: LoraLearner, step_memory: StepMemory
    ) -> tuple[RunStart, TrainingSchedule, ResourcePlan]:
        """Return the plan, and start and schedule in rows that the memory held in trial steps."""
        if start.resumed:
            return start, schedule, profile.read_plan(start)
        schedule, plan = profile.profile_run(
            start, schedule, learner, step_memory, self._process_group.size, self._display
        )
        start = start.with_recipe(schedule.recipe)
        chosen = ChosenRecipe(start.config.recipe, start.config.reasons)
        notes = profile.plan_notes(step_memory.data, start, schedule)
        self._display.say(resources.format_plan(plan, chosen, notes))
        if self._options.recipe_file and self._process_group.is_main:
            write_recipe(self._options.recipe_file, chosen)
            self._display.say(f"The recipe is in {self._options.recipe_file}; --recipe reads it.")
        return start, schedule, plan

    def _write_start(self, start: RunStart, plan: ResourcePlan, data: TrainingData) -> None:
        if self._process_group.is_main and not start.resumed:
            write_run_start(start, data)
            folders.write_run_file(start.run_folder / folders.PLAN, plan)
        if self._process_group.is_main:
            record_canaries(self._workspace.work, start.config.canaries)
        self._process_group.barrier()

    def _train(
        self, start: RunStart, schedule: TrainingSchedule, learner: LoraLearner, plan: ResourcePlan
    ) -> RunState:
        is_main = self._process_group.is_main
        shown = self._display.stage("training", len(schedule.steps), "steps")
        with StopRequest() as stop, shown as stage:
            progress = RunProgress(self._display, stage, schedule, plan.time)
            tracker = Tracker(self._options.track if is_main else None, start.run_folder)
            loop = TrainingLoop(schedule, learner, self._process_group, progress, stop, tracker)
            if start.resumed:
                loop.resume()
            resume = f"python -m training train --persona {self._workspace.folder.name} --resume"
            try:
                with self._device_faults(f"the last checkpoint is kept, to go on: {resume}"):
                    return loop.run()
            except memory_recovery.TooLittleMemory as error:
                raise UserError(f"{error} The last checkpoint is kept, to go on: {resume}") from None
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"interrupted at step {loop.state.step:,} of {len(schedule.steps):,}; to go on: {resume}"
                ) from None
            finally:
                tracker.end()

    def _finish(self, start: RunStart, result: RunResult) -> RunResult:
        """Install the adapter, unless this is a canary run, and write run.json."""
        if not start.config.canaries:
            with self._display.stage("checking the adapter, and putting it in place"):
                home = install.install_adapter(
                    self._workspace,
                    start.run_folder / BEST,
                    msgspec.to_builtins(result),
                    inherited=start.config.authors,
                )
            place = home.relative_to(self._workspace.folder).as_posix()
            result = msgspec.structs.replace(result, adapter=place)
        folders.write_run_file(start.run_folder / folders.RESULT, result)
        return result

    @contextmanager
    def _device_faults(self, remedy: str) -> Iterator[None]:
        """Raise `UserError` with a remedy where a device fails for good, or has too little memory."""
        try:
            yield
        except memory_recovery.FAULTS as error:
            if (fault := device_fault_of(error)) is None:
                raise
            reason = fault.value.partition(":")[0] if fault is DeviceFault.CONTEXT_LOST else fault.value
            raise UserError(f"Training stopped, since {reason}; {remedy}") from error
