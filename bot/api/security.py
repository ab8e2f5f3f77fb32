"""Access to the API: by the Host header, the browser's Origin, and the key."""

import hmac
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web

from bot.addresses import is_loopback
from bot.api.errors import ApiError
from bot.config import ServeSettings
from bot.errors import UserError
from bot.secrets import API_KEY

_FORWARDED = ("via", "forwarded", "x-real-ip")  # headers of proxies
_CORS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    # a star covers all headers but Authorization
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-KEY, *",
    "Access-Control-Max-Age": "600",
}


def check_exposure(settings: ServeSettings, key: str) -> None:
    """Raise `UserError` where others than this machine could call the API without a key."""
    if not is_loopback(settings.host) and not key:
        raise UserError(
            f"[serve] host is {settings.host}, which others can reach: set {API_KEY} in the environment to a "
            'key, or host to "127.0.0.1".'
        )


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks requests by the settings. An empty key: none is asked for."""

    settings: ServeSettings
    key: str

    def check_host(self, request: web.Request) -> None:
        """Raise `ApiError` for a Host that is no name of this machine.

        A page whose own name was pointed at this machine (DNS rebinding) sends that name; an address as
        numbers is sent by nobody who was misled so.
        """
        name = host_name(request.headers.get("Host", ""))
        known = {"localhost", self.settings.host.lower(), *self.settings.hosts}
        if name in known or _is_address(name):
            return
        message = f"The host {name[:100]!r} is not known here: add it to hosts in [serve] of config.toml."
        raise ApiError(403, message, code="unknown_host")

    def check_origin(self, request: web.Request) -> None:
        """Raise `ApiError` for a web page that may not call the API; programs send no Origin."""
        origin = request.headers.get("Origin")
        if origin is None or self.is_allowed_origin(request):
            return
        host = request.headers.get("Host", "").lower()
        if origin.lower() in (f"http://{host}", f"https://{host}"):
            return
        message = "This web page may not call the API: add its origin to origins in [serve] of config.toml."
        raise ApiError(403, message, code="unknown_origin")

    def is_allowed_origin(self, request: web.Request) -> bool:
        """Return whether the settings name the request's Origin."""
        return request.headers.get("Origin", "").lower() in self.settings.origins

    def cors_headers(self, request: web.Request) -> dict[str, str]:
        """Return the headers by which an allowed page may read the answer; none for all others."""
        if not self.is_allowed_origin(request):
            return {}
        headers = {"Access-Control-Allow-Origin": request.headers["Origin"], "Vary": "Origin"}
        if request.method != "OPTIONS":
            return headers
        is_private = request.headers.get("Access-Control-Request-Private-Network") == "true"
        private = {"Access-Control-Allow-Private-Network": "true"} if is_private else {}
        return headers | _CORS | private

    def check_key(self, request: web.Request) -> None:
        """Raise `ApiError` for a request without the key, as a Bearer token or as X-API-KEY."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        given = [request.headers.get("X-API-KEY", ""), bearer.strip() if scheme.lower() == "bearer" else ""]
        right = [hmac.compare_digest(_bytes(each), _bytes(self.key)) for each in given]
        if self.key and not any(right):
            message = "The API key is missing or wrong: send it as `Authorization: Bearer KEY`."
            headers = {"WWW-Authenticate": "Bearer"}
            raise ApiError(401, message, code="invalid_api_key", headers=headers)


def is_owner(request: web.Request) -> bool:
    """Return whether a request comes from this machine itself, whose owner may read paths and names.

    A proxy or a tunnel on this machine brings requests of others.
    """
    is_forwarded = any(map(_is_of_proxy, request.headers))
    is_here = is_loopback(request.remote or "") and is_loopback(host_name(request.headers.get("Host", "")))
    return is_here and not is_forwarded


def _is_of_proxy(header: str) -> bool:
    name = header.lower()
    ends = ("-client-ip", "-connecting-ip")
    return name in _FORWARDED or name.startswith("x-forwarded-") or name.endswith(ends)


def host_name(host: str) -> str:
    """Return a Host header without its port, in lower case; an IPv6 address without its brackets.

    It is empty for a header with anything else behind the name.
    """
    is_bracketed = host.startswith("[")
    name, _, port = host[1:].partition("]") if is_bracketed else host.partition(":")
    port = port.removeprefix(":") if is_bracketed else port
    if (port and not port.isdecimal()) or "%" in name:
        return ""
    return (name if is_bracketed else name.rstrip(".")).lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
