"""Rate limits: a bucket for every route and its major parameters, with the headers that tell of it.

https://discord.com/developers/docs/topics/rate-limits
"""

import hashlib
import time
from dataclasses import dataclass

from tests.fakes.discord.request import Reply, Request

Rule = tuple[int, float]
"""So many requests in so many seconds."""


def too_many(retry_after: float, scope: str = "user", *, via: bool = True) -> Reply:
    """429. `scope` is user, shared or global; without `via` it looks like a ban by the network in front."""
    body = {
        "message": "You are being rate limited.",
        "retry_after": retry_after,
        "global": scope == "global",
    }
    headers = {"Retry-After": str(retry_after), "X-RateLimit-Scope": scope}
    headers |= {"X-RateLimit-Global": "true"} if scope == "global" else {}
    return Reply(429, body, headers | ({"Via": "1.1 google"} if via else {}))


@dataclass(slots=True)
class Bucket:
    limit: int
    per: float
    used: int = 0
    ends: float = 0.0

    def take(self) -> bool:
        now = time.monotonic()
        if now >= self.ends:
            self.used, self.ends = 0, now + self.per
        self.used += 1
        return self.used <= self.limit

    def headers(self, name: str) -> dict[str, str]:
        left = max(0.0, self.ends - time.monotonic())
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": name,
        }


class Limits:
    """`rules` go by "METHOD /template"; a route without one has `default`, or no limit where that is None."""

    def __init__(self) -> None:
        self.on = True
        self.default: Rule | None = None
        self.rules: dict[str, Rule] = {
            "POST /channels/{channel_id}/messages": (5, 5.0),
            "PATCH /channels/{channel_id}/messages/{message_id}": (5, 5.0),
            "POST /channels/{channel_id}/typing": (5, 5.0),
            "POST /webhooks/{webhook_id}/{webhook_token}": (5, 2.0),
            "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": (5, 2.0),
        }
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def bucket(self, request: Request) -> Bucket | None:
        route = f"{request.method} {request.template}"
        rule = self.rules.get(route, self.default)
        if not self.on or rule is None:
            return None
        names = ("channel_id", "guild_id", "webhook_id", "webhook_token")
        major = (request.parameters.get(name, "") for name in names)
        return self._buckets.setdefault((route, *major), Bucket(*rule))


def bucket_name(request: Request) -> str:
    return hashlib.md5(f"{request.method} {request.template}".encode()).hexdigest()
