"""Rendering of turns to the ids that the model's own tokenizer gives, but that no word of a message becomes a
control token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.prompt.chat_template import NAME, Role, Template
from bot.prompt.splicing import SectionEncoder, TextPiece, splice_pieces


class Tokenizer(Protocol):
    """A base model's tokenizer with two doors, for content and for template text.

    One that is a `SectionEncoder` too has a third, for both side by side.
    """

    @property
    def template(self) -> str | None:
        """The model's own chat template (Jinja), or None."""

    @property
    def special(self) -> dict[str, str]:
        """Named special tokens for the template: `bos_token`, `eos_token` and the like."""

    @property
    def control(self) -> frozenset[int]:
        """The control ids, which content never contains."""

    @property
    def end(self) -> frozenset[int]:
        """The ids that end a turn or a text, by the model's configuration."""

    @property
    def begin(self) -> tuple[int, ...]:
        """The ids that the model's own tokenizer puts before every text; templates write them themselves."""

    def encode(self, text: str) -> list[int]:
        """Encode content, without control ids, and without an added space or special token."""

    def encode_template(self, text: str) -> list[int]:
        """Encode text of a template, with control tokens."""

    def decode(self, ids: list[int]) -> str:
        """Decode ids to text, without control tokens."""

    def spell(self, ids: Sequence[int]) -> str:
        """Return ids as text with their control tokens, for people who look at a prompt."""


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A piece of content with one origin; `source` is the id of its message, if it is one."""

    kind: str
    text: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Consecutive content of one role."""

    role: Role
    parts: tuple[PromptPart, ...]


# a user turn between examples and history, and before templates' conversations that must begin with the user
OPENING = Turn("user", (PromptPart("opening", "[The conversation begins.]"),))
# a user turn behind the persona's own, for templates that open no other turn there
GOING_ON = Turn("user", (PromptPart("opening", "[The conversation goes on.]"),))


@dataclass(frozen=True, slots=True)
class PromptSpan:
    """The origin of ids[start:end]: one part, or the template (kind "template")."""

    kind: str
    start: int
    end: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """A base model's tokenizer and template, and the budget of a prompt in ids.

    `kept` is the share of the history's budget that stays filled if messages are dropped: large steps keep
    the prefix of prompts stable. `thinking_budget` is the most ids of a thought before the answer, 0 without.
    """

    tokenizer: Tokenizer
    template: Template
    budget: int
    kept: float = 0.6
    thinking_budget: int = 0


_Origin = tuple[str, str | None]  # the kind of a part, and the id of its message


def render_turns(
    turns: Sequence[Turn], reader: PromptFormat, *, answer: bool = True, begun: PromptPart | None = None
) -> tuple[tuple[int, ...], tuple[PromptSpan, ...]]:
    """Render turns to ids and the spans of their parts; with `answer`, up to the assistant's next turn.

    `begun` is the beginning of that turn, which the model goes on from.
    Only template text gives control tokens, and the rest is encoded as one text (`bot.prompt.splicing`).
    """
    turns = merge_turns(turns, reader.template)
    if answer and reader.template.needs_user and turns and turns[-1].role == "assistant":
        turns = (*turns, GOING_ON)
    pieces: list[TextPiece] = []
    origins: list[_Origin] = []
    for segment in reader.template.segments([turn.role for turn in turns], answer):
        if isinstance(segment, str):
            named = template_pieces(segment, reader)
            pieces += named
            origins += [("template", None)] * len(named)
        else:
            pieces += [TextPiece(part.text, is_content=True) for part in turns[segment].parts]
            origins += [(part.kind, part.source) for part in turns[segment].parts]
    if begun is not None:
        pieces.append(TextPiece(begun.text, is_content=True))
        origins.append((begun.kind, begun.source))
    return _joined(encode_pieces(pieces, reader.tokenizer), origins)


def spared_ids(ids: Sequence[int], spans: Sequence[PromptSpan]) -> frozenset[int]:
    """Return the template's own ids of a prompt, which no penalty of repetition touches."""
    return frozenset(i for span in spans if span.kind == "template" for i in ids[span.start : span.end])


