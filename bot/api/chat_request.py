"""Requests for a chat's next message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from bot.api.errors import ApiError, bad_field
from bot.api.request_fields import (
    MAX_LIKELIEST,
    Fields,
    GenerationFields,
    Text,
    check_beams,
    parse_fields,
)

MAX_MESSAGES = 2_000
Speaker = Literal["system", "user", "assistant"]
Wrapping = Literal["card", "adapter"]  # what stands around the messages for a persona
_SPEAKERS: dict[str, Speaker] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_IGNORED = ("tool", "function")  # what tools answered, of which there are none here
_TEXTS = ("text", "input_text", "output_text")
_UNSEEN = {"image_url": "[image]", "input_image": "[image]", "input_audio": "[audio]", "file": "[file]"}


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message with words. `name` is its author's, empty where the client gives none."""

    role: Speaker
    text: str
    name: str = ""


class _Part(Fields):
    type: str = Field(max_length=100)
    text: Text | None = None


class _Message(Fields):
    role: str = Field(max_length=100)
    content: Text | Annotated[list[_Part], Field(max_length=1_000, fail_fast=True)] | None = None
    name: Annotated[Text, Field(max_length=200)] | None = None


class ChatFields(GenerationFields):
    """The fields of a chat request."""

    messages: Annotated[list[_Message], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)]
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=MAX_LIKELIEST)
    continue_final_message: bool = True
    persona: Wrapping | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat request: its fields, its messages, and the beginning of the answer, which may be empty."""

    fields: ChatFields
    messages: tuple[ChatMessage, ...]
    begun: str

    @property
    def wrapping(self) -> Wrapping:
        """The card, unless the client brings a system message of its own, or says otherwise."""
        has_system = any(message.role == "system" for message in self.messages)
        return self.fields.persona or ("adapter" if has_system else "card")

    @property
    def likeliest(self) -> int | None:
        """The number of likeliest tokens to tell; None where no logprobs are asked for."""
        return self.fields.top_logprobs if self.fields.logprobs else None


def parse_chat(body: Mapping[str, Any]) -> ChatRequest:
    """Return a chat request. Raises `ApiError` for the first field that is wrong.

    A last message of the assistant is the beginning of its answer, unless `continue_final_message` is false.
    """
    fields = parse_fields(ChatFields, body)
    if fields.top_logprobs and not fields.logprobs:
        raise bad_field("top_logprobs", "set logprobs to true as well")
    check_beams(fields, has_logprobs=fields.logprobs)
    messages = tuple(said for at, each in enumerate(fields.messages) if (said := _said(each, at)))
    if not messages:
        raise bad_field("messages", "none of them has words")
    last = messages[-1]
    if last.role == "assistant" and fields.continue_final_message:
        return ChatRequest(fields, messages[:-1], last.text)
    return ChatRequest(fields, messages, "")


def _said(message: _Message, at: int) -> ChatMessage | None:
    """Return a message; None for one without words, and for one of a tool."""
    if message.role in _IGNORED:
        return None
    if message.role not in _SPEAKERS:
        known = ", ".join((*_SPEAKERS, *_IGNORED))
        raise bad_field(f"messages[{at}].role", f"known roles are {known}")
    text = _text(message.content, at)
    return ChatMessage(_SPEAKERS[message.role], text, message.name or "") if text.strip() else None


def _text(content: str | list[_Part] | None, at: int) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(
        _part_text(part, f"messages[{at}].content[{index}]") for index, part in enumerate(content)
    )


def _part_text(part: _Part, param: str) -> str:
    """Return the words of a part; a note for a picture, a sound or a file, which no model here reads."""
    if part.type in _TEXTS:
        return part.text or ""
    if part.type == "refusal":
        return ""
    if part.type not in _UNSEEN:
        raise ApiError(400, f"{param}.type: only text can be read here.", f"{param}.type", "invalid_value")
    return _UNSEEN[part.type]
