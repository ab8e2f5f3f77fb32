"""The steps between generated text and text that people read, in one table.

Every step is applied to the growing preview and to the whole reply alike, in the order of `TEXT_STEPS`: text
that a step removes from the reply is not shown in the preview either.
"""

from collections.abc import Callable

from bot.persona.persona import Persona
from bot.text.tidy import tidy

# (text, persona that writes it, whether the text is whole) -> text. Of a text that still grows, a step
# returns the part that can be shown already: a beginning of the results for all longer texts
TextStep = Callable[[str, Persona, bool], str]


def _tidy(text: str, persona: Persona, whole: bool) -> str:
    return tidy(text, persona.name, whole=whole)


TEXT_STEPS: tuple[TextStep, ...] = (_tidy,)


def apply_text_steps(text: str, persona: Persona, *, whole: bool) -> str:
    """Return a generated text as people may read it; of one that is not `whole`, the part to show already."""
    for step in TEXT_STEPS:
        text = step(text, persona, whole)
    return text
