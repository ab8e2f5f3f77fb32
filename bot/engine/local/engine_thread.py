"""The engine's thread: load the model, then execute one step of the engine core after the other."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal, Protocol

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.stats import EngineStats
from bot.engine.kernels import compiler
from bot.engine.runtime.environment import prepare_environment
from bot.engine.runtime.log_fields import error_fields
from bot.errors import RestartNeeded, UserError
from bot.prompt.builder import Tokenizer

if TYPE_CHECKING:
    from bot.engine.core.engine_core import EngineCore
    from bot.engine.lora.active import LoadedAdapter
    from bot.engine.lora.validation import BaseModelIdentity
    from bot.engine.model_loader.load_plan import LoadPlan
    from bot.engine.model_loader.loader import LoadedModel

logger = logging.getLogger(__name__)

Command = Callable[[], None]


class EngineListener(Protocol):
    """Listener to the engine's thread; called on that thread, in the order of these methods."""

    def tokenizer_read(self, tokenizer: Tokenizer) -> None: ...
    def model_loaded(self) -> None: ...
    def load_failed(self, error: UserError) -> None: ...
    def engine_lost(self, error: RestartNeeded) -> None: ...
    def thread_ended(self) -> None: ...


class _StoppedWhileLoading(Exception):
    """The engine was stopped while the model was loading."""


