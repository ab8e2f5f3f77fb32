"""Discord's own OpenAPI description as the judge of every answer and of what the gateway tells.

The description (MIT, github.com/discord/discord-api-spec) stays outside the repository: in the folder that
ALTEREGO_SPECS names, or in `../shared/specs` beside it. Its README: `anyOf` stands for `oneOf`.
"""

import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.fakes.discord.request import Reply, Request

_URI = "urn:discord"
_BESIDE = Path(__file__).resolve().parents[3] / ".." / "shared" / "specs"


def path() -> Path | None:
    """The description's file; None where it is not at hand."""
    folder = Path(os.environ.get("ALTEREGO_SPECS") or _BESIDE)
    file = folder / "discord-openapi.json"
    return file if file.is_file() else None


@functools.cache
def _document(file: Path) -> tuple[dict[str, Any], Registry[Any], dict[tuple[str, str], Any]]:
    document = json.loads(file.read_bytes())
    _follow_the_docs(document["components"]["schemas"])
    resource = DRAFT202012.create_resource(document)
    operations = {
        (method.upper(), _shape(template)): operation
        for template, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    }
    return document, Registry().with_resource(_URI, resource), operations


def _follow_the_docs(schemas: dict[str, Any]) -> None:
    """Change what the description has otherwise than the documentation (docs.discord.com/developers).

    Codes of single fields are words, not numbers. A message refers to a forwarded one by type 1.
    """
    item = {"type": "object", "required": ["code", "message"], "properties": {"code": {"type": "string"}}}
    schemas["InnerErrors"]["properties"]["_errors"]["items"] = item
    schemas["MessageReferenceType"]["oneOf"].append({"title": "FORWARD", "const": 1})


@functools.cache
def _validator(file: Path, schema: str) -> Draft202012Validator:
    """The validator of a schema given as JSON text, with its references pointed into the document."""
    text = schema.replace('"#/', f'"{_URI}#/')
    return Draft202012Validator(json.loads(text), registry=_document(file)[1])


def _shape(template: str) -> str:
    return re.sub(r"\{\w+\}", "{}", template)


class Spec:
    """`errors` has a line for each payload of the fake that Discord's description does not allow."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.errors: list[str] = []
        self._operations = _document(file)[2]

    def check(self, request: Request, reply: Reply) -> None:
        """The answer, and the request too if it was granted."""
        shape = _shape(request.template)
        if request.parameters.get("message_id") == "@original":
            shape = re.sub(r"messages/\{\}$", "messages/@original", shape)
        operation = self._operations.get((request.method, shape))
        if operation is None:
            self.errors.append(f"{request.line}: not in the description")
            return
        responses = operation["responses"]
        response = responses.get(str(reply.status)) or responses.get(f"{reply.status // 100}XX")
        if response is None:
            self.errors.append(f"{request.line}: no answer with status {reply.status}")
            return
        self._answer(f"{request.line} -> {reply.status}", response, reply.body)
        if reply.status < 300 and request.body is not None:
            self._request(f"{request.line} <-", operation, request.body)

    def _answer(self, name: str, response: dict[str, Any], body: Any) -> None:
        if "$ref" in response:
            key = response["$ref"].rsplit("/", 1)[1]
            response = _document(self.file)[0]["components"]["responses"][key]
        content = response.get("content", {}).get("application/json")
        if content:
            self._check(name, content["schema"], body)
        elif body is not None:
            self.errors.append(f"{name}: a body where there is none")

    def _request(self, name: str, operation: dict[str, Any], body: Any) -> None:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            self._check(name, content["schema"], _tightened(body))

    def event(self, event: str, data: dict[str, Any]) -> None:
        """The parts of a gateway event; the description has none of the events themselves."""
        for name, part in _parts(event, data):
            self._check(f"{event} {name}", {"$ref": f"#/components/schemas/{name}"}, part)

    def _check(self, name: str, schema: dict[str, Any], data: Any) -> None:
        validator = _validator(self.file, json.dumps(schema))
        if validator.is_valid(data):
            return
        error = best_match(validator.iter_errors(data))
        self.errors.append(f"{name}: {_sentence(error)}")


def _parts(event: str, data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Component names, and what must be of their kind, for all of an event that the description knows."""
    if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        yield "MessageResponse", data
    elif event in ("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"):
        yield "GuildChannelResponse", data
    elif event in ("THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE"):
        yield "ThreadResponse", data
    elif event == "READY":
        yield "UserPIIResponse", data["user"]
    elif event == "GUILD_CREATE":
        yield from (("GuildRoleResponse", one) for one in data["roles"])
        yield from (("GuildMemberResponse", one) for one in data["members"])
        yield from (("GuildChannelResponse", one) for one in data["channels"])
        yield from (("ThreadResponse", one) for one in data["threads"])
    elif event == "INTERACTION_CREATE" or event.startswith(("TYPING", "MESSAGE_REACTION")):
        named = {"member": "GuildMemberResponse", "user": "UserResponse", "message": "MessageResponse"}
        yield from ((schema, data[name]) for name, schema in named.items() if name in data)


def _sentence(error: ValidationError | None) -> str:
    assert error is not None
    return f"{error.json_path}: {error.message[:300]}"


def _tightened(body: Any) -> Any:
    """A request without the looseness of discord.py 2.7 that Discord is known to accept.

    It sends ids as numbers: in message_reference, allowed_mentions and attachments; and the permissions of a
    command as text, which is their form in Discord's own answers.
    """
    if isinstance(body, list):
        return [_tightened(one) for one in body]
    if not isinstance(body, dict):
        return body
    loose = ("id", "message_id", "channel_id", "guild_id", "recipient_id")
    found = {name: _tightened(value) for name, value in body.items()}
    for name in loose:
        if isinstance(found.get(name), int):
            found[name] = str(found[name])
    if str(found.get("default_member_permissions", "")).isdecimal():
        found["default_member_permissions"] = int(found["default_member_permissions"])
    for name in ("users", "roles"):
        if isinstance(found.get(name), list):
            found[name] = [str(one) for one in found[name]]
    return found
