"""Commands and buttons on Telegram: run beside polling, and answered."""

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
from bot.message import Author, Place
from bot.platforms.telegram.chat_queues import ChatQueues
from bot.platforms.telegram.command_menu import STAYING_MENUS, Button, Menu, OpenMenus, menu_buttons
from bot.platforms.telegram.events import ButtonEvent, CommandEvent, Invoker
from bot.platforms.telegram.notices import edit_notice, send_notice
from bot.platforms.telegram.permissions import permission_level
from bot.platforms.telegram.sender import TelegramSender, is_group
from bot.platforms.telegram.translate import PLATFORM
from bot.platforms.telegram.typed_command import START_COMMAND

log = logging.getLogger(__name__)

_EXPIRED = "These buttons are too old: send the command again."
_NOT_THE_INVOKER = "These buttons are for somebody else: send the command yourself."
_MAX_NOTIFICATION = 200  # characters that an answer to a button may have (Bot API, answerCallbackQuery)


class TelegramCommandHandler:
    """Runs commands and buttons in the order of each place; `/stop` alone never waits."""

    def __init__(self, sender: TelegramSender, chat: Chat, memory: Memory, owners: Container[str]) -> None:
        self._sender, self._chat, self._memory, self._owners = sender, chat, memory, owners
        self._queues, self._menus = ChatQueues(), OpenMenus()

    async def close(self) -> None:
        await self._queues.close()

    def run_command(self, event: CommandEvent) -> None:
        """Queue a command and its answer."""
        if event.name == "stop":
            self._queues.start(event.place, partial(self._run_and_answer, event))
        else:
            work = partial(self._run_and_answer, event)
            self._queues.enqueue(event.place, work, event.invoker.author.id)

    def press_button(self, event: ButtonEvent, place: Place) -> None:
        """Queue a pressed button's command; the permissions are checked when it runs."""
        self._queues.enqueue(place, partial(self._press_button, event))

    def send_notice(self, place: Place, text: str, reply_to: str) -> None:
        """Queue a notice about a message that was not accepted."""
        self._queues.enqueue(place, partial(self._send_notice, place, text, reply_to))

    def greet(self, place: Place, user: Author) -> None:
        """Queue the persona's greeting of a group to which the bot was added."""
        self._queues.enqueue(
            place, partial(proactive.greet, self._chat, self._memory, place, user, group=True)
        )

    def move_chat(self, old: Place, new: Place) -> None:
        """Queue a chat's move to another id, behind the answers under way."""
        self._queues.enqueue(old, partial(self._move_chat, old, new))

    async def _move_chat(self, old: Place, new: Place) -> None:
        await self._chat.worker(old).idle()
        await self._chat.move(old, new)

    async def _run_and_answer(self, event: CommandEvent) -> None:
        level = await self._level(event.invoker, event.place)
        try:
            text = await self._run(event, level)
        except UserError as error:
            text = str(error)
        if not text:
            return
        buttons = (
            ()
            if event.argument
            else await menu_buttons(self._chat, self._memory, event.place, event.name, level)
        )
        await self._answer(event, text, buttons)

    async def _run(self, event: CommandEvent, level: Level) -> str:
        log.info(
            "command_called",
            extra={"place": str(event.place), "command": event.name, "permission": level.name},
        )
        if event.name == START_COMMAND:
            return await self._start(event, level)
        _, options = parse_line(f"{event.name} {event.argument}")
        return await run_command(
            event.name,
            CommandCall(self._chat, self._memory, event.place, event.invoker.author, level, options),
        )

    async def _start(self, event: CommandEvent, level: Level) -> str:
        """Greet in an empty conversation and return an empty text; else return the answer of `/help`."""
        if await self._memory.history(event.place, limit=1):
            return await run_command(
                "help", CommandCall(self._chat, self._memory, event.place, event.invoker.author, level)
            )
        await proactive.greet(
            self._chat, self._memory, event.place, event.invoker.author, group=is_group(event.place)
        )
        if await self._memory.history(event.place, limit=1):
            return ""
        return f"{(await self._chat.resident(event.place)).name} is here: say something."

    async def _answer(self, event: CommandEvent, text: str, buttons: tuple[Button, ...]) -> None:
        invoker = None if event.invoker.sender_chat is not None else event.invoker.id
        menu = Menu(event.place, invoker, event.name, buttons)
        reply_to = event.id if is_group(event.place) else ""
        keyboard = menu.keyboard if buttons else None
        message = await send_notice(self._sender, event.place, _without_columns(text), reply_to, keyboard)
        if message and buttons:
            self._menus.open(message, menu)

    async def _send_notice(self, place: Place, text: str, reply_to: str) -> None:
        await send_notice(self._sender, place, text, reply_to)

    async def _press_button(self, event: ButtonEvent) -> None:
        """Run a button's command. Every press gets an answer, or the button would show a spinner."""
        chat = str(event.invoker.chat_id)
        menu = self._menus.find(chat, event.message_id)
        button = menu.button(event.data) if menu else None
        if menu is None or button is None:
            await self._notify(event, _EXPIRED)
            return
        level = await self._level(event.invoker, menu.place)
        if event.invoker.id != menu.invoker and level < Level.ADMIN:
            await self._notify(event, _NOT_THE_INVOKER)
            return
        call = CommandCall(self._chat, self._memory, menu.place, event.invoker.author, level, button.options)
        try:
            text = await run_command(menu.command, call)
        except UserError as error:
            await self._notify(event, str(error))
            return
        await self._notify(event, "")
        await self._update_menu(event, menu, level, text)

    async def _update_menu(self, event: ButtonEvent, menu: Menu, level: Level, text: str) -> None:
        """Edit the menu's message after a press: to the new settings, or to the answer without buttons."""
        if menu.command not in STAYING_MENUS:
            self._menus.close(str(event.invoker.chat_id), event.message_id)
            await edit_notice(self._sender, menu.place, event.message_id, text, None)
            return
        buttons = await menu_buttons(self._chat, self._memory, menu.place, menu.command, level)
        updated = Menu(menu.place, menu.invoker, menu.command, buttons)
        self._menus.open(event.message_id, updated)
        answer = await run_command(
            menu.command, CommandCall(self._chat, self._memory, menu.place, event.invoker.author, level)
        )
        await edit_notice(
            self._sender, menu.place, event.message_id, _without_columns(answer), updated.keyboard
        )

    async def _notify(self, event: ButtonEvent, text: str) -> None:
        place = Place(PLATFORM, "", str(event.invoker.chat_id))
        try:
            answer = self._sender.bot.answer_callback_query(event.id, text[:_MAX_NOTIFICATION] or None)
            await self._sender.call(place, answer)
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.info("button_unanswered", extra={"reason": str(error)})

    async def _level(self, invoker: Invoker, place: Place) -> Level:
        return await permission_level(self._sender, invoker, self._owners, place)


def _without_columns(text: str) -> str:
    """Return a table without its padding, for the narrow lines of a telephone."""
    return re.sub(r" {2,}", "  ", text)
