"""The parameters of one call, read from a form, a query or JSON."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.telegram.refusal import Json, Refusal

# parameters that are texts, also where one reads as a number
TEXTS = "text caption name action callback_query_id guest_query_id inline_message_id file_id".split()


class Arguments:
    """Parameters by name, each read as the type that a method asks for; files apart."""

    def __init__(self, values: Mapping[str, Any], files: Mapping[str, tuple[str, bytes]]) -> None:
        self.values, self.files = dict(values), dict(files)

    @classmethod
    async def read(cls, request: web.Request) -> "Arguments":
        if request.content_type == "application/json":
            return cls({**request.query, **await request.json()}, {})
        values, files = dict(request.query), {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = (value.filename, value.file.read())
            else:
                values[name] = str(value)
        return cls(values, files)

    def text(self, name: str) -> str:
        value = self.values.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        try:
            return None if value in (None, "") else int(value)
        except ValueError:
            raise Refusal(400, f"{name} is invalid") from None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1", "yes")

    def data(self, name: str) -> Any:
        """A parameter that is JSON; None when it was not given."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refusal(400, f"can't parse {name}: can't parse JSON object") from None

    def chat(self) -> str:
        return self.text("chat_id")

    def record(self) -> Json:
        """The call's parameters, for tests: JSON values where a parameter is JSON, except for texts."""
        read: Json = {}
        for name, value in self.values.items():
            plain = not isinstance(value, str) or name in TEXTS
            try:
                read[name] = value if plain else json.loads(value)
            except ValueError:
                read[name] = value
        return read | {name: f"file {title}" for name, (title, _) in self.files.items()}
