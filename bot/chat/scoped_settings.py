"""What can be set for a place while the bot runs, and where a value comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.config import ChatSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place

SWITCH = ("on", "off")


@dataclass(frozen=True, slots=True)
class Setting:
    """Something people can set; without `choices`, its words are checked where they are used."""

    name: str
    help: str
    choices: tuple[str, ...] = SWITCH


@dataclass(frozen=True, slots=True)
class Value:
    """What holds in a place, and who says so."""

    text: str
    source: str

    @property
    def is_on(self) -> bool:
        return self.text == "on"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("persona", "who speaks where nobody is called by name", ()),
        Setting("listen", "answer everything that is said"),
        Setting("names", "answer whoever says a persona's name"),
        Setting("bots", "answer other bots, a few times in a row"),
    )
}


def scopes(place: Place) -> dict[str, str]:
    """The scopes whose settings hold in a place, the nearest first, each with what to call it."""
    chat = replace(place, thread="")
    found = {"this thread": str(place)} if place.thread else {}
    found["this chat"] = str(chat)
    if place.server:
        found["this server"] = f"{place.platform}/{place.account}/server/{place.server}"
    return found


async def read_settings(memory: Memory, place: Place, settings: ChatSettings) -> dict[str, Value]:
    """Every setting as it holds in a place."""
    values = {name: Value(text, "config.toml") for name, text in _defaults(settings).items()}
    for source, scope in reversed(scopes(place).items()):
        stored = await memory.settings(scope)
        values |= {name: Value(text, source) for name, text in stored.items() if name in SETTINGS}
    return values


async def change_setting(memory: Memory, place: Place, name: str, text: str, *, server: bool = False) -> str:
    """Set something for a place or its server, or with "default" leave it to what is above; says what holds.

    Raises `UserError` for what cannot be set.
    """
    if name not in SETTINGS:
        raise UserError(f"There is no setting {name!r}: known are {', '.join(SETTINGS)}.")
    choices = SETTINGS[name].choices
    if choices and text not in (*choices, "default"):
        raise UserError(f"{name} is {', '.join(choices)} or default, not {text!r}.")
    held = scopes(place)
    if server and "this server" not in held:
        raise UserError("There is no server here: set it for this chat.")
    source = "this server" if server else next(iter(held))
    await memory.set_setting(held[source], name, None if text == "default" else text)
    return f"{name} is {text} for {source}."


def _defaults(settings: ChatSettings) -> Mapping[str, str]:
    return {
        "persona": settings.persona,
        "listen": _switch(settings.listen),
        "names": _switch(settings.names),
        "bots": _switch(settings.bots),
    }


def _switch(on: bool) -> str:
    return "on" if on else "off"
