"""The engine in this process: a base model on a daemon thread, and an event loop that never waits for it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from bot.adapter.choice import AdapterChoice, choose_adapter
from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Request, Status
from bot.engine.local.engine_thread import EngineThread
from bot.engine.local.loop_listener import LoopListener, fail_future, settle_future
from bot.errors import UserError
from bot.message import Place
from bot.prompt.builder import Tokenizer

if TYPE_CHECKING:
    from bot.engine.core.engine_core import EngineCore
    from bot.engine.model_loader.loader import LoadedModel

logger = logging.getLogger(__name__)

JOIN_TIMEOUT = 0.5  # seconds that `__aexit__` waits for the engine's thread, before it is abandoned
STUCK_SECONDS = 20.0  # a step that takes longer counts as stuck


class LocalEngine:
    """An `Engine` whose model lives in this process. All requests share one running batch.

    A thread that still loads, or hangs in a step, when the engine is left is abandoned: see `abandoned`.
    """

    def __init__(self, settings: ModelSettings, data: Path) -> None:
        """`data` is the folder of converted models."""
        self._name = settings.name
        self._listener = LoopListener(self._close_thread)
        self._engine_thread = EngineThread(settings, data, self._listener)
        self._thread = threading.Thread(target=self._engine_thread.run, name="engine", daemon=True)
        self._running = False
        self._streams: set[OutputStream] = set()
        self._commands: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._listener.attach(self._loop)
        self._running = True
        self._thread.start()
        self._watchdog = asyncio.create_task(self._watch_steps())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = False
        self._watchdog.cancel()
        self._close_thread()
        self._engine_thread.input_queue.put(None)  # wakes the thread
        for stream in self._streams:
            stream.abort("cancelled")
        fail_future(self._listener.tokenizer, _not_running())
        for future in (self._listener.ready, self._listener.lost, *self._commands):
            fail_future(future, _not_running())
        try:
            await asyncio.wait_for(self._listener.ended.wait(), JOIN_TIMEOUT)
            self._thread.join()  # `thread_ended` is its last call
        except TimeoutError:
            logger.info("engine_thread_abandoned")

    @property
    def loaded(self) -> "LoadedModel | None":
        """The model, once it is ready; it belongs to the engine's thread."""
        return self._engine_thread.loaded

    @property
    def abandoned(self) -> bool:
        """True when the engine was left with its thread still busy.

        The process must then end with `os._exit`, since an interpreter that shuts down under a thread inside
        torch aborts.
        """
        return not self._running and self._thread.is_alive()

    async def tokenizer(self) -> Tokenizer:
        """Return the base model's tokenizer, as soon as it is read; raises `UserError` without a model."""
        self._check_running()
        return await asyncio.shield(self._listener.tokenizer)

    async def ready(self) -> None:
        """Return when the model is loaded; raises `UserError` when it could not be loaded."""
        self._check_running()
        await asyncio.shield(self._listener.ready)

    async def lost(self) -> None:
        """Wait until the engine cannot go on in this process; then raises `RestartNeeded`."""
        self._check_running()
        await asyncio.shield(self._listener.lost)

    def generate(self, request: Request) -> OutputStream:
        """Queue the request. Errors that a person can mend come out of the iteration as `UserError`."""
        stream = OutputStream(request, asyncio.get_running_loop(), self._is_stuck)
        if self._engine_thread.state == "restarting":
            stream.pause_deadlines()
        if not self._running:
            stream.fail(_not_running())
            return stream
        self._streams = {other for other in self._streams if not other.finished} | {stream}
        self._engine_thread.input_queue.put(stream)
        return stream

    async def choose_adapter(self, persona: str, folders: Sequence[Path]) -> AdapterChoice:
        """Choose among a persona's adapters by the base model, off the event loop."""
        await self.ready()
        assert self._engine_thread.base is not None
        return await asyncio.to_thread(choose_adapter, persona, folders, self._engine_thread.base)

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Validate and register an adapter, in place of one of that name.

        Raises `UserError` and keeps the old one when the folder is refused.
        """
        await self.ready()
        assert self._engine_thread.base is not None
        from bot.engine.lora.registry import read_adapter  # imported already, by the engine's thread

        adapter = await asyncio.to_thread(read_adapter, name, folder, self._engine_thread.base)
        adapter = await asyncio.to_thread(self._engine_thread.prepare_adapter, adapter)
        await self._run_on_thread(lambda core: core.add_adapter(adapter))

    async def drop_adapter(self, name: str) -> None:
        """Unregister an adapter; later requests that name it fail."""
        await self.ready()
        await self._run_on_thread(lambda core: core.drop_adapter(name))

    async def forget(self, place: Place) -> None:
        """Drop a place's keys and values from the prefix cache, once the running step is over."""
        if self._running and self._engine_thread.core is not None:
            await self._run_on_thread(lambda core: core.forget_place(place))

    def status(self) -> Status:
        """Return the engine's state at this moment; cheap, and never waits."""
        thread, core, stats = self._engine_thread, self._engine_thread.core, self._engine_thread.stats
        unfinished = sum(not stream.finished for stream in self._streams)
        running = core.running_requests if core else 0
        return Status(
            state=self._state(),
            model=self._name,
            weights=thread.loaded.precision if thread.loaded else "",
            running=running,
            queued=max(0, unfinished - running),
            answered=stats.answered,
            tokens_per_second=stats.tokens_per_second,
            adapters=core.resources.adapters.names if core else (),
            error=str(thread.error or ""),
            stage=thread.stage,
            context=thread.context,
            rows=core.running_sequences if core else 0,
            first_token=(stats.first_token_quantile(0.5), stats.first_token_quantile(0.95)),
            hit_rate=stats.hit_rate,
            prompt_tokens=stats.prompt_tokens,
            reused_tokens=stats.reused_tokens,
            drawn_tokens=stats.drawn_tokens,
            memory=core.resources.memory if core else {},
        )

    def _state(self) -> Literal["loading", "ready", "stuck", "restarting", "failed", "stopped"]:
        if not self._running:
            return "stopped"
        return "stuck" if self._is_stuck() else self._engine_thread.state

    def _is_stuck(self) -> bool:
        return self._engine_thread.stats.is_stuck(STUCK_SECONDS)

    async def _watch_steps(self) -> None:
        """Log a step that hangs, and its end, once each."""
        logged = False
        while True:
            await asyncio.sleep(1)
            if (stuck := self._is_stuck()) != logged:
                logged = stuck
                if stuck:
                    logger.error("step_stuck", extra={"seconds": STUCK_SECONDS})
                else:
                    logger.warning("stuck_step_ended")

    async def _run_on_thread(self, work: Callable[["EngineCore"], object]) -> None:
        """Run `work` on the engine's thread between two steps, and await it; raises its errors."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._commands.add(done)

        def command() -> None:
            try:
                if self._engine_thread.core is None:  # lost, and not to be made anew
                    raise self._engine_thread.error or _not_running()
                work(self._engine_thread.core)
            except Exception as error:  # crosses to the caller
                self._listener.post(fail_future, done, error)
            else:
                self._listener.post(settle_future, done, None)

        self._engine_thread.input_queue.put(command)
        try:
            await done
        finally:
            self._commands.discard(done)

    def _close_thread(self) -> None:
        self._engine_thread.closing = True

    def _check_running(self) -> None:
        if not self._running:
            raise _not_running()


def _not_running() -> UserError:
    return UserError("The engine is not running: start the bot again.")
