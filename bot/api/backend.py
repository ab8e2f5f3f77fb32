"""The parts behind the API's routes: the engine, the personas, their adapters and the threads for prompts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from bot.api.errors import ApiError, bad_field, too_long, unavailable
from bot.api.metrics.metrics import Metrics
from bot.api.metrics.waiting_messages import CountWaiting
from bot.api.model_list import ServedModel, find_model
from bot.api.prompts import PromptContext
from bot.chat.adapter_loader import AdapterLoader
from bot.chat.prompt_pool import PromptPool
from bot.chat.public_errors import public_text
from bot.config import Config
from bot.engine.interface import Engine, Generation
from bot.errors import UserError
from bot.persona.persona import Cast
from bot.prompt.builder import Prompt
from bot.prompt.truncation import PromptTooLong

Parameters = ParamSpec("Parameters")
Made = TypeVar("Made")


@dataclass(slots=True)
class Backend:
    """`cast` returns the personas of the moment, which `/persona reload` replaces. `clock`: Unix seconds.

    `count_waiting` counts the messages that wait in memory, where there is one.
    """

    engine: Engine
    cast: Callable[[], Cast]
    settings: Config
    adapters: AdapterLoader
    prompts: PromptPool
    clock: Callable[[], float] = time.time
    running: set[Generation] = field(default_factory=set)
    is_closing: bool = False
    count_waiting: CountWaiting | None = None
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.engine.status, self.count_waiting)

    def model(self, id: str) -> ServedModel:
        """Return the model that a client names. Raises `ApiError` where there is none."""
        return find_model(self.cast(), self.settings.model.name, id)

    def check_open(self) -> None:
        """Raise `ApiError` where no generation may begin any more."""
        if self.is_closing:
            raise unavailable("The server is stopping: ask again in a moment.", "stopping")

    async def served(self, model: ServedModel) -> ServedModel:
        """Return a persona's model with the adapter that fits, loaded; waits until the engine is ready."""
        self.check_open()
        await self.engine.ready()
        if model.is_base:
            return model
        return replace(model, persona=await self.adapters.ensure_loaded(model.persona))

    async def context(self) -> PromptContext:
        """Return the facts that a prompt needs, once the tokenizer is read."""
        tokenizer = await self.engine.tokenizer()
        return PromptContext(tokenizer, self.settings, self.engine.status().context, self.clock())

    async def prompt(
        self,
        persona: str,
        param: str,
        make: Callable[Parameters, Made],
        *args: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Made:
        """Return what `make` builds off the event loop, on the threads of a persona's key.

        Raises `ApiError` that names the field `param` where it is too long.
        """
        try:
            made = await self.prompts.run(persona, make, *args, **options)
        except PromptTooLong as error:
            raise too_long(str(error), param) from None
        if isinstance(made, Prompt) and not made.ids:
            raise bad_field(param, "write at least one word")
        return made

    def api_error(self, error: UserError, *, for_owner: bool) -> ApiError:
        """Return an error of the engine for a client; only the machine's owner reads paths and names."""
        private = (self.settings.model.name, str(self.cast().folder or ""))
        return unavailable(str(error) if for_owner else public_text(error, private))

    def cancel_all(self) -> None:
        """End all generations, and begin no more."""
        self.is_closing = True
        for generation in tuple(self.running):
            generation.cancel()
