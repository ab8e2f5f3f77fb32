"""Builds every prompt, in serving and in training, from the persona's card and the history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from bot.config import ModelSettings
from bot.errors import UserError
from bot.message import Message
from bot.persona.macros import MacroContext
from bot.persona.persona import Persona
from bot.prompt.card_fitting import CardTurns, fit_history
from bot.prompt.card_turns import constant_entries, depth_insertions, frame_turns, late_turns
from bot.prompt.chat_template import open_chat_template
from bot.prompt.end_marks import ASKED_IN, unasked_ends
from bot.prompt.insertions import Insertion, accepted_insertion
from bot.prompt.lore import lore_budget, lore_insertions, said_entries, select_lore
from bot.prompt.renderer import (
    PromptFormat,
    PromptPart,
    PromptSpan,
    Tokenizer,
    Turn,
    render_turns,
    spared_ids,
    stop_conditions,
)
from bot.prompt.role_markers import begun_part
from bot.prompt.rounds import read_rounds
from bot.prompt.speaker_labels import shows_names, speaker_labels
from bot.prompt.thoughts import expects_thought
from bot.prompt.truncation import HistoryFitter, rendered_ids
from bot.token_prefix import common_prefix

__all__ = [
    "Prompt",
    "PromptFormat",
    "PromptPart",
    "PromptSpan",
    "Tokenizer",
    "Turn",
    "build_prompt",
    "choose_template",
    "open_prompt_format",
    "render_turns",
    "stop_conditions",
    "system_text",
    "thinking_budget",
]

_REPEATED = 50  # newest messages whose lines a model may repeat
_RECENT = 20  # newest messages whose authors a model may let speak


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: token ids, and spans that cover all ids in order.

    The first `shared` ids are the card's alone, without a name or a word of a place. `stop_ids`, `stop` and
    `spelt_ends`, which are stop ids as text, end the reply; `spared` are the template's own ids. `speakers`
    are the labels of everybody but the persona, `recent` those of the newest messages' authors, `lines` the
    newest lines that begin with one. `first` is the id of the oldest message kept, None if
    no message was dropped, and `read` that of the newest message.
    """

    ids: tuple[int, ...]
    spans: tuple[PromptSpan, ...]
    stop_ids: frozenset[int] = frozenset()
    stop: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    recent: frozenset[str] = frozenset()
    lines: tuple[str, ...] = ()
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
    source = choose_template(persona, settings, tokenizer.template)
    thinking = settings.thinking == "hidden"
    template = open_chat_template(source, tokenizer.special, persona.name, thinking=thinking, today=today)
    return PromptFormat(
        tokenizer, template, budget, thinking_budget=thinking_budget(persona, tokenizer, settings)
    )


def choose_template(persona: Persona, settings: ModelSettings, of_model: str | None) -> str:
    """Return the persona's chat template, else that of the settings, else `of_model`.

    Raises `UserError` if none of them has one.
    """
    if source := persona.template or settings.template or of_model:
        return source
    fault = "has no chat template: set model.template to chatml, plain or one of your own."
    raise UserError(f"The model {settings.name} {fault}", public=f"The model {fault}")


def thinking_budget(persona: Persona, tokenizer: Tokenizer, settings: ModelSettings) -> int:
    """Return the most ids of a thought before an answer; 0 where the persona's template asks for none."""
    source = persona.template or settings.template or tokenizer.template or ""
    return settings.thinking_budget if expects_thought(source, settings.thinking == "hidden") else 0


