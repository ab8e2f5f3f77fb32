"""Requests that continue raw text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from bot.api.errors import bad_field
from bot.api.request_fields import (
    MAX_LIKELIEST,
    Fields,
    GenerationFields,
    Text,
    check_beams,
    check_text,
    parse_fields,
)

MAX_PROMPTS = 32
_MOST_CHOICES = 64  # of all prompts together
RawPrompt = str | tuple[int, ...]  # text, or token ids


class CompletionFields(GenerationFields):
    """The fields of a completion beside its prompts.

    `parse_special`: control tokens in the text count as such.
    """

    echo: bool = False
    logprobs: int | None = Field(default=None, ge=0, le=MAX_LIKELIEST)
    parse_special: bool = False


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A completion: its fields and its prompts."""

    fields: CompletionFields
    prompts: tuple[RawPrompt, ...]


class TokenizeFields(Fields):
    """The fields of /tokenize."""

    prompt: Text
    parse_special: bool = False


def parse_completion(body: Mapping[str, Any]) -> CompletionRequest:
    """Return a completion request. Raises `ApiError` for the first field that is wrong."""
    fields = parse_fields(CompletionFields, body)
    check_beams(fields, has_logprobs=fields.logprobs is not None)
    prompts = _prompts(body.get("prompt"))
    if len(prompts) * fields.n > _MOST_CHOICES:
        raise bad_field("n", f"at most {_MOST_CHOICES} choices for all prompts together")
    return CompletionRequest(fields, prompts)


def _prompts(given: Any) -> tuple[RawPrompt, ...]:
    """Return the prompts: one text or list of token ids, or a list of such."""
    if isinstance(given, str):
        return (_text(given),)
    if not isinstance(given, list) or not given:
        raise bad_field("prompt", "write a text, token ids, or a list of these")
    if type(given[0]) is int:
        return (_ids(given),)
    if len(given) > MAX_PROMPTS:
        raise bad_field("prompt", f"at most {MAX_PROMPTS} prompts")
    return tuple(_text(each) if isinstance(each, str) else _ids(each) for each in given)


def _text(text: str) -> str:
    try:
        return check_text(text)
    except ValueError as error:
        raise bad_field("prompt", str(error)) from None


def _ids(given: Any) -> tuple[int, ...]:
    if not (isinstance(given, list) and given) or not all(
        type(id) is int and 0 <= id < 2**31 for id in given
    ):
        raise bad_field("prompt", "write a text, token ids, or a list of these")
    return tuple(given)
