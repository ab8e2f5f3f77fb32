"""The steps between generated text and text that people read, in one table.

Every step is applied to the growing preview and to the whole reply alike, in the order of `TEXT_STEPS`: text
that a step removes from the reply is not shown in the preview either. The end of a text that the engine cut
is the exception: nobody knows of the cut while the text grows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.engine.interface import Finish
from bot.persona.persona import Persona
from bot.text.open_marks import close_marks
from bot.text.own_words import OwnWords
from bot.text.unfinished import end_unfinished


@dataclass(frozen=True, slots=True)
class TextContext:
    """The facts about a reply that steps need: its writer, the reader of its own words, and its end."""

    persona: Persona
    own_words: OwnWords
    finish: Finish


# (text, its context, whether the text is whole) -> text. Of a text that still grows, a step returns the part
# that can be shown already: a beginning of the results for all longer texts
TextStep = Callable[[str, TextContext, bool], str]


def open_own_words(
    persona: Persona,
    others: Iterable[str] = (),
    lines: Iterable[str] = (),
    recent: Iterable[str] | None = None,
) -> OwnWords:
    """Return the reader of one reply by a persona.

    `others` are the labels of the other speakers, `lines` what the prompt has of these, `recent` the labels
    of those who spoke last; None for all.
    """
    return OwnWords((persona.name, persona.card.name, *persona.names), others, lines, recent)


def _keep_own_words(text: str, context: TextContext, whole: bool) -> str:
    return context.own_words.read(text, whole=whole)


def _end_cut_text(text: str, context: TextContext, whole: bool) -> str:
    """End a text at a sentence where the engine cut it; where a person or a deadline did, close its marks."""
    if not whole or context.finish == "stop":
        return text
    is_cut = context.finish == "length" and not context.own_words.ended
    return end_unfinished(text) if is_cut else close_marks(text)


TEXT_STEPS: tuple[TextStep, ...] = (_keep_own_words, _end_cut_text)


def apply_text_steps(
    text: str,
    persona: Persona,
    *,
    whole: bool,
    own_words: OwnWords | None = None,
    finish: Finish = "stop",
) -> str:
    """Return a generated text as people may read it; of one that is not `whole`, the part to show already.

    `own_words` is the reader of this reply, which goes on where it was: each line is read once.
    """
    context = TextContext(persona, own_words or open_own_words(persona), finish)
    for step in TEXT_STEPS:
        text = step(text, context, whole)
    return text
