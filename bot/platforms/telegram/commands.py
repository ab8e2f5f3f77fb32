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
from bot.message import Place
from bot.platforms.telegram.chat_queues import ChatQueues
from bot.platforms.telegram.command_menu import Button, Menu, OpenMenus, menu_buttons
from bot.platforms.telegram.events import ButtonEvent, CommandEvent, Invoker
from bot.platforms.telegram.notices import edit_notice, send_notice
from bot.platforms.telegram.permissions import permission_level
from bot.platforms.telegram.sender import TelegramSender, is_group
from bot.platforms.telegram.translate import PLATFORM, START_COMMAND

log = logging.getLogger(__name__)

_EXPIRED = "These buttons are too old: send the command again."
_NOT_THE_INVOKER = "These buttons are for somebody else: send the command yourself."
_MAX_NOTIFICATION = 200  # characters that an answer to a button may have (Bot API, answerCallbackQuery)


class TelegramCommandHandler:
    """Commands and buttons, done beside intake: in order in each place, except `/stop`, which never waits."""

    def __init__(self, sender: TelegramSender, chat: Chat, owners: Container[str]) -> None:
        self._sender, self._chat, self._owners = sender, chat, owners
        self._queues, self._menus = ChatQueues(), OpenMenus()

    async def close(self) -> None:
        await self._queues.close()

    def run_command(self, event: CommandEvent) -> None:
        """Do what a command asks for, and answer it."""
        if event.name == "stop":
            self._queues.start(self._run_and_answer(event))
        else:
            self._queues.enqueue(event.place, partial(self._run_and_answer, event))

    def press_button(self, event: ButtonEvent, place: Place) -> None:
        """Do what a button stands for, if whoever presses it may."""
        self._queues.enqueue(place, partial(self._press_button, event))

    def send_notice(self, place: Place, text: str, reply_to: str) -> None:
        """Say something about a message that was not taken."""
        self._queues.enqueue(place, partial(self._send_notice, place, text, reply_to))

    def greet(self, place: Place, user: str) -> None:
        """Let the persona speak first where the bot was just brought in."""
        self._queues.enqueue(place, partial(proactive.greet, self._chat, place, user, group=True))

    def move_chat(self, old: Place, new: Place) -> None:
        """Let a chat go on elsewhere, when nobody speaks in it."""
        self._queues.enqueue(old, partial(self._move_chat, old, new))

    async def _move_chat(self, old: Place, new: Place) -> None:
        await self._chat.worker(old).idle()
        await self._chat.move(old, new)

    async def _run_and_answer(self, event: CommandEvent) -> None:
        rights = await self._level(event.invoker, event.place)
        try:
            text = await self._run(event, rights)
        except UserError as error:
            text = str(error)
        if not text:
            return
        found = () if event.argument else await menu_buttons(self._chat, event.place, event.name, rights)
        await self._answer(event, text, found)

    async def _run(self, event: CommandEvent, rights: Level) -> str:
        log.info("a command", extra={"place": str(event.place), "command": event.name, "level": rights.name})
        if event.name == START_COMMAND:
            return await self._start(event, rights)
        _, options = parse_line(f"{event.name} {event.argument}")
        return await run_command(
            event.name, CommandCall(self._chat, event.place, event.invoker.name, rights, options)
        )

    async def _start(self, event: CommandEvent, rights: Level) -> str:
        """A greeting where nothing has been said yet, else what can be asked for."""
        if await self._chat.memory.history(event.place, limit=1):
            return await run_command("help", CommandCall(self._chat, event.place, event.invoker.name, rights))
        await proactive.greet(self._chat, event.place, event.invoker.name, group=is_group(event.place))
        if await self._chat.memory.history(event.place, limit=1):
            return ""
        return f"{(await self._chat.resident(event.place)).name} is here: say something."

    async def _answer(self, event: CommandEvent, text: str, buttons: tuple[Button, ...]) -> None:
        asker = None if event.invoker.sender_chat is not None else event.invoker.id
        menu = Menu(event.place, asker, event.name, buttons)
        reply_to = event.id if is_group(event.place) else ""
        keyboard = menu.keyboard if buttons else None
        message = await send_notice(self._sender, event.place, _without_columns(text), reply_to, keyboard)
        if message and buttons:
            self._menus.open(message, menu)

    async def _send_notice(self, place: Place, text: str, reply_to: str) -> None:
        await send_notice(self._sender, place, text, reply_to)

    async def _press_button(self, event: ButtonEvent) -> None:
        """Every press gets an answer, or the button would spin."""
        chat = str(event.invoker.chat_id)
        menu = self._menus.find(chat, event.message_id)
        button = menu.button(event.data) if menu else None
        if menu is None or button is None:
            await self._notify(event, _EXPIRED)
            return
        rights = await self._level(event.invoker, menu.place)
        if event.invoker.id != menu.invoker and rights < Level.ADMIN:
            await self._notify(event, _NOT_THE_INVOKER)
            return
        ask = CommandCall(self._chat, menu.place, event.invoker.name, rights, button.options)
        try:
            text = await run_command(menu.command, ask)
        except UserError as error:
            await self._notify(event, str(error))
            return
        await self._notify(event, "")
        await self._update_menu(event, menu, rights, text)

    async def _update_menu(self, event: ButtonEvent, menu: Menu, rights: Level, text: str) -> None:
        """Show what came of a press: settings as they are now, or that somebody else speaks."""
        if menu.command != "settings":
            self._menus.close(str(event.invoker.chat_id), event.message_id)
            await edit_notice(self._sender, menu.place, event.message_id, text, None)
            return
        found = await menu_buttons(self._chat, menu.place, menu.command, rights)
        fresh = Menu(menu.place, menu.invoker, menu.command, found)
        self._menus.open(event.message_id, fresh)
        shown = await run_command(
            menu.command, CommandCall(self._chat, menu.place, event.invoker.name, rights)
        )
        await edit_notice(self._sender, menu.place, event.message_id, _without_columns(shown), fresh.keyboard)

    async def _notify(self, event: ButtonEvent, text: str) -> None:
        place = Place(PLATFORM, "", str(event.invoker.chat_id))
        try:
            answer = self._sender.bot.answer_callback_query(event.id, text[:_MAX_NOTIFICATION] or None)
            await self._sender.call(place, answer)
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("a press is not answered", extra={"reason": str(error)})

    async def _level(self, invoker: Invoker, place: Place) -> Level:
        return await permission_level(self._sender, invoker, self._owners, place)


def _without_columns(text: str) -> str:
    """A table made for a terminal as lines for a telephone."""
    return re.sub(r" {2,}", "  ", text)
