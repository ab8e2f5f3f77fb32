"""The owner's page as a part of the site: its routes, wired to a chat and its memory."""

from collections.abc import Callable

from bot.chat.chat import Chat
from bot.config import Config
from bot.memory.store import Memory
from bot.platforms.web.owner.adapters import AdaptersPage
from bot.platforms.web.owner.messages import MessagesPage
from bot.platforms.web.owner.overview import Overview
from bot.platforms.web.owner.personas import PersonaFolders, PersonasPage
from bot.platforms.web.owner.places import PlacesPage
from bot.platforms.web.owner.preview import PreviewPage
from bot.platforms.web.owner.training_page import TrainingPage
from bot.platforms.web.routes import RouteTable


class OwnerPage:
    """All routes below /page/owner."""

    def __init__(
        self, chat: Chat, memory: Memory, settings: Config, erase_prompts: Callable[[], object]
    ) -> None:
        folders = PersonaFolders(chat, settings)
        self._overview, self._training = Overview(chat, memory), TrainingPage(folders, settings)
        self._parts = (
            self._overview,
            PlacesPage(chat, memory, settings, erase_prompts),
            MessagesPage(memory),
            PersonasPage(folders),
            PreviewPage(folders, memory),
            AdaptersPage(folders),
            self._training,
        )

    def add_routes(self, routes: RouteTable) -> None:
        for part in self._parts:
            part.add_routes(routes)

    async def open(self) -> None:
        await self._overview.open()

    def stop_intake(self) -> None:
        self._overview.stop_intake()
        self._training.close()
