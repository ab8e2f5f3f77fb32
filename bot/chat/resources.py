"""The parts that intake, reply pipeline and commands of one chat share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bot.chat.delivery import Outlet
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Engine
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Cast


@dataclass(slots=True)
class ChatResources:
    """Memory, engine and settings of one chat.

    `/persona reload` replaces `cast`; each platform adds its outlet. `clock` gives Unix seconds. `random`
    draws seeds and message ids.
    """

    memory: Memory
    engine: Engine
    cast: Cast
    settings: ChatSettings
    model: ModelSettings
    clock: Callable[[], float]
    random: Random
    outlets: dict[str, Outlet] = field(default_factory=dict)  # by platform

    def outlet(self, place: Place) -> Outlet:
        """Return the outlet of the place's platform."""
        return self.outlets[place.platform]