def encode_pieces(pieces: Sequence[TextPiece], tokenizer: Tokenizer) -> list[list[int]]:
    """Return the ids of each piece, spliced where the tokenizer encodes sections."""
    if isinstance(tokenizer, SectionEncoder):
        return splice_pieces(pieces, tokenizer)
    encoders = (tokenizer.encode_template if piece.has_control else tokenizer.encode for piece in pieces)
    return [encode(piece.text) for encode, piece in zip(encoders, pieces, strict=True)]


def _joined(
    ids: Sequence[Sequence[int]], origins: Sequence[_Origin]
) -> tuple[tuple[int, ...], tuple[PromptSpan, ...]]:
    """Return all ids with a span for each origin; neighbouring pieces of the template are one."""
    joined: list[int] = []
    spans: list[PromptSpan] = []
    for piece, (kind, source) in zip(ids, origins, strict=True):
        start = len(joined)
        if kind == "template" and spans and spans[-1].kind == kind:
            start = spans.pop().start
        joined.extend(piece)
        spans.append(PromptSpan(kind, start, len(joined), source))
    return tuple(joined), tuple(spans)


def template_pieces(segment: str, reader: PromptFormat) -> list[TextPiece]:
    """Return template text as pieces, of which the persona's name gives no control token."""
    names = [TextPiece(reader.template.char, is_content=False)] * segment.count(NAME)
    texts = [TextPiece(piece, is_content=False, has_control=True) for piece in segment.split(NAME)]
    return [texts[0], *(piece for pair in zip(names, texts[1:], strict=True) for piece in pair)]


def template_ids(text: str, reader: PromptFormat) -> list[int]:
    """Return the ids of template text, with control tokens of the template's own.

    Only a persona's name that would give a control token is encoded apart, as content: any other name is
    encoded together with the text around it, as the model has it from its training.
    """
    tokenizer, template = reader.tokenizer, reader.template
    if NAME not in text:
        return tokenizer.encode_template(text)
    whole = tokenizer.encode_template(template.named(text))
    first, *others = map(tokenizer.encode_template, text.split(NAME))
    controls = [id for piece in (first, *others) for id in piece if id in tokenizer.control]
    if controls == [id for id in whole if id in tokenizer.control]:
        return whole
    name = tokenizer.encode(template.char)
    return [*first, *(id for piece in others for id in (*name, *piece))]


def stop_conditions(reader: PromptFormat) -> tuple[frozenset[int], tuple[str, ...]]:
    """Return the stop ids and stop strings: the control token that the template writes behind a reply, or
    text.
    """
    after, written = template_ids(reader.template.after, reader), reader.template.named(reader.template.after)
    control = next((id for id in after if id in reader.tokenizer.control), None)
    if control is not None:
        return reader.tokenizer.end | {control}, ()
    return reader.tokenizer.end, (written.rstrip() or written,) if written else ()


def merge_turns(turns: Sequence[Turn], template: Template) -> tuple[Turn, ...]:
    """Return turns that the template accepts: no role twice in a row, and no role that it refuses."""
    arranged: list[tuple[Role, list[PromptPart]]] = []
    is_start = True  # nothing but system turns so far
    for position, turn in enumerate(turns):
        accepted = template.system if position == 0 else template.late_system
        role: Role = "user" if turn.role == "system" and not accepted else turn.role
        if role == "assistant" and is_start and template.opens_with_user:
            arranged.append((OPENING.role, [*OPENING.parts]))
        is_start = is_start and role == "system"
        if arranged and arranged[-1][0] == role:
            gap = "\n\n" if "system" in (turn.role, turns[position - 1].role) else "\n"
            first = PromptPart(turn.parts[0].kind, gap + turn.parts[0].text, turn.parts[0].source)
            arranged[-1][1].extend((first, *turn.parts[1:]))
        else:
            arranged.append((role, [*turn.parts]))
    if template.opens_with_user and is_start:
        arranged.append((OPENING.role, [*OPENING.parts]))
    return tuple(Turn(role, tuple(parts)) for role, parts in arranged)
