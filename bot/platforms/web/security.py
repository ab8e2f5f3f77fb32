"""Headers of every response of the page, and the check that a request comes from the page itself."""

from urllib.parse import urlsplit

from aiohttp import web

from bot.api.errors import ApiError

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "Cache-Control": "no-store",
}
_OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site: the page itself, or a person who typed the address


def check_same_site(request: web.Request) -> None:
    """Raise `ApiError` for a request that another site's page makes, also one that the API allows."""
    if not _is_own_origin(request) or request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
        raise ApiError(403, "Another web page may not use this one.", code="unknown_origin")


def check_change(request: web.Request, takes: str) -> None:
    """Raise `ApiError` for a change that does not surely come from the page itself, of that media type."""
    if request.content_type != takes:
        message = f"Send the header `Content-Type: {takes}`."
        raise ApiError(415, message, code="unknown_content_type")
    is_told = "Origin" in request.headers or request.headers.get("Sec-Fetch-Site") == "same-origin"
    if not is_told:
        message = "Send an Origin header: that of the page, which browsers send by themselves."
        raise ApiError(403, message, code="unknown_origin")


def _is_own_origin(request: web.Request) -> bool:
    """Return whether the Origin, where there is one, names the host that the request is to."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    parts = urlsplit(origin.lower())
    return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("Host", "").lower()