class EngineThread:
    """Life of the engine's thread. Other threads may touch `input_queue`, `closing` and the plain fields."""

    def __init__(self, settings: ModelSettings, data: Path, listener: EngineListener) -> None:
        """`data` is the folder of converted models."""
        self.input_queue: SimpleQueue[OutputStream | Command | None] = SimpleQueue()
        self.closing = False
        self.state: Literal["loading", "ready", "restarting", "failed"] = "loading"
        self.stage = "starting"
        self.context = settings.context  # tokens; config.json of the model may limit it
        self.error: UserError | None = None
        self.stats = EngineStats()
        self.base: BaseModelIdentity | None = None  # of the model that was loaded first
        self.loaded: LoadedModel | None = None
        self.core: EngineCore | None = None
        self._plan: LoadPlan | None = None
        self._settings, self._data, self._listener = settings, data, listener

    def run(self) -> None:
        """Run the thread until `closing` is set. After a failed load, requests fail with the load's error."""
        try:
            self._start()
            while not self.closing:
                self._serve()
        except _StoppedWhileLoading:
            logger.info("stopped_while_loading")
        finally:
            self._release()
            self._listener.thread_ended()

    def prepare_adapter(self, adapter: "LoadedAdapter") -> "LoadedAdapter":
        """Lay an adapter out for the slots of the loaded model; for any thread."""
        loaded = self.loaded
        return adapter if loaded is None else loaded.runner.active_adapters.prepare(adapter)

    def _serve(self) -> None:
        """Process inputs and execute steps until `closing` is set, or the device is lost and made anew."""
        try:
            while not self.closing:
                self._process_inputs(wait=self.core is None or self.core.idle)
                if self.core is not None and not self.closing:
                    self.core.step()
        except Exception as error:
            if not self._lost_device(error):
                raise
        else:
            return
        self._restart()

    def _lost_device(self, error: Exception) -> bool:
        """Return whether the device of the model computes nothing any more, and log the error that told."""
        from bot.engine.runtime.errors import DeviceLost, raise_if_lost  # torch is imported by now

        assert self.core is not None
        try:
            raise_if_lost(error, self.core.device)
        except DeviceLost as lost:
            logger.error("device_lost", extra=error_fields(lost.__cause__ or lost))
            return True
        return False

    def _start(self) -> None:
        try:
            self._load()
            self.state = "ready"
            self._listener.model_loaded()
        except _StoppedWhileLoading:
            raise
        except (Exception, MemoryError) as error:  # any error of the libraries over a model's files
            self._report_failure(self._explained(error))
        self.stage = ""

    def _explained(self, error: BaseException) -> UserError:
        if isinstance(error, UserError):
            return error
        from bot.engine.model_loader.load_failure import explain_load_failure

        logger.error("model_load_failed", extra=error_fields(error))
        return explain_load_failure(error, self._settings.name, self._plan)

    def _load(self) -> None:
        prepare_environment()
        compiling = compiler.LibraryBuild() if self._settings.native else None
        self._enter_stage("importing torch and transformers")
        from bot.engine.core import engine_core, resources
        from bot.engine.model_loader.load_failure import check_room
        from bot.engine.model_loader.load_plan import plan_load
        from bot.engine.model_loader.loader import load_model
        from bot.engine.runtime.cpu_threads import set_threads

        set_threads(self._settings.threads)
        self._enter_stage("looking for the base model")
        self._plan = plan = plan_load(self._settings, self._data, self._enter_stage, serves_packed=True)
        tokenizer = plan.read_tokenizer()
        self.context = plan.context_length(self._settings.context)
        self._listener.tokenizer_read(tokenizer)
        check_room(plan)
        self._enter_stage("loading the base model")
        library = compiling.library() if compiling else None
        self.loaded = load_model(plan, self._settings, tokenizer, library)
        self.context = self.loaded.context  # a card may have less room
        self.base = self.loaded.base
        self.core = engine_core.EngineCore(
            resources.RequestResources(self.loaded, self._settings.rows),
            self.stats,
            self._settings.graphs,
        )

    def _restart(self) -> None:
        """Make the engine anew after its device was lost; else report that this process cannot go on.

        Adapters stay registered. Requests of which nobody has seen a piece run again.
        """
        assert self.core is not None
        self.state, self.stage = "restarting", "waiting for the graphics card"
        waiting = self.core.abandon()
        adapters = self.core.resources.adapters.registered
        try:
            self._release()
            self._load_again(adapters)
        except _StoppedWhileLoading:
            raise
        except (Exception, MemoryError) as error:
            self._give_up(self._explained(error), waiting)
            return
        for stream in waiting:
            self._add_request(stream)
        self.state, self.stage = "ready", ""
        logger.warning("engine_restarted", extra={"requests": len(waiting)})

    def _load_again(self, adapters: Sequence["LoadedAdapter"]) -> None:
        assert self._plan is not None
        from bot.engine.runtime.recovery import wait_for_device

        wait_for_device(self._plan.device)
        self._load()
        assert self.core is not None
        for adapter in adapters:
            self.core.add_adapter(adapter)

    def _give_up(self, error: UserError, waiting: Sequence[OutputStream]) -> None:
        """Fail everything with the error after which a service starts the process again."""
        self._release()
        needed = error if isinstance(error, RestartNeeded) else RestartNeeded(str(error))
        self.state, self.stage, self.error = "failed", "", needed
        logger.error("restart_needed", extra={"reason": str(needed)})
        for stream in waiting:
            stream.fail(needed)
        self._listener.engine_lost(needed)

    def _release(self) -> None:
        """Let go of the core with its caches and adapters, then of the model, and give their memory back."""
        had_model = self.loaded is not None
        if self.core is not None:
            self.core.resources.close()
        self.core = None
        self.loaded = None
        if had_model:
            from bot.engine.runtime.errors import empty_cache

            empty_cache()

    def _enter_stage(self, stage: str) -> None:
        if self.closing:
            raise _StoppedWhileLoading
        self.stage = stage

    def _report_failure(self, error: UserError) -> None:
        self._release()
        self.state, self.error = "failed", error
        self._listener.load_failed(error)

    def _process_inputs(self, wait: bool) -> None:
        """Empty the input queue: queue requests, run commands at once. `wait`: sleep until an input comes."""
        while wait or not self.input_queue.empty():
            item = self.input_queue.get()
            if isinstance(item, OutputStream):
                self._add_request(item)
            elif item is not None:
                item()
            wait = False

    def _add_request(self, stream: OutputStream) -> None:
        if self.core is not None:
            stream.resume_deadlines()
            self.core.add_request(stream)
        else:
            assert self.error is not None
            stream.fail(self.error)
