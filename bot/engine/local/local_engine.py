"""The engine in this process: a base model on a daemon thread, and an event loop that never waits for it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Request, Status
from bot.engine.local.engine_thread import EngineThread
from bot.errors import UserError
from bot.message import Place
from bot.prompt.builder import Tokenizer

if TYPE_CHECKING:
    from bot.engine.core.engine_core import EngineCore
    from bot.engine.model_loader.loader import LoadedModel

T = TypeVar("T")

logger = logging.getLogger(__name__)

JOIN_TIMEOUT = 0.5  # seconds that leaving waits for the thread, before it is abandoned
STUCK_SECONDS = 20.0  # seconds after which a step that is not over counts as stuck


class LocalEngine:
    """An `Engine` whose model lives in this process. All requests share one running batch.

    A thread that still loads, or hangs in a step, when the engine is left is abandoned: see `abandoned`.
    """

    def __init__(self, settings: ModelSettings, data: Path) -> None:
        """`data` is where converted models are kept."""
        self._name = settings.name
        self._engine_thread = EngineThread(settings, data, self)
        self._thread = threading.Thread(target=self._engine_thread.run, name="engine", daemon=True)
        self._running = False
        self._generations: set[OutputStream] = set()
        self._commands: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tokenizer: asyncio.Future[Tokenizer] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._running = True
        self._thread.start()
        self._watchdog = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = False
        self._watchdog.cancel()
        self._engine_thread.closing = True
        self._engine_thread.input_queue.put(None)
        for generation in self._generations:
            generation.abort("cancelled")
        _fail(self._tokenizer, _stopped())
        for future in (self._ready, *self._commands):
            _fail(future, _stopped())
        try:
            await asyncio.wait_for(self._ended.wait(), JOIN_TIMEOUT)
            self._thread.join()  # it said so as its last act
        except TimeoutError:
            logger.info("The engine's thread is still busy; it ends with the process.")

    @property
    def loaded(self) -> "LoadedModel | None":
        """The model, once it is ready; it belongs to the engine's thread."""
        return self._engine_thread.loaded

    @property
    def abandoned(self) -> bool:
        """Whether the engine was left with its thread still busy. The process must then end with `os._exit`,
        since an interpreter that shuts down under a thread inside torch aborts.
        """
        return not self._running and self._thread.is_alive()

    async def tokenizer(self) -> Tokenizer:
        """The base model's tokenizer, as soon as it is read; raises `UserError` when there is no model."""
        self._check_running()
        return await asyncio.shield(self._tokenizer)

    async def ready(self) -> None:
        """Return when the model answers; raise `UserError` when it could not be loaded."""
        self._check_running()
        await asyncio.shield(self._ready)

    def generate(self, request: Request) -> OutputStream:
        """Queue the request. Errors that a person can mend come out of the iteration as `UserError`."""
        generation = OutputStream(request, asyncio.get_running_loop(), self._stuck)
        if not self._running:
            generation.fail(_stopped())
            return generation
        self._generations = {one for one in self._generations if not one.finished} | {generation}
        self._engine_thread.input_queue.put(generation)
        return generation

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Check and load an adapter, replacing one of that name; raises `UserError` and keeps the old one."""
        await self.ready()
        assert self._engine_thread.loaded is not None
        from bot.engine.lora.registry import read_adapter  # imported already, by the thread

        known = await asyncio.to_thread(read_adapter, name, folder, self._engine_thread.loaded.base)
        await self._run_on_thread(lambda batch: batch.add_adapter(known))

    async def drop_adapter(self, name: str) -> None:
        """Forget an adapter; requests that name it from now on fail."""
        await self.ready()
        await self._run_on_thread(lambda batch: batch.drop_adapter(name))

    async def forget(self, place: Place) -> None:
        """Drop what was computed of a place's words, as soon as the step that is under way is over."""
        if self._running and self._engine_thread.core is not None:
            await self._run_on_thread(lambda batch: batch.forget_place(place))

    def status(self) -> Status:
        """The engine's state at this moment; cheap, and never waits."""
        worker, batch = self._engine_thread, self._engine_thread.core
        unfinished = sum(not generation.finished for generation in self._generations)
        running = batch.running_requests if batch else 0
        statistics = worker.stats
        return Status(
            state=self._state(),
            model=self._name,
            running=running,
            queued=max(0, unfinished - running),
            answered=statistics.answered,
            tokens_per_second=statistics.tokens_per_second,
            adapters=batch.resources.adapters.names if batch else (),
            error=str(worker.error or ""),
            stage=worker.stage,
            context=worker.context,
            rows=batch.running_sequences if batch else 0,
            first_token=(statistics.first_token_quantile(0.5), statistics.first_token_quantile(0.95)),
            hit_rate=statistics.hit_rate,
            memory=batch.resources.memory if batch else {},
        )

    def _state(self) -> Literal["loading", "ready", "stuck", "failed", "stopped"]:
        if not self._running:
            return "stopped"
        return "stuck" if self._stuck() else self._engine_thread.state

    def _stuck(self) -> bool:
        return self._engine_thread.stats.is_stuck(STUCK_SECONDS)

    async def _watch(self) -> None:
        """Say in the log when a step hangs, and when it is over."""
        told = False
        while True:
            await asyncio.sleep(1)
            if (stuck := self._stuck()) != told:
                told = stuck
                if stuck:
                    logger.error("A step of the model has taken more than %d seconds.", STUCK_SECONDS)
                else:
                    logger.warning("The step of the model that had hung is over.")

    def tokenizer_read(self, tokenizer: Tokenizer) -> None:
        """Called by the thread."""
        self._tell(_settle, self._tokenizer, tokenizer)

    def model_loaded(self) -> None:
        """Called by the thread."""
        self._tell(_settle, self._ready, None)

    def load_failed(self, error: UserError) -> None:
        """Called by the thread."""
        self._tell(_fail, self._tokenizer, error)
        self._tell(_fail, self._ready, error)

    def ended(self) -> None:
        """Called by the thread, last."""
        self._tell(self._ended.set)

    async def _run_on_thread(self, work: Callable[["EngineCore"], object]) -> None:
        """Have the thread do something between two steps, and wait for it."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._commands.add(done)

        def command() -> None:
            try:
                assert self._engine_thread.core is not None
                work(self._engine_thread.core)
            except Exception as error:  # crosses to the caller
                self._tell(_fail, done, error)
            else:
                self._tell(_settle, done, None)

        self._engine_thread.input_queue.put(command)
        try:
            await done
        finally:
            self._commands.discard(done)

    def _check_running(self) -> None:
        if not self._running:
            raise _stopped()

    def _tell(self, what: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self._engine_thread.closing = True


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # whoever waits gets it; nobody has to


def _stopped() -> UserError:
    return UserError("The engine is not running: start the bot again.")
