"""Sampling and remembered rounds of a thread, chat or server: changed while the bot runs, kept in memory."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from bot.chat.scoped_settings import SettingValue, setting_scopes
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.history_limits import MAX_ROUNDS
from bot.persona.persona import Persona, Sampling
from bot.toml import check_values

ROUNDS, ALL_ROUNDS = "rounds", "all"
SEED = "seed"  # the key of a place's seed in memory
SAMPLING_VALUES = {
    "temperature": "0 takes the likeliest words, more is bolder",
    "top_p": "words come from the likeliest, which hold this share of the probability",
    "top_k": "words come from so many of the likeliest; 0 is all",
    "min_p": "words have at least this share of the likeliest one's probability",
    "repetition_penalty": "1 lets words repeat, more makes that rarer",
    "presence_penalty": "above 0, a word that the answer holds comes back less",
    "frequency_penalty": "above 0, a word comes back less the more often the answer holds it",
    "min_tokens": "no answer ends before so many tokens",
    "max_tokens": "every answer ends after so many tokens",
    ROUNDS: "earlier rounds of the conversation that are read",
}
_PREFIX = "sampling."  # of the keys in memory, beside those of other settings
_LARGEST_SHARE = 2  # an answer may fill one part in so many of the model's context
_IN_FILE, _DEFAULT = "persona.toml", "default"


async def sampling_in_place(memory: Memory, place: Place, persona: Persona) -> Persona:
    """Return the persona with the sampling and rounds that hold in a place."""
    return _apply(persona, _texts(await _stored(memory, place)))[0]


async def read_sampling(memory: Memory, place: Place, persona: Persona) -> dict[str, SettingValue]:
    """Return each value that holds for a persona in a place, by name, with its source."""
    stored = await _stored(memory, place)
    now, applied = _apply(persona, _texts(stored))
    return {
        name: SettingValue(shown, stored[name].source if name in applied else _source(persona, name))
        for name, shown in _shown_values(now).items()
    }


async def change_sampling(
    memory: Memory,
    place: Place,
    persona: Persona,
    name: str,
    text: str | None,
    *,
    context: int,
    server: bool = False,
) -> str:
    """Change a value for a place or its server, and return the change as a sentence; None removes the value.

    `context` is the model's, in tokens; 0 if that is not known yet. Raises `UserError` for a value that is
    not possible beside the others, and where there is no server.
    """
    _, source = _scope(place, server=server)
    texts = {name: text if text is None else text.strip().replace(",", ".").casefold()}
    await change_values(memory, place, persona, texts, context=context, server=server)
    if text is None:
        return f"{name} is as the persona has it for {source}."
    return f"{name} is {texts[name]} for {source}."


async def change_values(
    memory: Memory,
    place: Place,
    persona: Persona,
    texts: Mapping[str, str | None],
    *,
    context: int,
    server: bool = False,
) -> None:
    """Change values as `change_sampling` does; none where one of them is not possible beside the others."""
    scope, _ = _scope(place, server=server)
    if any(text is not None for text in texts.values()):
        after = {**_texts(await _stored(memory, place)), **texts}
        changed = _checked(persona, {name: text for name, text in after.items() if text is not None})
        if texts.get("max_tokens") is not None:
            _check_room(changed, context)
    for name, text in texts.items():
        await memory.set_setting(scope, _PREFIX + name, text)


async def seed_in_place(memory: Memory, place: Place, replaced: str | None = None) -> int | None:
    """Return the seed that somebody set for a place, if any; a reply made anew has another one."""
    text = (await memory.settings(str(place))).get(SEED)
    if text is None:
        return None
    return int(text) + (len(await memory.swipes(place, replaced)) if replaced else 0)


async def set_seed(memory: Memory, place: Place, seed: int | None) -> None:
    """Let replies in a place be drawn with a seed; None: with one that nobody can foresee."""
    await memory.set_setting(str(place), SEED, None if seed is None else str(seed))


def with_max_tokens(persona: Persona, most: int) -> Persona:
    """Return the persona with replies of at most so many tokens."""
    sampling = persona.sampling
    changed = {"max_tokens": most, "min_tokens": min(most, sampling.min_tokens)}
    return replace(persona, sampling=sampling.model_copy(update=changed))


async def reset_sampling(memory: Memory, place: Place, *, server: bool = False) -> str:
    """Remove all values of a place or its server, and return that as a sentence."""
    scope, source = _scope(place, server=server)
    for name in SAMPLING_VALUES:
        await memory.set_setting(scope, _PREFIX + name, None)
    return f"Sampling is as the persona has it for {source}."


def _scope(place: Place, *, server: bool) -> tuple[str, str]:
    """Return the scope of a change, and its name for people."""
    scopes = setting_scopes(place)
    if server and "this server" not in scopes:
        raise UserError("There is no server here: set it for this chat.")
    source = "this server" if server else next(iter(scopes))
    return scopes[source], source


async def _stored(memory: Memory, place: Place) -> dict[str, SettingValue]:
    """Return the values that people set for a place, the nearest of each, by name."""
    scopes = setting_scopes(place)
    stored = await memory.settings_of([*scopes.values()])
    return {
        name: SettingValue(text, source)
        for source, scope in reversed(scopes.items())
        for name in SAMPLING_VALUES
        if (text := stored[scope].get(_PREFIX + name)) is not None
    }


def _texts(stored: Mapping[str, SettingValue]) -> dict[str, str]:
    return {name: value.text for name, value in stored.items()}


def _apply(persona: Persona, texts: Mapping[str, str]) -> tuple[Persona, frozenset[str]]:
    """Return the persona with these values, and their names; those that do not fit its file are left out."""
    with suppress(UserError):
        return _checked(persona, texts), frozenset(texts)
    applied = set[str]()
    for name, text in texts.items():
        with suppress(UserError):
            persona = _checked(persona, {name: text})
            applied.add(name)
    return persona, frozenset(applied)


def _checked(persona: Persona, texts: Mapping[str, str]) -> Persona:
    """Return the persona with these values. Raises `UserError` for one that is not possible."""
    sampling = {name: text for name, text in texts.items() if name != ROUNDS}
    changed = check_values(Sampling, {**persona.sampling.model_dump(), **sampling})
    history = persona.history
    if ROUNDS in texts:
        rounds = None if texts[ROUNDS] == ALL_ROUNDS else _rounds(texts[ROUNDS])
        history = history.model_copy(update={ROUNDS: rounds})
    return replace(persona, sampling=changed, history=history)


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_ROUNDS):
        raise UserError(f"{ROUNDS} is a number up to {MAX_ROUNDS:,}, or {ALL_ROUNDS}, not {text[:60]!r}.")
    return int(text[:9])


def _check_room(persona: Persona, context: int) -> None:
    """Raise `UserError` where answers could fill the model's context, which prompts need too."""
    longest, room = persona.sampling.max_tokens, context // _LARGEST_SHARE
    if context and longest > room:
        raise UserError(
            f"max_tokens is at most {room:,} here, half of what the model reads and writes in all, "
            f"not {longest:,}."
        )


def _source(persona: Persona, name: str) -> str:
    section = persona.history if name == ROUNDS else persona.sampling
    return _IN_FILE if name in section.model_fields_set else _DEFAULT


def _shown_values(persona: Persona) -> dict[str, str]:
    rounds = persona.history.rounds
    values = {
        name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in persona.sampling
    }
    return {**values, ROUNDS: ALL_ROUNDS if rounds is None else str(rounds)}
