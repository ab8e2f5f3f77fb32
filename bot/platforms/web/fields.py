"""Fields of the bodies that the page sends."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from bot.api.request_fields import Text, check_fields
from bot.engine.interface import MAX_BEAMS, MAX_LENGTH_PENALTY


class PageFields(BaseModel):
    """Fields of one object, without conversions."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Return the fields of a body. Raises `ApiError` for the first one that is wrong."""
        return check_fields(cls, body)


class LoginFields(PageFields):
    """The key that somebody logs in with."""

    key: str = Field(max_length=1_000)


class ConversationFields(PageFields):
    """The persona of a new conversation."""

    persona: str = Field(min_length=1, max_length=500)


class ConversationChange(PageFields):
    """Changes of a conversation; an empty title is that of its first message."""

    title: Text | None = Field(default=None, max_length=200)
    persona: str | None = Field(default=None, min_length=1, max_length=500)


class MessageFields(PageFields):
    """A message's text; the chat's own bound holds for it."""

    text: str


class SwipeFields(PageFields):
    """The swipe to choose, from 0."""

    index: int = Field(ge=0, lt=10_000)


class BeamFields(PageFields):
    """A search by beams. `max_tokens`: of the answer; without it the persona's."""

    beams: int = Field(ge=2, le=MAX_BEAMS)
    length_penalty: float = Field(default=1.0, ge=-MAX_LENGTH_PENALTY, le=MAX_LENGTH_PENALTY)
    max_tokens: int | None = Field(default=None, ge=1, le=32_768)

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Return the fields of a body, where the penalty may be a whole number. Raises `ApiError`."""
        penalty = body.get("length_penalty")
        whole = {"length_penalty": float(penalty)} if type(penalty) is int and abs(penalty) < 1_000 else {}
        return check_fields(cls, {**body, **whole})


class SeedFields(PageFields):
    """A conversation's seed; null is one that nobody can foresee."""

    seed: int | None = Field(default=None, ge=0, lt=2**63)
