"""An answer that says no, in the Bot API's own words."""

from typing import Any

Json = dict[str, Any]
PREFIXES = {400: "Bad Request: ", 403: "Forbidden: ", 409: "Conflict: ", 429: "Too Many Requests: "}


class Refusal(Exception):
    """The refusal of a call: HTTP status, description without its prefix, and response parameters."""

    def __init__(self, code: int, reason: str, **parameters: int) -> None:
        super().__init__(f"{PREFIXES.get(code, '')}{reason}")
        self.code, self.parameters = code, parameters

    def body(self) -> Json:
        said: Json = {"ok": False, "error_code": self.code, "description": str(self)}
        return {**said, "parameters": self.parameters} if self.parameters else said
