"""Answers as the ids that the model writes: their words, what the template sets around them, and the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import UserError
from bot.prompt.builder import PromptFormat, stop_conditions
from bot.prompt.renderer import encode_pieces, template_ids
from bot.prompt.splicing import SectionEncoder, TextPiece
from bot.prompt.thoughts import opened_thought


@dataclass(frozen=True, slots=True)
class AnswerFrame:
    """The text around an answer: of the prompt before it, of the template, and behind it up to `end_ids`.

    `opening` closes a thought that the template's prompt has opened. `blank` is what the template writes
    before an assistant's words: a tokenizer that joins it with the first word has it in that token.
    """

    prompt: str
    opening: str
    blank: str
    end: str
    end_ids: tuple[int, ...]

    def encode(self, words: str, prompt_format: PromptFormat) -> tuple[int, ...] | None:
        """Return the ids of an answer; None where its first one is also the prompt's last."""
        blank = self._behind_prompt([self.blank, words], prompt_format)
        if self.blank and blank and blank[:1] != self._behind_prompt([self.blank], prompt_format):
            return (*blank, *self.end_ids)
        plain = self._behind_prompt([words], prompt_format)
        return None if plain is None else (*plain, *self.end_ids)

    def _behind_prompt(self, texts: Sequence[str], prompt_format: PromptFormat) -> tuple[int, ...] | None:
        own = [TextPiece(text, is_content=False, has_control=True) for text in (self.prompt, self.opening)]
        end = [TextPiece(self.end, is_content=False)] if texts != [self.blank] else []
        said = [TextPiece(text, is_content=True) for text in texts]
        before, whole = (_spliced(pieces, prompt_format) for pieces in (own[:1], [*own, *said, *end]))
        return whole[len(before) :] if whole[: len(before)] == before else None


def _spliced(pieces: Sequence[TextPiece], prompt_format: PromptFormat) -> tuple[int, ...]:
    return tuple(id for ids in encode_pieces(pieces, prompt_format.tokenizer) for id in ids)


def answer_frame(prompt_format: PromptFormat) -> AnswerFrame:
    """Return the frame of a template's answers. Raises `UserError` as `answer_end_ids`."""
    template = prompt_format.template
    pieces = template.segments(["user"], answer=True)
    prompt = template.named(str(pieces[-1])) if isinstance(pieces[-1], str) else ""
    between = template.segments(["user", "assistant"], answer=False)
    before = between[between.index(1) - 1]
    written = template.named(before) if isinstance(before, str) else ""
    blank = written.removeprefix(prompt) if written.startswith(prompt) else ""
    thought, gap = opened_thought(prompt), "" if prompt.endswith("\n") else "\n"
    last, splices = _sections(prompt, prompt_format)[-1:], isinstance(prompt_format.tokenizer, SectionEncoder)
    return AnswerFrame(
        prompt=last[0] if last and isinstance(last[0], str) else "",
        opening=f"{gap}{thought.closing}\n\n" if thought else "",
        blank=blank if blank.isspace() else "",
        end=_end_text(prompt_format) if splices else "",
        end_ids=_control_end(prompt_format) if splices else answer_end_ids(prompt_format),
    )


def answer_end_ids(prompt_format: PromptFormat) -> tuple[int, ...]:
    """Return the ids that end an answer: those that the template writes, as far as serving stops there.

    For a template that writes nothing behind an answer, it is the model's own end of text. Raises `UserError`
    if there is none either: a persona that learns from such a template never stops.
    """
    stop_ids, stop = stop_conditions(prompt_format)
    after = template_ids(prompt_format.template.after, prompt_format)
    for place, id in enumerate(after):
        if id in prompt_format.tokenizer.control and id in stop_ids:
            return tuple(after[: place + 1])
    if stop:
        return tuple(prompt_format.tokenizer.encode_template(stop[0]))
    end = prompt_format.tokenizer.encode_template(prompt_format.tokenizer.special.get("eos_token", ""))
    if len(end) != 1 or end[0] not in prompt_format.tokenizer.end:
        raise UserError(
            "The chat template and the model name no token that ends an answer: set model.template to chatml "
            "or plain."
        )
    return tuple(end)


def _sections(template: str, prompt_format: PromptFormat) -> Sequence[str | int]:
    """Return template text by its control ids; as one text where the tokenizer does not tell."""
    tokenizer = prompt_format.tokenizer
    return tokenizer.split_control(template) if isinstance(tokenizer, SectionEncoder) else [template]


def _end_text(prompt_format: PromptFormat) -> str:
    """Return the text behind an answer, up to the control token that ends it."""
    _, stop = stop_conditions(prompt_format)
    if stop:
        return stop[0]
    parts = _sections(prompt_format.template.named(prompt_format.template.after), prompt_format)
    return parts[0] if parts and isinstance(parts[0], str) else ""


def _control_end(prompt_format: PromptFormat) -> tuple[int, ...]:
    """Return the ids of an answer's end from its first control token on."""
    ids, control = answer_end_ids(prompt_format), prompt_format.tokenizer.control
    first = next((place for place, id in enumerate(ids) if id in control), len(ids))
    return ids[first:]
