"""The only road to what a model reads, in serving and in training: who the persona is and what was said."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bot.config import ModelSettings
from bot.errors import UserError
from bot.message import Message
from bot.persona.macros import MacroContext, expand_macros
from bot.persona.persona import Persona
from bot.prompt.chat_template import Role, open_chat_template
from bot.prompt.renderer import (
    OPENING,
    PromptFormat,
    PromptPart,
    PromptSpan,
    Tokenizer,
    Turn,
    render_turns,
    stop_conditions,
)
from bot.prompt.speaker_labels import speaker_labels
from bot.prompt.truncation import EMPTY_TURN, HistoryFitter, rendered_ids
from bot.token_prefix import common_prefix

__all__ = [
    "Prompt",
    "PromptFormat",
    "PromptPart",
    "PromptSpan",
    "Tokenizer",
    "Turn",
    "build_prompt",
    "open_prompt_format",
    "render_turns",
    "stop_conditions",
    "system_text",
]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads. The spans cover all ids, in order.

    The first `shared` ids are the card's alone: no name and no word of a place is in them. `stop_ids` and
    `stop` end the answer. `first` is the oldest message kept where older ones were dropped, and `read` the
    newest one.
    """

    ids: tuple[int, ...]
    spans: tuple[PromptSpan, ...]
    stop_ids: frozenset[int] = frozenset()
    stop: tuple[str, ...] = ()
    first: str | None = None
    read: str | None = None
    shared: int = 0

    def tokens(self) -> dict[str, int]:
        """How many ids each kind of part takes."""
        counts: dict[str, int] = {}
        for span in self.spans:
            counts[span.kind] = counts.get(span.kind, 0) + span.end - span.start
        return counts


def open_prompt_format(
    persona: Persona, tokenizer: Tokenizer, settings: ModelSettings, budget: int
) -> PromptFormat:
    """How a persona's prompts are read: by its own template, else the settings', else the model's."""
    source = persona.template or settings.template or tokenizer.template
    if not source:
        raise UserError(
            f"The model {settings.name} has no chat template: set model.template to chatml, plain or one of "
            "your own."
        )
    return PromptFormat(tokenizer, open_chat_template(source, tokenizer.special, persona.name), budget)


def system_text(persona: Persona, system_prompt: str) -> str:
    """What a persona's prompts say around the conversation, its example dialogues left out."""
    scene = MacroContext(persona.name, "{{user}}", seed=persona.key)
    turns = (*_frame(persona, scene, system_prompt, 0), *_late(persona, scene))
    return "\n\n".join(part.text.strip() for turn in turns for part in turn.parts)


def build_prompt(
    persona: Persona,
    history: Sequence[Message],
    reader: PromptFormat,
    *,
    system_prompt: str = "",
    cut: bool = False,
    parents: Mapping[str, Message] | None = None,
    reply_to: str | None = None,
) -> Prompt:
    """Fit the card and as much of the history as there is room for, in whole turns, newest kept.

    The order is: card, example dialogues, history, the card's last instructions. Examples go
    first when room is short, then the oldest part of the history; once the history has been `cut`, they stay
    away. {{user}} stands for whoever spoke last. `parents` are messages
    outside the history, by the ids that its messages reply to; `reply_to` is the one that is being answered.
    Raises `UserError` when the card and the newest message alone do not fit.
    """
    parents = parents or {}
    names = speaker_labels([*history, *parents.values()], persona)
    current = next((names[m.author.id] for m in reversed(history) if m.author.id in names), "User")
    scene = MacroContext(persona.name, current, seed=persona.key)
    late = _late(persona, scene)
    talk = HistoryFitter(persona, names, reader, parents, reply_to)
    start, turns = 0, talk.turns(history)
    needed = sum(talk.token_costs(turns))
    for examples in _halves(0 if cut else len(persona.card.examples)):
        frame = _frame(persona, scene, system_prompt, examples)
        room = reader.budget - len(rendered_ids((*frame, EMPTY_TURN, *late), reader))
        if needed <= room:
            break
    else:
        start, turns = talk.drop_oldest(history, room)
    ids, spans = render_turns((*frame, *chain.from_iterable(turns), *late), reader)
    stop_ids, stop = stop_conditions(reader)
    return Prompt(
        ids,
        spans,
        stop_ids,
        (*stop, *(f"\n{name}:" for name in names.values())),
        history[start].id if start else None,
        history[-1].id if history else None,
        _shared(ids, persona, system_prompt, reader),
    )


def _frame(persona: Persona, scene: MacroContext, system_prompt: str, examples: int) -> tuple[Turn, ...]:
    """What stands before the history: the card, and the first so many of its example dialogues."""
    card, general = persona.card, expand_macros(system_prompt, scene)
    fields = {
        "system": expand_macros(card.system_prompt, replace(scene, original=general))
        if card.system_prompt
        else general,
        "description": expand_macros(card.description, scene),
        "personality": expand_macros(card.personality, scene),
        "scenario": expand_macros(card.scenario, scene),
    }
    turns = [
        turn for block in card.examples[:examples] for turn in _dialogue(expand_macros(block, scene), scene)
    ]
    return (*_system(fields.items()), *turns, *([OPENING] if turns else []))


def _shared(ids: Sequence[int], persona: Persona, system_prompt: str, reader: PromptFormat) -> int:
    """How many first ids are those of a prompt in which somebody else says something else."""
    scene = MacroContext(persona.name, _NOBODY, seed=persona.key)
    frame = _frame(persona, scene, system_prompt, len(persona.card.examples))
    others = rendered_ids((*frame, Turn("user", (PromptPart("message", _NOBODY),))), reader)
    return common_prefix(ids, others)


def _late(persona: Persona, scene: MacroContext) -> tuple[Turn, ...]:
    last = expand_macros(persona.card.post_history_instructions, scene)
    return _system([("instructions", last)])


def _system(fields: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """One system turn of the fields that say something, an empty line between them."""
    filled = [(kind, text.strip()) for kind, text in fields if text.strip()]
    parts = tuple(
        PromptPart(kind, ("\n\n" if number else "") + text) for number, (kind, text) in enumerate(filled)
    )
    return (Turn("system", parts),) if parts else ()


def _dialogue(block: str, scene: MacroContext) -> Iterator[Turn]:
    """An example dialogue as turns; a line without a speaker goes on with the one before."""
    role: Role = "user"
    lines: list[str] = []
    for line in block.splitlines():
        own = line.startswith(f"{scene.char}:")
        if (own or line.startswith(f"{scene.user}:")) and lines:
            yield Turn(role, (PromptPart("example", "\n".join(lines)),))
            lines = []
        role = "assistant" if own else "user" if line.startswith(f"{scene.user}:") else role
        lines.append(line.removeprefix(f"{scene.char}:").strip() if own else line)
    if lines:
        yield Turn(role, (PromptPart("example", "\n".join(lines)),))


def _halves(number: int) -> Iterator[int]:
    while number:
        yield number
        number //= 2
    yield 0


_NOBODY = "\uf8ff"  # a name that nobody has
