"""The users that a message would ping, from its texts and its `allowed_mentions`; pure.

An upper bound: text in code blocks counts.
https://discord.com/developers/docs/resources/message#allowed-mentions-object
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_USER, _ROLE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>")


@dataclass(frozen=True, slots=True)
class Pings:
    """The ids and broadcasts that a text reaches."""

    users: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    broadcasts: tuple[str, ...] = ()

    @property
    def mentions(self) -> frozenset[str]:
        users = (f"<@{user}>" for user in self.users)
        roles = (f"<@&{role}>" for role in self.roles)
        return frozenset((*self.broadcasts, *users, *roles))


def texts(content: str, components: Iterable[Mapping[str, Any]]) -> str:
    """Return the texts that can ping: the content, and the text displays of a layout at any depth."""
    found = [content]
    for part in components:
        if part.get("type") == 10:
            found.append(str(part.get("content", "")))
        found.append(texts("", part.get("components", ())))
    return "\n".join(filter(None, found))


def pings(text: str, allowed: Mapping[str, Any] | None, replied: int | None = None) -> Pings:
    """Apply `allowed` to `text`; None is a message that says nothing of it. `replied`: who is answered."""
    if allowed is None:
        allowed = {"parse": ["everyone", "roles", "users"], "replied_user": True}
    parse = allowed.get("parse") or ()
    users = _named(_USER, text, "users" in parse, allowed.get("users") or ())
    if replied is not None and allowed.get("replied_user") and replied not in users:
        users = (*users, replied)
    roles = _named(_ROLE, text, "roles" in parse, allowed.get("roles") or ())
    broadcasts = [word for word in ("@everyone", "@here") if word in text and "everyone" in parse]
    return Pings(users, roles, tuple(broadcasts))


def _named(pattern: re.Pattern[str], text: str, every: bool, listed: Iterable[str | int]) -> tuple[int, ...]:
    chosen = {int(one) for one in listed}
    found = dict.fromkeys(int(one) for one in pattern.findall(text))
    return tuple(one for one in found if every or one in chosen)
