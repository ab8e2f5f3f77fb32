"""The settings and the sampling that hold in a place, each value with its source, as a form shows them."""

from bot.chat.chat import Chat
from bot.chat.commands.names import persona_spellings
from bot.chat.scoped_sampling import SAMPLING_VALUES, read_sampling
from bot.chat.scoped_settings import SETTINGS, SettingValue, read_settings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place


async def place_settings(chat: Chat, memory: Memory, place: Place) -> dict[str, object]:
    """Return settings and sampling; `fault` says why there is no sampling, where a persona is gone."""
    values = await read_settings(memory, place, chat.settings)
    personas = tuple(persona_spellings(chat.cast))
    settings = [
        _shown(name, value, SETTINGS[name].help, SETTINGS[name].choices or personas)
        for name, value in values.items()
    ]
    try:
        persona = await chat.resident(place)
    except UserError as error:
        return {"settings": settings, "sampling": [], "persona": None, "fault": str(error)}
    drawn = await read_sampling(memory, place, persona)
    sampling = [_shown(name, value, SAMPLING_VALUES[name]) for name, value in drawn.items()]
    return {"settings": settings, "sampling": sampling, "persona": persona.key, "fault": None}


def _shown(name: str, value: SettingValue, help: str, choices: tuple[str, ...] = ()) -> dict[str, object]:
    return {"name": name, "value": value.text, "from": value.source, "help": help, "choices": choices}
