"""The engine's thread: load the model, then execute one step of the engine core after the other."""

import logging
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal, Protocol

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.stats import EngineStats
from bot.engine.kernels import compiler
from bot.engine.runtime.environment import prepare_environment
from bot.engine.runtime.log_fields import error_fields
from bot.errors import UserError
from bot.prompt.builder import Tokenizer

if TYPE_CHECKING:
    from bot.engine.core.engine_core import EngineCore
    from bot.engine.model_loader.loader import LoadedModel

logger = logging.getLogger(__name__)

Command = Callable[[], None]


class EngineListener(Protocol):
    """Listener to the engine's thread; called on that thread, in the order of these methods."""

    def tokenizer_read(self, tokenizer: Tokenizer) -> None: ...
    def model_loaded(self) -> None: ...
    def load_failed(self, error: UserError) -> None: ...
    def thread_ended(self) -> None: ...


class _StoppedWhileLoading(Exception):
    """The engine was stopped while the model was loading."""


class EngineThread:
    """Life of the engine's thread. Other threads may touch `input_queue`, `closing` and the plain fields."""

    def __init__(self, settings: ModelSettings, data: Path, listener: EngineListener) -> None:
        """`data` is the folder of converted models."""
        self.input_queue: SimpleQueue[OutputStream | Command | None] = SimpleQueue()
        self.closing = False
        self.state: Literal["loading", "ready", "failed"] = "loading"
        self.stage = "starting"
        self.context = settings.context  # tokens; config.json of the model may limit it
        self.error: UserError | None = None
        self.stats = EngineStats()
        self.loaded: LoadedModel | None = None
        self.core: EngineCore | None = None
        self._settings, self._data, self._listener = settings, data, listener

    def run(self) -> None:
        """Run the thread until `closing` is set. After a failed load, requests fail with the load's error."""
        try:
            self._start()
            while not self.closing:
                self._process_inputs(wait=self.core is None or self.core.idle)
                if self.core is not None and not self.closing:
                    self.core.step()
        except _StoppedWhileLoading:
            logger.info("stopped_while_loading")
        finally:
            self._listener.thread_ended()

    def _start(self) -> None:
        try:
            self._load()
            self.state = "ready"
            self._listener.model_loaded()
        except _StoppedWhileLoading:
            raise
        except UserError as error:
            self._report_failure(error)
        except (Exception, MemoryError) as error:  # any error of the libraries over a model's files
            logger.error("model_load_failed", extra=error_fields(error))
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self._report_failure(
                UserError(
                    f"The base model {self._settings.name} could not be loaded ({reason}): "
                    "check its files, or choose another [model] name or precision."
                )
            )
        self.stage = ""

    def _load(self) -> None:
        prepare_environment()
        compiling = compiler.LibraryBuild() if self._settings.native else None
        self._enter_stage("importing torch and transformers")
        from bot.engine.checkpoint.source import context_length
        from bot.engine.core import engine_core, resources
        from bot.engine.model_loader.loader import load_model, plan_load
        from bot.engine.runtime.cpu_threads import set_threads
        from bot.engine.tokenizer.files import read_tokenizer

        set_threads(self._settings.threads)
        self._enter_stage("looking for the base model")
        plan = plan_load(self._settings, self._data, self._enter_stage)
        tokenizer = read_tokenizer(plan.folder)
        self.context = context_length(plan.folder, self._settings.context)
        self._listener.tokenizer_read(tokenizer)
        self._enter_stage("loading the base model")
        library = compiling.library() if compiling else None
        self.loaded = load_model(plan, self._settings, tokenizer, library)
        self.context = self.loaded.context  # a card may have less room
        self.core = engine_core.EngineCore(
            resources.RequestResources(self.loaded, self._settings.rows), self.stats
        )

    def _enter_stage(self, stage: str) -> None:
        if self.closing:
            raise _StoppedWhileLoading
        self.stage = stage

    def _report_failure(self, error: UserError) -> None:
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
            self.core.add_request(stream)
        else:
            assert self.error is not None
            stream.fail(self.error)
