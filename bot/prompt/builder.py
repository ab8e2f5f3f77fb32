"""Builds every prompt, in serving and in training, from the persona's card and the history."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from bot.config import ModelSettings
from bot.errors import UserError
from bot.message import Message
from bot.persona.macros import MacroContext, expand_macros
from bot.persona.persona import Persona
from bot.prompt.chat_template import Role, open_chat_template
from bot.prompt.end_marks import spelt_ends
from bot.prompt.renderer import (
    GOING_ON,
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
from bot.prompt.thoughts import expects_thought
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
    "thinking_budget",
]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: token ids, and spans that cover all ids in order.

    The first `shared` ids are the card's alone, without a name or a word of a place. `stop_ids`, `stop` and
    `spelt_ends`, which are stop ids as text, end the reply; `spared` are the template's own ids. `first` is
    the id of the oldest message kept, None if no message was dropped, and `read` that of the newest message.
    """

    ids: tuple[int, ...]
    spans: tuple[PromptSpan, ...]
    stop_ids: frozenset[int] = frozenset()
    stop: tuple[str, ...] = ()
    first: str | None = None
    read: str | None = None
    shared: int = 0
    spelt_ends: tuple[str, ...] = ()
    spared: frozenset[int] = frozenset()
    thinking_budget: int = 0

    def tokens(self) -> dict[str, int]:
        """Return the number of ids by kind of part."""
        counts: dict[str, int] = {}
        for span in self.spans:
            counts[span.kind] = counts.get(span.kind, 0) + span.end - span.start
        return counts


def open_prompt_format(
    persona: Persona, tokenizer: Tokenizer, settings: ModelSettings, budget: int, today: date | None = None
) -> PromptFormat:
    """Return the format of a persona's prompts: by its own template, else the settings', else the model's.

    `today` is the day that the template may tell; None is a place-holder, as in training. Raises `UserError`
    if none of them has a template.
    """
    source = persona.template or settings.template or tokenizer.template
    if not source:
        fault = "has no chat template: set model.template to chatml, plain or one of your own."
        raise UserError(f"The model {settings.name} {fault}", public=f"The model {fault}")
    thinking = settings.thinking == "hidden"
    template = open_chat_template(source, tokenizer.special, persona.name, thinking=thinking, today=today)
    return PromptFormat(
        tokenizer, template, budget, thinking_budget=thinking_budget(persona, tokenizer, settings)
    )


def thinking_budget(persona: Persona, tokenizer: Tokenizer, settings: ModelSettings) -> int:
    """Return the most ids of a thought before an answer; 0 where the persona's template asks for none."""
    source = persona.template or settings.template or tokenizer.template or ""
    return settings.thinking_budget if expects_thought(source, settings.thinking == "hidden") else 0


def system_text(persona: Persona, system_prompt: str) -> str:
    """Return the text of a persona's prompts around the conversation, without example dialogues."""
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
    """Build the prompt of the next reply: the card, and the newest part of the history that fits.

    The order is: card, example dialogues, history, the card's last instructions. If the budget is short, the
    examples are dropped first, then the oldest part of the history; once the history has been `cut`, no
    prompt has examples. {{user}} stands for the last speaker. `parents` are messages outside the history, by
    the ids that its messages reply to; `reply_to` is the id of the message that the reply answers. Raises
    `UserError` if the card and the newest message alone do not fit.
    """
    parents = parents or {}
    names = speaker_labels([*history, *parents.values()], persona)
    current = next((names[m.author.id] for m in reversed(history) if m.author.id in names), "User")
    scene = MacroContext(persona.name, current, seed=persona.key)
    late = _late(persona, scene)
    fitter = HistoryFitter(persona, names, reader, parents, reply_to)
    start, turns = 0, fitter.turns(history)
    needed = sum(fitter.token_costs(turns))
    cue = len(rendered_ids((GOING_ON,), reader)) if reader.template.needs_user else 0
    for examples in _halves(0 if cut else len(persona.card.examples)):
        frame = _frame(persona, scene, system_prompt, examples)
        room = reader.budget - len(rendered_ids((*frame, EMPTY_TURN, *late), reader)) - cue
        if needed <= room:
            break
    else:
        start, turns = fitter.drop_oldest(history, room)
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
        _unasked_ends(reader, history),
        frozenset(id for span in spans if span.kind == "template" for id in ids[span.start : span.end]),
        reader.thinking_budget,
    )


def _unasked_ends(reader: PromptFormat, history: Sequence[Message]) -> tuple[str, ...]:
    """Return the marks that end an answer; one of the newest messages was asked for, and is text."""
    newest = [message.text for message in history[-_ASKED_IN:]]
    return tuple(mark for mark in spelt_ends(reader) if not any(mark in text for text in newest))


def _frame(persona: Persona, scene: MacroContext, system_prompt: str, examples: int) -> tuple[Turn, ...]:
    """Return the turns before the history: the card, and the first `examples` of its example dialogues."""
    card, general = persona.card, expand_macros(system_prompt, scene)
    fields = {
        "system": expand_macros(card.system_prompt, replace(scene, original=general), "system_prompt")
        if card.system_prompt
        else general,
        "description": expand_macros(card.description, scene, "description"),
        "personality": expand_macros(card.personality, scene, "personality"),
        "scenario": expand_macros(card.scenario, scene, "scenario"),
    }
    turns = [
        turn for block in card.examples[:examples] for turn in _dialogue(expand_macros(block, scene), scene)
    ]
    return (*_system(fields.items()), *turns, *([OPENING] if turns else []))


def _shared(ids: Sequence[int], persona: Persona, system_prompt: str, reader: PromptFormat) -> int:
    """Return the number of first ids that a prompt with another speaker and other words shares."""
    scene = MacroContext(persona.name, _NOBODY, seed=persona.key)
    frame = _frame(persona, scene, system_prompt, len(persona.card.examples))
    others = rendered_ids((*frame, Turn("user", (PromptPart("message", _NOBODY),))), reader)
    return common_prefix(ids, others)


def _late(persona: Persona, scene: MacroContext) -> tuple[Turn, ...]:
    last = expand_macros(persona.card.post_history_instructions, scene)
    return _system([("instructions", last)])


def _system(fields: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """Return one system turn of the fields with text, with an empty line between them."""
    filled = [(kind, text.strip()) for kind, text in fields if text.strip()]
    parts = tuple(
        PromptPart(kind, ("\n\n" if number else "") + text) for number, (kind, text) in enumerate(filled)
    )
    return (Turn("system", parts),) if parts else ()


def _dialogue(block: str, scene: MacroContext) -> Iterator[Turn]:
    """Yield an example dialogue as turns; a line without a speaker continues the turn before."""
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


_ASKED_IN = 6  # newest messages in which somebody may ask for a mark
_NOBODY = "\uf8ff"  # a name that nobody has
