"""Fields of the bodies that the page sends."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from bot.api.request_fields import check_fields


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
