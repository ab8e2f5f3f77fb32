"""An engine's thread on a pretended card, run in the test's own thread: a card is pretended by thread."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import transformers

from bot.config import ModelSettings
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Answer, Request
from bot.engine.local.engine_thread import EngineThread
from bot.errors import RestartNeeded, UserError
from bot.persona.persona import Sampling
from tests.fakes.card.models import empty_model

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=6)
NO_STOP = frozenset({100_000})


class Listener:
    """A listener that keeps what the thread reports."""

    def __init__(self) -> None:
        self.loads, self.ended = 0, False
        self.failed: UserError | None = None
        self.lost: RestartNeeded | None = None

    def tokenizer_read(self, tokenizer: Any) -> None:
        pass

    def model_loaded(self) -> None:
        self.loads += 1

    def load_failed(self, error: UserError) -> None:
        self.failed = error

    def engine_lost(self, error: RestartNeeded) -> None:
        self.lost = error

    def thread_ended(self) -> None:
        self.ended = True


@contextmanager
def weightless(precision: str = "bf16") -> Iterator[mock.Mock]:
    """Let transformers load models without weights, on the pretended card."""

    def load(folder: Path, **arguments: Any) -> Any:
        config = transformers.AutoConfig.from_pretrained(folder)
        model = empty_model(config, precision)
        return (model, {"missing_keys": set()}) if arguments.get("output_loading_info") else model

    with mock.patch.object(transformers.AutoModelForCausalLM, "from_pretrained", side_effect=load) as loads:
        yield loads


class WatchedStream(OutputStream):
    """A stream that tells when its request has ended."""

    ended: Callable[[], None]

    def finish(self, answers: tuple[Answer, ...]) -> None:
        super().finish(answers)
        self.ended()

    def fail(self, error: BaseException) -> None:
        super().fail(error)
        self.ended()


class Served:
    """An `EngineThread` with requests and commands put into its queue beforehand."""

    def __init__(self, folder: Path, data: Path, **more: object) -> None:
        plain = {"name": str(folder), "precision": "bf16", "context": 2048, "device": "cuda", "native": False}
        self.listener = Listener()
        self.thread = EngineThread(ModelSettings.model_validate(plain | more), data, self.listener)
        self.streams: list[OutputStream] = []

    def ask(
        self,
        tokens: int = 9,
        after: WatchedStream | None = None,
        first: Callable[[], None] = lambda: None,
        **more: Any,
    ) -> WatchedStream:
        """Queue a request of so many tokens: now, or `after` the end of another one and a call of `first`."""
        patient = {"first_deadline": 3600.0, "deadline": 3600.0}  # a pretended card is slow
        arguments = {"sampling": GREEDY, "stop_ids": NO_STOP, **patient} | more
        request = Request(tuple(300 + n % 90 for n in range(tokens)), **arguments)
        stream = WatchedStream(request, asyncio.get_running_loop())
        stream.ended = self._close_at_the_end
        self.streams.append(stream)
        if after is None:
            self.thread.input_queue.put(stream)
        else:
            after.ended = lambda: (first(), self.thread.input_queue.put(stream))
        return stream

    def then(self, command: Callable[[], None]) -> None:
        """Queue a command that runs between two steps, before later inputs."""
        self.thread.input_queue.put(command)

    def run(self) -> None:
        """Run the thread until all requests have ended."""
        self.thread.run()

    def _close_at_the_end(self) -> None:
        if all(stream.finished for stream in self.streams):
            self.thread.closing = True
            self.thread.input_queue.put(None)
