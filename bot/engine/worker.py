"""What the engine's thread does: load the model, then answer one request after the other, come what may."""

import logging
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.config import ModelSettings
from bot.engine.answering import Answering
from bot.engine.engine import Answer
from bot.engine.environment import prepare
from bot.engine.generation import LocalGeneration
from bot.errors import UserError
from bot.prompt import Tokenizer

if TYPE_CHECKING:
    from bot.engine.adapters import Adapters
    from bot.engine.model import Loaded

logger = logging.getLogger(__name__)

Command = Callable[[], None]


class Listener(Protocol):
    """Who hears from the thread, on the thread."""

    def tokenizer_read(self, tokenizer: Tokenizer) -> None: ...
    def model_loaded(self) -> None: ...
    def load_failed(self, error: UserError) -> None: ...
    def ended(self) -> None: ...


class _Closing(Exception):
    """The engine was left while the model was loading."""


class Worker:
    """The life of the engine's thread. Others may touch `inbox`, `closing` and the plain fields."""

    def __init__(self, settings: ModelSettings, data: Path, listener: Listener) -> None:
        self.inbox: SimpleQueue[LocalGeneration | Command | None] = SimpleQueue()
        self.closing = False
        self.state: Literal["loading", "ready", "failed"] = "loading"
        self.stage = "starting"
        self.context = settings.context  # until the model's files say less
        self.error: UserError | None = None
        self.running = self.answered = 0
        self.speed = 0.0  # tokens per second of the latest answer
        self.loaded: Loaded | None = None
        self.adapters: Adapters | None = None
        self._settings, self._data, self._listener = settings, data, listener
        self._waiting: deque[LocalGeneration] = deque()

    def run(self) -> None:
        """The thread's own function."""
        try:
            self._start()
            while not self.closing:
                self._receive(wait=not self._waiting)
                if self._waiting and not self.closing:
                    self._serve(self._waiting.popleft())
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
        prepare()
        self._progress("importing torch and transformers")
        from bot.engine import adapters, cache, model, source
        from bot.engine.tokenizer_files import read_tokenizer

        cache.use_threads(self._settings.threads)
        self._progress("looking for the base model")
        found = model.plan(self._settings, self._data, self._progress)
        tokenizer = read_tokenizer(found.folder)
        self.context = source.context_of(found.folder, self._settings.context)
        self._listener.tokenizer_read(tokenizer)
        self._progress("loading the base model")
        self.loaded = model.load(found, self._settings, tokenizer)
        self.adapters = adapters.Adapters(self.loaded.model)

    def _progress(self, stage: str) -> None:
        if self.closing:
            raise _Closing
        self.stage = stage

    def _give_up(self, error: UserError) -> None:
        self.state, self.error = "failed", error
        self._listener.load_failed(error)

    def _receive(self, wait: bool) -> None:
        """Take what has arrived: requests stand in line, commands are carried out at once."""
        while wait or not self.inbox.empty():
            item = self.inbox.get()
            if isinstance(item, LocalGeneration):
                self._waiting.append(item)
            elif item is not None:
                item()
            wait = False

    def _serve(self, generation: LocalGeneration) -> None:
        """Answer one request; no error but the process's end leaves here."""
        self.running = 1
        try:
            answers = self._answer(generation)
            self.answered += 1
            self.running = 0
            generation.end(answers)
        except UserError as error:
            generation.fail(error)
        except (Exception, MemoryError) as error:  # one request may fail, the engine goes on
            generation.fail(self._understood(error))
        self.running = 0

    def _answer(self, generation: LocalGeneration) -> tuple[Answer, ...]:
        if self.error is not None:
            raise self.error
        assert self.loaded is not None
        assert self.adapters is not None
        from bot.engine.cache import Rows
        from bot.engine.sampling import Sampler

        request, loaded = generation.request, self.loaded
        vocabulary = loaded.model.get_input_embeddings().num_embeddings
        limit = _room(request.ids, vocabulary, loaded.context)
        self.adapters.use(request.adapter, request.strength)
        end = request.stop_ids or loaded.tokenizer.end
        answering = Answering(
            generation, loaded.tokenizer.spell, end, min(limit, request.sampling.max_tokens)
        )
        sampler = Sampler(request, end, vocabulary, loaded.device)
        began = monotonic()
        answers = answering.run(Rows(loaded.model), sampler, lambda: self._receive(wait=False))
        self.speed = answering.tokens / max(monotonic() - began, 1e-6)
        return answers

    def _understood(self, error: BaseException) -> BaseException:
        """What to tell of an error inside a request; the log gets it without any text of a prompt."""
        from bot.engine import cache

        _log("A request failed", error)
        if not cache.is_out_of_memory(error):
            return error
        error.__traceback__ = None  # it holds the request's tensors
        cache.free_memory()
        return UserError(
            "There is not enough memory for this request: try a shorter message, or a smaller context."
        )


def _room(ids: tuple[int, ...], vocabulary: int, context: int) -> int:
    """How many tokens an answer may have behind this prompt."""
    if not ids:
        raise UserError("The prompt is empty: say something first.")
    if len(ids) >= context:
        raise UserError(
            f"The prompt has {len(ids):,} tokens and the model reads {context:,}: "
            "shorten it, or raise [model] context."
        )
    if not 0 <= min(ids) <= max(ids) < vocabulary:
        raise ValueError("The prompt has an id that the model does not know.")
    return context - len(ids)


def _log(what: str, error: BaseException) -> None:
    places: Any = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", what, type(error).__name__, places)
