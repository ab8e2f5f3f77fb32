"""The parts that intake, reply pipeline and commands of one chat share."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bot.chat.delivery import Outlet
from bot.chat.public_errors import public_text
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Cast

log = logging.getLogger(__name__)


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

    def public_text(self, error: UserError | str) -> str:
        """Return an error without the paths and names that only the owner of the machine reads."""
        return public_text(error, (self.model.name, str(self.cast.folder or "")))

    def notice(self, place: Place, error: UserError) -> str:
        """Return an error as a place's people may read it, and log it where that is not all of it."""
        text = str(error) if self.outlet(place).for_owner else self.public_text(error)
        if text != str(error):
            log.warning("error_hidden", extra={"place": str(place), "reason": str(error)})
        return text