def system_text(persona: Persona, system_prompt: str) -> str:
    """Return the text of a persona's prompts around the conversation, without example dialogues."""
    scene = persona.card.scene("{{user}}", persona.key)
    frame = frame_turns(persona, scene, system_prompt, 0, constant_entries(persona))
    turns = (*frame, *(each.turn for each in depth_insertions(persona, scene)), *late_turns(persona, scene))
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
    own_system: str = "",
    inserted: Sequence[Insertion] = (),
    begun: str = "",
) -> Prompt:
    """Build the prompt of the next reply: the card, and the newest part of the history that fits.

    The order is: card with the constant entries of its lorebook, example dialogues, history, the card's last
    instructions. Entries whose keys were said, and a prompt at a depth, stand between the newest messages. If
    the budget is short, the examples are dropped first, then the oldest part of the history; once the history
    has been `cut`, no prompt has examples, unless the persona's own limit cut it. {{user}} stands for the
    last speaker. `parents` are messages outside the history, by the ids that its messages reply to;
    `reply_to` is the id of the message that the reply answers. `own_system` is a data set's text, without
    macros, in place of the turns before the history. `inserted` are further turns between messages, and
    `begun` is the beginning of the reply. Raises `UserError` if the card and the newest message alone do not
    fit.
    """
    first = begun_part(begun, reader)
    reader = replace(reader, budget=reader.budget - len(reader.tokenizer.encode(begun))) if begun else reader
    history, parents = read_rounds(persona, history, parents or {}, reply_to)
    names = speaker_labels([*history, *parents.values()], persona)
    labelled = shows_names(history, persona)
    fitter = HistoryFitter(persona, names, reader, parents, reply_to, labelled=labelled)
    card, fitter = _open_card(fitter, history, system_prompt, own_system, inserted)
    has_examples = not cut or persona.history.tokens is not None
    frame, start, turns = fit_history(card, fitter, history, has_examples * len(persona.card.examples))
    ids, spans = render_turns((*frame, *chain.from_iterable(turns), *card.late), reader, begun=first)
    stop_ids, stop = stop_conditions(reader)
    return Prompt(
        ids,
        spans,
        stop_ids,
        stop,
        speakers=tuple(names.values()),
        recent=frozenset(names[m.author.id] for m in history[-_RECENT:] if m.author.id in names),
        lines=_labelled_lines(turns) if labelled else (),
        first=history[start].id if start else None,
        read=history[-1].id if history else None,
        shared=_shared(ids, card),
        spelt_ends=unasked_ends(reader, [text for each in history[-ASKED_IN:] for text in each.texts]),
        spared=spared_ids(ids, spans),
        thinking_budget=reader.thinking_budget,
    )


def _open_card(
    fitter: HistoryFitter,
    history: Sequence[Message],
    system_prompt: str,
    own_system: str,
    inserted: Sequence[Insertion],
) -> tuple[CardTurns, HistoryFitter]:
    """Return the card's turns around a history, and the fitter with what stands between its messages."""
    persona, reader, names = fitter.persona, fitter.reader, fitter.names
    current = next((names[m.author.id] for m in reversed(history) if m.author.id in names), "User")
    scene = persona.card.scene(current, persona.key)
    late_scene = replace(scene, time=history[-1].time // 60 * 60 if history else None)
    constant, lore_room = select_lore(
        constant_entries(persona), scene, reader.tokenizer, lore_budget(persona.lore, reader.budget)
    )
    late = late_turns(persona, late_scene)
    card = CardTurns(persona, scene, system_prompt, constant, late, reader, fitter.labelled, own_system)
    fitter = replace(fitter, insertions=_placed((*inserted, *depth_insertions(persona, late_scene)), reader))
    fitter = _with_lore(fitter, history, late_scene, lore_room, card.room(card.frame(0)))
    if history:
        return card, fitter
    return replace(card, late=(*(insertion.turn for insertion in fitter.insertions), *late)), fitter


def _placed(insertions: Iterable[Insertion], reader: PromptFormat) -> tuple[Insertion, ...]:
    return tuple(accepted_insertion(insertion, reader.template) for insertion in insertions)


def _with_lore(
    fitter: HistoryFitter, history: Sequence[Message], scene: MacroContext, lore_room: int, room: int
) -> HistoryFitter:
    """Return the fitter with the entries that the newest messages call for, as far as they fit.

    `lore_room` is the most that entries may take of the history's `room`.
    """
    entries = fitter.persona.lore.entries
    called = said_entries(entries, history) if entries else []
    called += [entry for entry in entries if entry.constant and entry.depth is not None]
    if not called:
        return fitter
    newest = sum(fitter.token_costs(fitter.turns(history[-1:], history[:-1])))
    chosen, _ = select_lore(called, scene, fitter.reader.tokenizer, min(lore_room, room - newest))
    inserted = _placed(lore_insertions(chosen, scene), fitter.reader)
    whole = replace(fitter, insertions=(*fitter.insertions, *inserted))
    needed = sum(whole.token_costs(whole.turns(history[-1:], history[:-1])))
    return whole if needed <= room else fitter


def _labelled_lines(turns: Sequence[tuple[Turn, ...]]) -> tuple[str, ...]:
    """Return the first line of each of people's newest messages, with its label."""
    newest = (turn for each in turns[-_REPEATED:] for turn in each if turn.role == "user")
    parts = (part.text for turn in newest for part in turn.parts if part.kind == "message")
    return tuple(text.splitlines()[0].rstrip() for text in parts if text)


def _shared(ids: Sequence[int], card: CardTurns) -> int:
    """Return the number of first ids that a prompt with another speaker and other words shares."""
    persona = card.persona
    other = replace(card, scene=persona.card.scene(_NOBODY, persona.key))
    frame = other.frame(len(persona.card.examples))
    others = rendered_ids((*frame, Turn("user", (PromptPart("message", _NOBODY),))), card.reader)
    return common_prefix(ids, others)


_NOBODY = "\uf8ff"  # a name that nobody has
