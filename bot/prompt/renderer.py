"""From turns to token ids: template and content are encoded apart and spliced, so no word becomes control."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.prompt.chat_template import Role, Template


class Tokenizer(Protocol):
    """A base model's tokenizer as prompts need it: text that people wrote never becomes a control token."""

    @property
    def template(self) -> str | None:
        """The model's own chat template (Jinja), or None when it has none."""

    @property
    def special(self) -> dict[str, str]:
        """Named special tokens for the template: `bos_token`, `eos_token` and the like."""

    @property
    def control(self) -> frozenset[int]:
        """Every id that content must never contain."""

    @property
    def end(self) -> frozenset[int]:
        """The ids that end a turn or a text, as the model's own configuration says."""

    def encode(self, text: str) -> list[int]:
        """Content to ids; none of them is a control id, and no space or special token is added."""

    def encode_template(self, text: str) -> list[int]:
        """A template's own text to ids; here control tokens are recognised."""

    def decode(self, ids: list[int]) -> str:
        """Ids to text, control tokens left out."""


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A stretch of content with one origin; `source` is the message's id where it is a message."""

    kind: str
    text: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one role says at a stretch."""

    role: Role
    parts: tuple[PromptPart, ...]


# said for the user: between examples and the history, and where a template wants the user to speak first
OPENING = Turn("user", (PromptPart("opening", "[The conversation begins.]"),))


@dataclass(frozen=True, slots=True)
class PromptSpan:
    """ids[start:end] came from one part, or from the template (kind "template")."""

    kind: str
    start: int
    end: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """The model's side of a prompt: its tokenizer, its template, and how many ids a prompt may have.

    `kept` is the share of the room for history that stays filled when some of it has to go: dropping in large
    steps keeps the beginning stable.
    """

    tokenizer: Tokenizer
    template: Template
    budget: int
    kept: float = 0.6


def render_turns(
    turns: Sequence[Turn], reader: PromptFormat, *, answer: bool = True
) -> tuple[tuple[int, ...], tuple[PromptSpan, ...]]:
    """Turns to ids and the spans of their parts; with `answer`, up to where the assistant is to speak.

    Template text is encoded with control tokens, content without any, and the two are spliced.
    """
    turns = arrange(turns, reader.template)
    ids: list[int] = []
    spans: list[PromptSpan] = []

    def add(kind: str, piece: list[int], source: str | None = None) -> None:
        spans.append(PromptSpan(kind, len(ids), len(ids) + len(piece), source))
        ids.extend(piece)

    for segment in reader.template.segments([turn.role for turn in turns], answer):
        if isinstance(segment, str):
            add("template", reader.tokenizer.encode_template(segment))
        else:
            for part in turns[segment].parts:
                add(part.kind, reader.tokenizer.encode(part.text), part.source)
    return tuple(ids), tuple(spans)


def stop_conditions(reader: PromptFormat) -> tuple[frozenset[int], tuple[str, ...]]:
    """What ends an answer: the control token that the template writes behind one, or its text."""
    after = reader.tokenizer.encode_template(reader.template.after)
    control = next((id for id in after if id in reader.tokenizer.control), None)
    text = reader.template.after.rstrip()
    if control is not None:
        return reader.tokenizer.end | {control}, ()
    return reader.tokenizer.end, (text or reader.template.after,) if reader.template.after else ()


def arrange(turns: Sequence[Turn], template: Template) -> tuple[Turn, ...]:
    """Turns as the template takes them: one role never twice in a row, and no role that it refuses."""
    arranged: list[Turn] = []
    for position, turn in enumerate(turns):
        accepted = template.system if position == 0 else template.late_system
        role: Role = "user" if turn.role == "system" and not accepted else turn.role
        starts = all(turn.role == "system" for turn in arranged)
        if role == "assistant" and starts and template.opens_with_user:
            arranged.append(OPENING)
        if arranged and arranged[-1].role == role:
            gap = "\n\n" if "system" in (turn.role, turns[position - 1].role) else "\n"
            first = PromptPart(turn.parts[0].kind, gap + turn.parts[0].text, turn.parts[0].source)
            arranged[-1] = Turn(role, (*arranged[-1].parts, first, *turn.parts[1:]))
        else:
            arranged.append(Turn(role, turn.parts))
    if template.opens_with_user and all(turn.role == "system" for turn in arranged):
        arranged.append(OPENING)
    return tuple(arranged)
