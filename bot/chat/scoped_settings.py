"""Settings of a thread, chat or server that people change while the bot runs, each value with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.config import ChatSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place

SWITCH = ("on", "off")


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """The description of a setting; the user of a setting without `choices` checks its value."""

    name: str
    help: str
    choices: tuple[str, ...] = SWITCH


@dataclass(frozen=True, slots=True)
class SettingValue:
    """The value of a setting in a place, and the scope that it comes from."""

    text: str
    source: str

    @property
    def is_on(self) -> bool:
        return self.text == "on"


SETTINGS = {
    setting.name: setting
    for setting in (
        SettingSpec("persona", "who speaks where nobody is called by name", ()),
        SettingSpec("listen", "answer everything that is said"),
        SettingSpec("names", "answer whoever says a persona's name"),
        SettingSpec("bots", "answer other bots, a few times in a row"),
        SettingSpec("open", "let everybody choose who speaks and begin anew, not admins alone"),
    )
}


def setting_scopes(place: Place) -> dict[str, str]:
    """Return the scopes whose settings hold in a place, by their names for people, the nearest first."""
    scopes = {"this thread": str(place)} if place.thread else {}
    scopes["this chat"] = str(replace(place, thread=""))
    if place.server:
        scopes["this server"] = f"{place.platform}/{place.account}/server/{place.server}"
    return scopes


async def read_settings(memory: Memory, place: Place, settings: ChatSettings) -> dict[str, SettingValue]:
    """Return every setting as it holds in a place, by name."""
    values = {name: SettingValue(text, "config.toml") for name, text in _defaults(settings).items()}
    scopes = setting_scopes(place)
    stored = await memory.settings_of([*scopes.values()])
    for source, scope in reversed(scopes.items()):
        values |= {
            name: SettingValue(text, source) for name, text in stored[scope].items() if name in SETTINGS
        }
    return values


async def change_setting(memory: Memory, place: Place, name: str, text: str, *, server: bool = False) -> str:
    """Change a setting of a place or its server, and return the change as a sentence.

    The value "default" removes the setting, so that the next scope's value holds. Raises `UserError` for an
    unknown setting or value, and where there is no server.
    """
    if name not in SETTINGS:
        raise UserError(f"There is no setting {name!r}: known are {', '.join(SETTINGS)}.")
    choices = SETTINGS[name].choices
    if choices and text not in (*choices, "default"):
        raise UserError(f"{name} is {', '.join(choices)} or default, not {text!r}.")
    scopes = setting_scopes(place)
    if server and "this server" not in scopes:
        raise UserError("There is no server here: set it for this chat.")
    source = "this server" if server else next(iter(scopes))
    await memory.set_setting(scopes[source], name, None if text == "default" else text)
    return f"{name} is {text} for {source}."


def _defaults(settings: ChatSettings) -> Mapping[str, str]:
    return {
        "persona": settings.persona,
        "listen": _switch(settings.listen),
        "names": _switch(settings.names),
        "bots": _switch(settings.bots),
        "open": _switch(settings.open),
    }


def _switch(is_on: bool) -> str:
    return "on" if is_on else "off"
