"""Commands in Telegram's menu, and inline buttons for commands that are easier to press than to type."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat import scoped_sampling, scoped_settings
from bot.chat.chat import Chat
from bot.chat.commands import COMMANDS, Level, may_change_place
from bot.chat.commands.sampling import RESET, neighbours
from bot.chat.scoped_settings import SETTINGS, SWITCH
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.telegram.sender import TelegramSender

_MAX_BUTTONS = 60  # Telegram accepts 100
_MAX_MENUS = 1000
STAYING_MENUS = ("settings", "sampling")  # commands whose buttons stay after a press, for the new values
_STEPPED = ("temperature", "top_p", "repetition_penalty", "max_tokens", "rounds")


@dataclass(frozen=True, slots=True)
class Button:
    """A button's label, and the options that the button gives to the menu's command."""

    label: str
    options: dict[str, str]


@dataclass(frozen=True, slots=True)
class Menu:
    """Buttons for one command and its invoker; `invoker` is None for an anonymous one."""

    place: Place
    invoker: int | None
    command: str
    buttons: tuple[Button, ...]

    @property
    def keyboard(self) -> InlineKeyboardMarkup:
        """The buttons with their numbers as data; an option is never read from a message."""
        buttons = [
            InlineKeyboardButton(b.label[:64], callback_data=str(n)) for n, b in enumerate(self.buttons)
        ]
        return InlineKeyboardMarkup([buttons[at : at + 2] for at in range(0, len(buttons), 2)])

    def button(self, data: str) -> Button | None:
        number = int(data) if data.isascii() and data.isdigit() else len(self.buttons)
        return self.buttons[number] if number < len(self.buttons) else None


class OpenMenus:
    """The newest menus since the start, by chat and message; older menus have expired."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], Menu] = OrderedDict()

    def open(self, message_id: str, menu: Menu) -> None:
        self._open[(menu.place.chat, message_id)] = menu
        if len(self._open) > _MAX_MENUS:
            self._open.popitem(last=False)

    def find(self, chat: str, message_id: str) -> Menu | None:
        return self._open.get((chat, message_id))

    def close(self, chat: str, message_id: str) -> None:
        self._open.pop((chat, message_id), None)


async def menu_buttons(
    chat: Chat, memory: Memory, place: Place, command: str, level: Level
) -> tuple[Button, ...]:
    """Return the buttons under a command's answer, for the present settings; empty for most commands."""
    if command == "persona":
        if not await may_change_place(memory, place, chat.settings, level):
            return ()
        cast = list(chat.cast.personas.items())[:_MAX_BUTTONS]
        return tuple(Button(persona.name, {"name": key}) for key, persona in cast) if len(cast) > 1 else ()
    if command not in STAYING_MENUS or level < Level.ADMIN:
        return ()
    if command == "sampling":
        return await _sampling_buttons(chat, memory, place)
    values = await scoped_settings.read_settings(memory, place, chat.settings)
    switches = [name for name, setting in SETTINGS.items() if setting.choices == SWITCH]
    toggled = {name: SWITCH[values[name].is_on] for name in switches}
    return tuple(Button(f"{name}: {text}", {"name": name, "value": text}) for name, text in toggled.items())


async def _sampling_buttons(chat: Chat, memory: Memory, place: Place) -> tuple[Button, ...]:
    """Return buttons for the values next below and above those that hold, and one that resets them all."""
    values = await scoped_sampling.read_sampling(memory, place, await chat.resident(place))
    steps = [(name, text) for name in _STEPPED for text in neighbours(name, values[name].text)]
    buttons = [Button(f"{name}: {text}", {"name": name, "value": text}) for name, text in steps]
    return (*buttons, Button(RESET, {"name": RESET}))


async def publish_commands(sender: TelegramSender, memory: Memory, place: Place) -> None:
    """Publish the commands to Telegram's menu where they have changed.

    Raises the errors of `TelegramSender.call`.
    """
    commands = [(command.name, command.help[:256]) for command in COMMANDS]
    digest = blake2b(json.dumps(commands).encode(), digest_size=8).hexdigest()
    scope = f"{place.platform}/{place.account}"
    if (await memory.platform_state(scope)).get("menu") != digest:
        menu = [BotCommand(name, description) for name, description in commands]
        await sender.call(place, sender.bot.set_my_commands(menu))
        await memory.set_platform_state(scope, "menu", digest)
