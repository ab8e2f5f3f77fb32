"""Commands in Telegram's menu, and buttons for those that are easier to press than to type."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat import scoped_settings
from bot.chat.chat import Chat
from bot.chat.commands import COMMANDS, Level
from bot.chat.scoped_settings import SETTINGS, SWITCH
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.telegram.sender import Sender

_MOST_BUTTONS = 60  # of Telegram's 100
_MOST_MENUS = 1000


@dataclass(frozen=True, slots=True)
class Button:
    """What it shows, and the options that it gives to the menu's command."""

    label: str
    options: dict[str, str]


@dataclass(frozen=True, slots=True)
class Menu:
    """Buttons for one command, for the one who asked for them; `asker` is None where that is not known."""

    place: Place
    asker: int | None
    command: str
    buttons: tuple[Button, ...]

    @property
    def keyboard(self) -> InlineKeyboardMarkup:
        """The buttons by their numbers; what those mean is never taken from a message."""
        keys = [InlineKeyboardButton(b.label[:64], callback_data=str(n)) for n, b in enumerate(self.buttons)]
        return InlineKeyboardMarkup([keys[at : at + 2] for at in range(0, len(keys), 2)])

    def button(self, data: str) -> Button | None:
        number = int(data) if data.isascii() and data.isdigit() else len(self.buttons)
        return self.buttons[number] if number < len(self.buttons) else None


class Menus:
    """The menus that still work: the newest ones since the start, by place and message."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], Menu] = OrderedDict()

    def open(self, message: str, menu: Menu) -> None:
        self._open[(menu.place.chat, message)] = menu
        if len(self._open) > _MOST_MENUS:
            self._open.popitem(last=False)

    def find(self, chat: str, message: str) -> Menu | None:
        return self._open.get((chat, message))

    def close(self, chat: str, message: str) -> None:
        self._open.pop((chat, message), None)


async def buttons(chat: Chat, memory: Memory, place: Place, command: str, level: Level) -> tuple[Button, ...]:
    """The buttons under a command's answer, as the settings are now; none for most."""
    if command == "persona":
        cast = list(chat.cast.personas.items())[:_MOST_BUTTONS]
        return tuple(Button(persona.name, {"name": key}) for key, persona in cast) if len(cast) > 1 else ()
    if command != "settings" or level < Level.ADMIN:
        return ()
    values = await scoped_settings.read_settings(memory, place, chat.settings)
    switches = [name for name, setting in SETTINGS.items() if setting.choices == SWITCH]
    other = {name: SWITCH[values[name].is_on] for name in switches}
    return tuple(Button(f"{name}: {text}", {"name": name, "value": text}) for name, text in other.items())


async def show_commands(sender: Sender, memory: Memory, place: Place) -> None:
    """Fill Telegram's menu where it shows something else; raise what calls raise."""
    commands = [(command.name, command.help[:256]) for command in COMMANDS]
    digest = blake2b(json.dumps(commands).encode(), digest_size=8).hexdigest()
    scope = f"{place.platform}/{place.account}"
    if (await memory.settings(scope)).get("menu") != digest:
        shown = [BotCommand(name, described) for name, described in commands]
        await sender.call(place, sender.bot.set_my_commands(shown))
        await memory.set_setting(scope, "menu", digest)
