"""A text that the engine drew for a reply, as people may read it, and how it came about."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bot.adapter.folders import shown_folder
from bot.chat.text_steps import apply_text_steps
from bot.engine.interface import Answer
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt
from bot.text.own_words import OwnWords


@dataclass(frozen=True, slots=True)
class DrawnText:
    """One text that the engine drew, as people may read it.

    `has_other_lines`: lines of another speaker were left out of it; `is_ended_by_other`: one ended it.
    """

    text: str
    answer: Answer
    has_other_lines: bool
    is_ended_by_other: bool


def drawn_text(answer: Answer, persona: Persona, own_words: OwnWords) -> DrawnText:
    """Return an answer as people may read it; `own_words` has read the beginning of its text."""
    text = apply_text_steps(answer.text, persona, whole=True, own_words=own_words, finish=answer.finish)
    return DrawnText(text, answer, own_words.dropped, own_words.ended)


def excuse_for(persona: Persona, answer: Answer) -> str:
    """Return the reason why a reply has no text."""
    if answer.in_thought:
        return f"{persona.name} thought about it and came to no answer; ask again."
    return f"{persona.name} found no words; ask again."


def explain_reply(
    persona: Persona, rule: str, prompt: Prompt, drawn: Sequence[DrawnText]
) -> dict[str, object]:
    """Return how a reply came about, without a word of the chat."""
    answer = drawn[-1].answer
    thought = sum(each.answer.thought_tokens for each in drawn)
    return {
        "rule": rule,
        "persona": persona.key,
        "adapter": shown_folder(persona.adapter) if persona.adapter else None,
        "sampling": persona.sampling.model_dump(),
        "prompt": prompt.tokens(),
        "tokens": sum(each.answer.tokens for each in drawn),
        **({"thought": thought} if thought else {}),
        "draws": len(drawn),
        "finish": "speaker" if drawn[-1].is_ended_by_other else answer.finish,
        "seconds": {name: round(seconds, 3) for name, seconds in asdict(answer.timings).items()},
    }
