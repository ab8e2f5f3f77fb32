"""The adapters of all personas under the base model of the settings, for `doctor` and `persona list`."""

from bot.adapter.choice import AdapterChoice
from bot.adapter.folders import shown_folder
from bot.config import Config
from bot.engine.checkpoint.converted import has_converted
from bot.engine.checkpoint.source import locate_model, model_fingerprint
from bot.engine.runtime.environment import prepare_environment
from bot.persona.persona import Cast


def check_adapters(settings: Config, cast: Cast) -> dict[str, AdapterChoice]:
    """Choose and check the adapter of each persona that has any, by key; no weights of the model are loaded.

    Raises `UserError` where the base model is not there.
    """
    adapted = {key: persona for key, persona in cast.personas.items() if persona.adapters}
    if not adapted:
        return {}
    from bot.engine.model_loader.adapter_check import open_adapter_check  # loads torch

    check, system = open_adapter_check(settings.model, settings.data), settings.chat.system_prompt
    return {key: check.check_persona(each, settings.model, system) for key, each in adapted.items()}


def is_model_ready(settings: Config) -> bool:
    """Return whether the base model is on this machine, and converted where it must be.

    Raises `UserError` for a path without a model.
    """
    source = locate_model(settings.model)
    if source.path is None or source.kind != "gguf":
        return source.path is not None
    if has_converted(settings.data / "models", model_fingerprint(source)):
        return True
    prepare_environment()
    from bot.engine.model_loader.packed.choice import serves_as_it_lies  # loads torch

    return serves_as_it_lies(source, settings.model)


def adapter_text(persona: str, choice: AdapterChoice) -> str:
    """Return a line about a persona's adapters: which one is served and which wait, or the refusal."""
    if choice.refusal:
        return choice.refusal
    if choice.adapter is None:
        return choice.waiting_note(persona)
    waiting = "".join(f"; {each} waits" for each in choice.waiting)
    names = f"; speakers' names: {choice.names}" if choice.names else ""
    return f"{persona}: {shown_folder(choice.adapter)} fits {choice.served}{names}{waiting}"
