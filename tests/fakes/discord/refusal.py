"""Discord's ways to say no: an HTTP status, a JSON code and a sentence.

https://discord.com/developers/docs/topics/opcodes-and-status-codes
"""

from typing import Any

_KNOWN = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    30007: (400, "Maximum number of webhooks reached (15)"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50034: (400, "A message provided was too old to bulk delete"),
    50083: (400, "Thread is archived"),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    50240: (400, "You cannot remove this app's Entry Point command in a bulk update operation."),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    220003: (400, "Webhooks can only create threads in forum channels"),
}


class Refusal(Exception):
    """One error answer. `errors` has the faults of single fields, in Discord's nested form."""

    def __init__(
        self, code: int, *, status: int = 0, message: str = "", errors: dict[str, Any] | None = None
    ) -> None:
        known_status, known_message = _KNOWN.get(code, (400, ""))
        self.status, self.code = status or known_status, code
        self.message, self.errors = message or known_message, errors
        super().__init__(f"{self.status} {code} {self.message}")

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = {"message": self.message, "code": self.code}
        return found | {"errors": self.errors} if self.errors else found


def invalid(field: str, code: str, message: str) -> Refusal:
    """50035: one field of the form is wrong; `field` may have dots."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(field.split(".")):
        errors = {name: errors}
    return Refusal(50035, message="Invalid Form Body", errors=errors)


def unauthorized() -> Refusal:
    return Refusal(0, status=401, message="401: Unauthorized")
