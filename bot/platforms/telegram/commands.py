"""What people ask of the bot itself, by command or by button."""

import logging
import re
from collections.abc import Container
from functools import partial

from bot.chat import proactive
from bot.chat.chat import Chat
from bot.chat.commands import CommandCall, Level, parse_line, run_command
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.telegram.chat_queues import ChatQueues
from bot.platforms.telegram.command_menu import Button, Menu, Menus, buttons
from bot.platforms.telegram.events import Asker, ButtonEvent, CommandEvent
from bot.platforms.telegram.notices import change, tell
from bot.platforms.telegram.permissions import level
from bot.platforms.telegram.sender import Sender, is_group
from bot.platforms.telegram.translate import PLATFORM, START

log = logging.getLogger(__name__)

_OLD = "These buttons are too old: send the command again."
_FOREIGN = "These buttons are for somebody else: send the command yourself."
_TOAST = 200  # characters that an answer to a button may have (Bot API, answerCallbackQuery)


class CommandHandler:
    """Commands and buttons, done beside intake: in order in each place, except `/stop`, which never waits."""

    def __init__(self, sender: Sender, chat: Chat, memory: Memory, owners: Container[str]) -> None:
        self._sender, self._chat, self._memory, self._owners = sender, chat, memory, owners
        self._lanes, self._menus = ChatQueues(), Menus()

    async def close(self) -> None:
        await self._lanes.close()

    def ask(self, asked: CommandEvent) -> None:
        """Do what a command asks for, and answer it."""
        if asked.name == "stop":
            self._lanes.start(self._command(asked))
        else:
            self._lanes.add(asked.place, partial(self._command, asked))

    def press(self, pressed: ButtonEvent, place: Place) -> None:
        """Do what a button stands for, if whoever presses it may."""
        self._lanes.add(place, partial(self._press, pressed))

    def tell(self, place: Place, text: str, reply_to: str) -> None:
        """Say something about a message that was not taken."""
        self._lanes.add(place, partial(self._say, place, text, reply_to))

    def greet(self, place: Place, user: str) -> None:
        """Let the persona speak first where the bot was just brought in."""
        self._lanes.add(place, partial(proactive.greet, self._chat, self._memory, place, user, group=True))

    def move(self, old: Place, new: Place) -> None:
        """Let a chat go on elsewhere, when nobody speaks in it."""
        self._lanes.add(old, partial(self._move, old, new))

    async def _move(self, old: Place, new: Place) -> None:
        await self._chat.worker(old).idle()
        await self._chat.move(old, new)

    async def _command(self, asked: CommandEvent) -> None:
        rights = await self._level(asked.asker, asked.place)
        try:
            text = await self._done(asked, rights)
        except UserError as error:
            text = str(error)
        if not text:
            return
        found = (
            () if asked.argument else await buttons(self._chat, self._memory, asked.place, asked.name, rights)
        )
        await self._answer(asked, text, found)

    async def _done(self, asked: CommandEvent, rights: Level) -> str:
        log.info("a command", extra={"place": str(asked.place), "command": asked.name, "level": rights.name})
        if asked.name == START:
            return await self._start(asked, rights)
        _, options = parse_line(f"{asked.name} {asked.argument}")
        return await run_command(
            asked.name, CommandCall(self._chat, self._memory, asked.place, asked.asker.name, rights, options)
        )

    async def _start(self, asked: CommandEvent, rights: Level) -> str:
        """A greeting where nothing has been said yet, else what can be asked for."""
        if await self._memory.history(asked.place, limit=1):
            return await run_command(
                "help", CommandCall(self._chat, self._memory, asked.place, asked.asker.name, rights)
            )
        await proactive.greet(
            self._chat, self._memory, asked.place, asked.asker.name, group=is_group(asked.place)
        )
        if await self._memory.history(asked.place, limit=1):
            return ""
        return f"{(await self._chat.resident(asked.place)).name} is here: say something."

    async def _answer(self, asked: CommandEvent, text: str, found: tuple[Button, ...]) -> None:
        asker = None if asked.asker.speaks_as is not None else asked.asker.id
        menu = Menu(asked.place, asker, asked.name, found)
        reply_to = asked.id if is_group(asked.place) else ""
        keyboard = menu.keyboard if found else None
        message = await tell(self._sender, asked.place, _narrow(text), reply_to, keyboard)
        if message and found:
            self._menus.open(message, menu)

    async def _say(self, place: Place, text: str, reply_to: str) -> None:
        await tell(self._sender, place, text, reply_to)

    async def _press(self, pressed: ButtonEvent) -> None:
        """Every press gets an answer, or the button would spin."""
        chat = str(pressed.asker.chat)
        menu = self._menus.find(chat, pressed.message)
        button = menu.button(pressed.data) if menu else None
        if menu is None or button is None:
            await self._toast(pressed, _OLD)
            return
        rights = await self._level(pressed.asker, menu.place)
        if pressed.asker.id != menu.asker and rights < Level.ADMIN:
            await self._toast(pressed, _FOREIGN)
            return
        ask = CommandCall(self._chat, self._memory, menu.place, pressed.asker.name, rights, button.options)
        try:
            text = await run_command(menu.command, ask)
        except UserError as error:
            await self._toast(pressed, str(error))
            return
        await self._toast(pressed, "")
        await self._follow(pressed, menu, rights, text)

    async def _follow(self, pressed: ButtonEvent, menu: Menu, rights: Level, text: str) -> None:
        """Show what came of a press: settings as they are now, or that somebody else speaks."""
        if menu.command != "settings":
            self._menus.close(str(pressed.asker.chat), pressed.message)
            await change(self._sender, menu.place, pressed.message, text, None)
            return
        found = await buttons(self._chat, self._memory, menu.place, menu.command, rights)
        fresh = Menu(menu.place, menu.asker, menu.command, found)
        self._menus.open(pressed.message, fresh)
        shown = await run_command(
            menu.command, CommandCall(self._chat, self._memory, menu.place, pressed.asker.name, rights)
        )
        await change(self._sender, menu.place, pressed.message, _narrow(shown), fresh.keyboard)

    async def _toast(self, pressed: ButtonEvent, text: str) -> None:
        place = Place(PLATFORM, "", str(pressed.asker.chat))
        try:
            answer = self._sender.bot.answer_callback_query(pressed.id, text[:_TOAST] or None)
            await self._sender.call(place, answer)
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("a press is not answered", extra={"reason": str(error)})

    async def _level(self, asker: Asker, place: Place) -> Level:
        return await level(self._sender, asker, self._owners, place)


def _narrow(text: str) -> str:
    """A table made for a terminal as lines for a telephone."""
    return re.sub(r" {2,}", "  ", text)
