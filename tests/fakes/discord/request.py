"""One call of the REST API as it came in, and the answer that goes out."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.fakes.discord.refusal import Refusal, invalid

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    name: str
    data: bytes
    kind: str


@dataclass(eq=False, slots=True)
class Request:
    """`at` and `answered` are monotonic seconds; `status` is 0 until the answer, and -1 if it was cut off."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str | None
    body: Any = None
    files: list[File] = field(default_factory=list)
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    at: float = field(default_factory=time.monotonic)
    answered: float = 0.0
    status: int = 0

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def form(self) -> Json:
        """The body as an object; 50109 for anything else."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Refusal(50109)
        return self.body

    def number(self, name: str) -> int:
        """An id of the path; 50035 where it is none."""
        value = self.parameters[name]
        if not value.isdecimal():
            raise Refusal(50035, message="Invalid Form Body")
        return int(value)

    def asked_number(self, name: str) -> int | None:
        """A number of the query; 50035 where it is none."""
        value = self.query.get(name)
        if value is not None and not value.isdecimal():
            raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return None if value is None else int(value)

    def asks(self, name: str) -> bool:
        """Is this flag of the query set?"""
        return self.query.get(name, "").lower() in ("1", "true")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 204
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """JSON as exactly `application/json`: where a charset follows, discord.py takes it for text."""
        if self.body is None:
            return web.Response(status=self.status, headers=self.headers)
        is_text = isinstance(self.body, str)
        data = (self.body if is_text else json.dumps(self.body)).encode()
        kind = "text/html" if is_text else "application/json"
        return web.Response(status=self.status, body=data, content_type=kind, headers=self.headers)


async def read(http: web.Request, path: str) -> Request:
    """The request without its prefix; a body that is no JSON stays as text for the route to refuse."""
    request = Request(http.method, path, dict(http.query), http.headers.get("Authorization"))
    if http.content_type.startswith("multipart/"):
        await _read_parts(http, request)
    elif http.can_read_body:
        request.body = _parsed(await http.text(), http.content_type)
    return request


def _parsed(text: str, content_type: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text) if content_type == "application/json" else text
    except ValueError:
        return text


async def _read_parts(http: web.Request, request: Request) -> None:
    async for part in await http.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        if part.name == "payload_json":
            request.body = _parsed(data.decode(), "application/json")
        else:
            kind = part.headers.get("Content-Type", "application/octet-stream")
            request.files.append(File(part.filename or "file", data, kind))
