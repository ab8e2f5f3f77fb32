"""What the engine's thread does: load the model, then one step of the running batch after the other."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.stats import EngineStats
from bot.engine.kernels import compiler
from bot.engine.runtime.environment import prepare_environment
from bot.errors import UserError
from bot.prompt.builder import Tokenizer

if TYPE_CHECKING:
    from bot.engine.core.engine_core import EngineCore
    from bot.engine.model_loader.loader import LoadedModel

logger = logging.getLogger(__name__)

Command = Callable[[], None]


class EngineListener(Protocol):
    """Who hears from the thread, on the thread."""

    def tokenizer_read(self, tokenizer: Tokenizer) -> None: ...
    def model_loaded(self) -> None: ...
    def load_failed(self, error: UserError) -> None: ...
    def ended(self) -> None: ...


class _Closing(Exception):
    """The engine was left while the model was loading."""


class EngineThread:
    """The life of the engine's thread. Others may touch `inbox`, `closing` and the plain fields."""

    def __init__(self, settings: ModelSettings, data: Path, listener: EngineListener) -> None:
        self.input_queue: SimpleQueue[OutputStream | Command | None] = SimpleQueue()
        self.closing = False
        self.state: Literal["loading", "ready", "failed"] = "loading"
        self.stage = "starting"
        self.context = settings.context  # until the model's files say less
        self.error: UserError | None = None
        self.stats = EngineStats()
        self.loaded: LoadedModel | None = None
        self.core: EngineCore | None = None
        self._settings, self._data, self._listener = settings, data, listener

    def run(self) -> None:
        """The thread's own function."""
        try:
            self._start()
            while not self.closing:
                self._receive(wait=self.core is None or self.core.idle)
                if self.core is not None and not self.closing:
                    self.core.step()
        except _Closing:
            logger.info("The engine was left while the model was loading.")
        finally:
            self._listener.ended()

    def _start(self) -> None:
        try:
            self._load()
            self.state = "ready"
            self._listener.model_loaded()
        except UserError as error:
            self._give_up(error)
        except (Exception, MemoryError) as error:  # whatever a model's files make the libraries raise
            if isinstance(error, _Closing):
                raise
            _log("The base model could not be loaded", error)
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self._give_up(
                UserError(
                    f"The base model {self._settings.name} could not be loaded ({reason}): "
                    "check its files, or choose another [model] name or precision."
                )
            )
        self.stage = ""

    def _load(self) -> None:
        prepare_environment()
        compiling = compiler.Compiling() if self._settings.native else None
        self._progress("importing torch and transformers")
        from bot.engine.checkpoint import source
        from bot.engine.core import engine_core, resources
        from bot.engine.model_loader import loader
        from bot.engine.runtime import cpu_threads
        from bot.engine.tokenizer.files import read_tokenizer

        cpu_threads.set_threads(self._settings.threads)
        self._progress("looking for the base model")
        found = loader.plan_load(self._settings, self._data, self._progress)
        tokenizer = read_tokenizer(found.folder)
        self.context = source.context_length(found.folder, self._settings.context)
        self._listener.tokenizer_read(tokenizer)
        self._progress("loading the base model")
        library = compiling.library() if compiling else None
        self.loaded = loader.load_model(found, self._settings, tokenizer, library)
        self.core = engine_core.EngineCore(
            resources.RequestResources(self.loaded, self._settings.rows), self.stats
        )

    def _progress(self, stage: str) -> None:
        if self.closing:
            raise _Closing
        self.stage = stage

    def _give_up(self, error: UserError) -> None:
        self.state, self.error = "failed", error
        self._listener.load_failed(error)

    def _receive(self, wait: bool) -> None:
        """Take what has arrived: requests stand in line, commands are carried out at once."""
        while wait or not self.input_queue.empty():
            item = self.input_queue.get()
            if isinstance(item, OutputStream):
                self._add(item)
            elif item is not None:
                item()
            wait = False

    def _add(self, generation: OutputStream) -> None:
        if self.core is not None:
            self.core.add_request(generation)
        else:
            assert self.error is not None
            generation.fail(self.error)


def _log(what: str, error: BaseException) -> None:
    places: Any = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", what, type(error).__name__, places)
