"""Login: the API's key once, then a random session in a cookie that no script reads."""

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from hashlib import blake2b

from aiohttp import web

from bot.api.errors import ApiError
from bot.api.security import is_owner
from bot.secrets import API_KEY

LIFETIME = 30 * 86_400.0  # seconds of a session
MAX_SESSIONS = 100  # the oldest ends where there is one more
MAX_TRIES, TRY_SECONDS = 10, 60.0  # wrong keys from an address in so many seconds
_MAX_ADDRESSES = 1_000  # whose wrong keys are remembered


class Sessions:
    """Sessions of this process, by digests of their tokens. `clock` gives seconds that never go back.

    `port` names the cookie, which browsers send to every port of a host. An empty key: nobody logs in.
    """

    def __init__(self, key: str, port: int, clock: Callable[[], float]) -> None:
        self._key, self._clock, self._cookie = key, clock, f"alterego_session_{port}"
        self._ends: dict[bytes, float] = {}
        self._tries: dict[str, deque[float]] = {}

    def is_needed(self, request: web.Request) -> bool:
        """Return whether a request lacks the login that this server asks for."""
        return bool(self._key) and self._ends.get(self._digest(request), 0.0) <= self._clock()

    def check_machine(self, request: web.Request) -> None:
        """Raise `ApiError` for a request from beyond this machine, where no key guards the page."""
        if not self._key and not is_owner(request):
            message = f"Without a key this page is for its own machine alone: set {API_KEY} to one."
            raise ApiError(403, message, code="key_needed")

    def check(self, request: web.Request) -> None:
        """Raise `ApiError` for a request without a login."""
        if self.is_needed(request):
            raise ApiError(401, "Log in first: the page asks for the key.", code="login_needed")

    def log_in(self, request: web.Request, given: str) -> web.Response:
        """Return a response that begins a session. Raises `ApiError` for a wrong key, or too many of them."""
        tries = self._tries_of(request.remote or "")
        if len(tries) >= MAX_TRIES:
            headers = {"Retry-After": str(int(TRY_SECONDS))}
            message = "Too many wrong keys: try again in a minute."
            raise ApiError(429, message, code="too_many_tries", headers=headers)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._key.encode()):
            tries.append(self._clock())
            raise ApiError(401, "The key is wrong: it is that in ALTEREGO_API_KEY.", code="wrong_key")
        return self._begin(request)

    def log_out(self, request: web.Request) -> web.Response:
        """Return a response that ends the session."""
        self._ends.pop(self._digest(request), None)
        response = web.json_response({})
        response.del_cookie(self._cookie, path="/", httponly=True, samesite="Strict")
        return response

    def _begin(self, request: web.Request) -> web.Response:
        token, now = secrets.token_urlsafe(32), self._clock()
        self._ends = {digest: end for digest, end in self._ends.items() if end > now}
        while len(self._ends) >= MAX_SESSIONS:
            self._ends.pop(next(iter(self._ends)))
        self._ends[_digest_of(token)] = now + LIFETIME
        response = web.json_response({})
        response.set_cookie(
            self._cookie,
            token,
            max_age=int(LIFETIME),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=_is_https(request),
        )
        return response

    def _tries_of(self, address: str) -> deque[float]:
        """Return the moments of an address's wrong keys, of the last minute alone."""
        tries = self._tries.pop(address, None) or deque[float](maxlen=MAX_TRIES)
        while tries and tries[0] <= self._clock() - TRY_SECONDS:
            tries.popleft()
        while len(self._tries) >= _MAX_ADDRESSES:
            self._tries.pop(next(iter(self._tries)))
        self._tries[address] = tries
        return tries

    def _digest(self, request: web.Request) -> bytes:
        return _digest_of(request.cookies.get(self._cookie, ""))


def _digest_of(token: str) -> bytes:
    return blake2b(token.encode("utf-8", "replace"), digest_size=32).digest()


def _is_https(request: web.Request) -> bool:
    """Return whether the browser came by https, which ends at a proxy."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    return forwarded == "https" or request.headers.get("Origin", "").lower().startswith("https://")
