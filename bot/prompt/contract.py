"""The prompt contract: an adapter is served only with the prompts it was trained with."""

from collections.abc import Sequence

from bot.adapter.choice import not_loaded
from bot.adapter.manifest import MALFORMED, PromptContract, read_manifest
from bot.config import ModelSettings
from bot.errors import UserError
from bot.message import Author, Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import PromptFormat, Tokenizer, open_prompt_format, stop_conditions, system_text
from bot.prompt.chat_template import Role
from bot.prompt.renderer import merge_turns
from bot.prompt.speaker_labels import shows_names, speaker_labels
from bot.prompt.turns import history_turns
from bot.untrusted import RefusedFile

_Line = tuple[str, str, str | None]  # name, text and what it replies to; the persona has no name
_GROUP: Sequence[_Line] = (("Ana", "1", None), ("Bo", "2", None), ("Ana", "3", "1"))
_ROWS: Sequence[_Line] = (("Ana", "1", None), ("Ana", "2", None), ("", "3", None), ("", "4", "2"))
_TEMPLATE = "set the persona's template, or model.template, as it was"
_CODE = "use the version of alterego that it was trained with"
_DIFFERENT = {
    "layout": ("another chat template", _TEMPLATE),
    "system": ("another card or system text", "put the card and chat.system_prompt back as they were"),
    "names": ("another rule for speakers' names", "make `names` in its manifest always, groups or never"),
    "speakers": ("another way to tell speakers apart", _CODE),
    "bursts": ("another way to join messages that are said in a row", _CODE),
    "stop": ("another text that ends an answer", _TEMPLATE),
}


def prompt_contract(persona: Persona, reader: PromptFormat, system_prompt: str) -> PromptContract:
    """Return the contract that a persona is served with.

    It is found by rendering short conversations, so that it follows any change of the code.
    """
    stop_ids, stop = stop_conditions(reader)
    return PromptContract(
        layout=_layout(reader),
        system=system_text(persona, system_prompt),
        speakers=_shown(persona, reader, _GROUP),
        bursts=_shown(persona, reader, _ROWS),
        names=persona.speaker_names,
        stop_ids=tuple(sorted(stop_ids)),
        stop=stop,
    )


def check_serving(persona: Persona, tokenizer: Tokenizer, model: ModelSettings, system_prompt: str) -> None:
    """Raise `UserError` where the persona's adapter was trained with other prompts than it is served with."""

    def served(settings: ModelSettings) -> PromptContract:
        reader = open_prompt_format(persona, tokenizer, settings, 0)  # a contract has no budget
        return prompt_contract(persona, reader, system_prompt)

    try:
        check_contract(persona, served(model))
    except UserError:
        other = model.model_copy(update={"thinking": "off" if model.thinking == "hidden" else "hidden"})
        _blame_thinking(persona, served(other), other.thinking)
        raise


def _blame_thinking(persona: Persona, served: PromptContract, thinking: str) -> None:
    """Raise `UserError` where the persona's adapter fits prompts of the other setting of `model.thinking`."""
    try:
        check_contract(persona, served)
    except UserError:
        return
    raise UserError(
        f'The adapter "{persona.key}" was not loaded: it was trained with model.thinking = "{thinking}"; set '
        "that again, train it again, or accept the change with `python -m training adopt`."
    )


def check_contract(persona: Persona, served: PromptContract) -> None:
    """Raise `UserError` where the manifest of a persona's adapter names other terms.

    What it does not name is not compared. An answer may be ended by more ids than in training, but by all of
    those.
    """
    assert persona.adapter
    try:
        _compare(read_manifest(persona.adapter).contract, served)
    except RefusedFile as refused:
        raise UserError(not_loaded(persona.key, refused)) from None


def _compare(trained: PromptContract, served: PromptContract) -> None:
    for key, (what, remedy) in _DIFFERENT.items():
        wanted = getattr(trained, key)
        if wanted is not None and wanted != getattr(served, key):
            raise _other(what, remedy)
    wanted, given = trained.stop_ids or (), served.stop_ids
    assert isinstance(given, tuple)
    if wanted is MALFORMED or any(id not in given for id in wanted):
        raise _other("other ids that end an answer", "use the base model's own tokenizer and settings")


def _other(what: str, remedy: str) -> RefusedFile:
    accept = "or accept the change with `python -m training adopt`"
    return RefusedFile(f"it was trained with {what}", f"{remedy}, train it again, {accept}")


def _layout(reader: PromptFormat) -> str:
    """A conversation as the template lays it out, each turn's words as a number in brackets."""
    template = reader.template
    system: list[Role] = ["system"]
    roles: list[Role] = ["user", "assistant", "user"]
    roles = [*system * template.system, *roles, *system * template.late_system]
    pieces = template.segments(roles, answer=True)
    return "".join(template.named(piece) if isinstance(piece, str) else f"[{piece}]" for piece in pieces)


def _shown(persona: Persona, reader: PromptFormat, lines: Sequence[_Line]) -> tuple[tuple[Role, str], ...]:
    """A conversation as turns; a line's text is also its id."""
    history = [_message(*line, persona) for line in lines]
    labels = speaker_labels(history, persona)
    turns = history_turns(history, labels, persona, {}, labelled=shows_names(history, persona))
    arranged = merge_turns([turn for each in turns for turn in each], reader.template)
    return tuple((turn.role, "".join(part.text for part in turn.parts)) for turn in arranged)


def _message(name: str, text: str, reply_to: str | None, persona: Persona) -> Message:
    own = None if name else persona.key
    author = Author(name or "persona", name or persona.name)
    return Message(Place("", "", ""), text, author, text, 0.0, reply_to=reply_to, persona=own)
