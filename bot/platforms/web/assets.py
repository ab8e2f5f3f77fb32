"""Files of the page: a table that is read once from the package, so that no address becomes a path."""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from bot.api.errors import ApiError

PREFIX = "/page/assets/"
_PAGES = {"/": "index.html", "/owner": "owner.html"}  # files by the address that people see
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
}
_LEAST_COMPRESSED = 1_000  # bytes, from which a file is sent compressed


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent, its media type, and its ETag. `compressed` is empty where that is no gain."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str

    def response(self, request: web.Request) -> web.Response:
        """Return the file, or 304 where the browser has it already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if self.etag in map(str.strip, request.headers.get("If-None-Match", "").split(",")):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = self.media_type
        if self.compressed and _takes_gzip(request):
            return web.Response(body=self.compressed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=self.content, headers=headers)


class Assets:
    """The files of the page by name, such as `owner/places.js`."""

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._assets = assets

    def owns(self, path: str) -> bool:
        """Return whether an address is that of a file or a page."""
        return path in _PAGES or path.startswith(PREFIX)

    def answer(self, request: web.Request) -> web.Response:
        """Return the file at an address. Raises `ApiError` where there is none."""
        if request.method not in ("GET", "HEAD"):
            message = f"This address takes GET, HEAD, not {request.method[:20]}."
            raise ApiError(405, message, code="method_not_allowed", headers={"Allow": "GET, HEAD"})
        name = _PAGES.get(request.path) or request.path.removeprefix(PREFIX)
        if name not in self._assets:
            raise ApiError(404, "There is no such file of the page.", code="unknown_url")
        return self._assets[name].response(request)


def read_assets(folder: Traversable | None = None) -> Assets:
    """Read the page's files; those of other kinds than a page needs are left out."""
    root = folder or files("bot.platforms.web") / "assets"
    return Assets({name: _asset(file) for name, file in _walk(root, "") if _kind(name) in _TYPES})


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, f"{prefix}{each.name}/")
        else:
            yield f"{prefix}{each.name}", each


def _asset(file: Traversable) -> Asset:
    content = file.read_bytes()
    compressed = gzip.compress(content, mtime=0) if len(content) > _LEAST_COMPRESSED else b""
    etag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    return Asset(
        content, compressed if len(compressed) < len(content) else b"", _TYPES[_kind(file.name)], etag
    )


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


def _takes_gzip(request: web.Request) -> bool:
    codings = request.headers.get("Accept-Encoding", "").split(",")
    return any(coding.partition(";")[0].strip().lower() == "gzip" for coding in codings)
