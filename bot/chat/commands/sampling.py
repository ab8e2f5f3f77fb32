"""The command about sampling: values with their sources, changed and reset for a place or its server."""

from collections.abc import Mapping

from bot.chat import scoped_sampling
from bot.chat.chat import Chat
from bot.chat.commands.call import CommandCall, Level, Spellings
from bot.chat.commands.names import find_choice
from bot.chat.scoped_sampling import ALL_ROUNDS, ROUNDS, SAMPLING_VALUES
from bot.errors import UserError
from bot.foreign_names import answer_foreign_name
from bot.text.known_names import find_name, find_whole_name

RESET = "reset"
DEFAULT: Spellings = {"default": ("reset", "standard", "unset", "默认", "по умолчанию")}
_ALL: Spellings = {ALL_ROUNDS: ("everything", "unlimited", "alle", "全部")}
_SPELLINGS: Spellings = {
    **dict.fromkeys(SAMPLING_VALUES, ()),
    "repetition_penalty": ("penalty", "repeat_penalty", "rep_pen"),
    "presence_penalty": ("presence", "presence_pen"),
    "frequency_penalty": ("frequency", "freq_pen"),
    "min_tokens": ("min_new_tokens", "min_length"),
    "max_tokens": ("max_new_tokens", "max_length"),
    ROUNDS: ("memory", "memory_limit", "history"),
}
_PROPOSED = {  # values to choose from; any other that is possible may be typed
    "temperature": "0 0.3 0.5 0.7 0.8 0.9 1 1.2 1.5",
    "top_p": "0.5 0.75 0.8 0.9 0.95 1",
    "top_k": "0 20 40 50 100",
    "min_p": "0 0.02 0.05 0.1 0.2",
    "repetition_penalty": "1 1.05 1.1 1.2 1.3 1.5 2 2.2 2.5 3",
    "presence_penalty": "0 0.1 0.2 0.5 1 1.5 2",
    "frequency_penalty": "0 0.1 0.2 0.5 1 1.5 2",
    "min_tokens": "0 1 10 30",
    "max_tokens": "32 64 128 256 512 1024",
    ROUNDS: f"0 1 2 3 5 10 20 {ALL_ROUNDS}",
}


async def show_or_change_sampling(call: CommandCall) -> str:
    """Show every value with its source, change one for this place or its server, or reset them all."""
    typed = call.option("name")
    if find_whole_name(typed, {RESET: ("default",)}) and not call.option("value"):
        _check_admin(call)
        return await scoped_sampling.reset_sampling(call.memory, call.place, server=call.is_for_server)
    name = find_sampling_name(typed) if typed else ""
    if name and call.option("value"):
        return await change_value(call, name)
    return await sampling_table(call, name)


async def sampling_table(call: CommandCall, name: str = "") -> str:
    """Return a line for each value with its source, or for one value alone."""
    persona = await call.chat.resident(call.place)
    values = await scoped_sampling.read_sampling(call.memory, call.place, persona)
    return "\n".join(
        f"{key:<18} {value.text:<8} {value.source}: {SAMPLING_VALUES[key]}"
        for key, value in values.items()
        if name in ("", key)
    )


async def change_value(call: CommandCall, name: str) -> str:
    """Change one value for this place or its server; "default" leaves it to the persona."""
    _check_admin(call)
    typed = call.option("value")
    text = find_whole_name(typed, _ALL) if name == ROUNDS else None
    return await scoped_sampling.change_sampling(
        call.memory,
        call.place,
        await call.chat.resident(call.place),
        name,
        None if find_whole_name(typed, DEFAULT) else text or typed,
        context=call.chat.engine.status().context,
        server=call.is_for_server,
    )


def find_sampling_name(typed: str) -> str:
    """Return the value that somebody meant. Raises `UserError` that says what would be understood."""
    if not find_name(typed, _SPELLINGS).keys and (answer := answer_foreign_name(typed)):
        raise UserError(f"There is no value {typed[:60]!r}: {answer}.")
    return find_choice("value", typed, _SPELLINGS)


def name_choices(chat: Chat, options: Mapping[str, str]) -> Spellings:
    """Return the names of all values, and the word that resets them, as choices of an option."""
    return {**_SPELLINGS, RESET: ()}


def value_choices(chat: Chat, options: Mapping[str, str]) -> Spellings:
    """Return values to propose for the chosen name, as choices of an option."""
    name = find_name(options.get("name", ""), _SPELLINGS).key
    return {**dict.fromkeys(_PROPOSED[name].split(), ()), "default": ()} if name else {}


def neighbours(name: str, text: str) -> tuple[str, ...]:
    """Return the proposed values next below and above one that holds, as far as there are any."""
    proposed = _PROPOSED[name].split()
    place = float("inf") if text == ALL_ROUNDS else float(text)
    numbers = [(float("inf") if each == ALL_ROUNDS else float(each), each) for each in proposed]
    below = [each for number, each in numbers if number < place][-1:]
    above = [each for number, each in numbers if number > place][:1]
    return (*below, *above)


def _check_admin(call: CommandCall) -> None:
    if call.level < Level.ADMIN:
        raise UserError("Only an admin can change what holds here.")
