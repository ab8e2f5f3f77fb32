"""A hub on this machine: the few routes of huggingface.co that a download takes, with faults by command."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40
LARGE = 1 << 20  # bytes from which a file is kept by its hash


@dataclass(slots=True)
class FakeHub:
    """Repositories by name, each with its files.

    `break_at`: bytes of a large file behind which the connection breaks; `goes_down`: every request is
    refused after that. `gated`: repositories that want terms accepted. `ranges` and `tokens`: those of the
    requests for large files, which come from another host, as from the hub's CDN.
    """

    repositories: dict[str, dict[str, bytes]]
    break_at: int | None = None
    goes_down: bool = False
    gated: set[str] = field(default_factory=set)
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    is_down: bool = False
    address: str = ""

    @contextmanager
    def serve(self) -> Iterator["FakeHub"]:
        """Answer on a free port until the context ends."""
        hub = self

        class Handler(_Handler):
            fake = hub

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        if self.fake.is_down:
            self._refuse(500, "")
            return
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._api("/".join(parts[2:4]), parts[4:])
        elif parts[0] == "cdn":
            self._file("/".join(parts[1:3]), "/".join(parts[3:]), with_body)
        else:
            self._resolve("/".join(parts[:2]), "/".join(parts[4:]), with_body)

    def _api(self, name: str, rest: list[str]) -> None:
        files = self.fake.repositories.get(name)
        if files is None:
            self._refuse(404, "RepoNotFound")
        elif name in self.fake.gated:
            self._refuse(403, "GatedRepo")
        elif rest[:1] == ["tree"]:
            self._json([_tree_entry(path, content) for path, content in files.items()])
        else:
            self._json({"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in files]})

    def _resolve(self, name: str, path: str, with_body: bool) -> None:
        if not with_body or len(self.fake.repositories[name][path]) < LARGE:
            self._file(name, path, with_body)
            return
        self.send_response(302)
        port = urlsplit(self.fake.address).port
        self.send_header("Location", f"http://localhost:{port}/cdn/{name}/{path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, name: str, path: str, with_body: bool) -> None:
        content = self.fake.repositories[name][path]
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if self.headers.get("Range") else 200)
        self.send_header("ETag", f'"{_etag(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if with_body:
            self._send(content[begin:], is_large=len(content) >= LARGE)

    def _send(self, content: bytes, *, is_large: bool) -> None:
        if not is_large:
            self.wfile.write(content)
            return
        self.fake.ranges.append(self.headers.get("Range"))
        self.fake.tokens.append(self.headers.get("Authorization"))
        if self.fake.break_at is None:
            self.wfile.write(content)
            return
        self.wfile.write(content[: self.fake.break_at])
        self.fake.break_at, self.fake.is_down = None, self.fake.goes_down
        self.close_connection = True

    def _json(self, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _tree_entry(path: str, content: bytes) -> dict[str, object]:
    entry = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
    if len(content) >= LARGE:
        return entry | {"lfs": {"oid": _etag(content), "size": len(content), "pointerSize": 130}}
    return entry


def _etag(content: bytes) -> str:
    algorithm = hashlib.sha256 if len(content) >= LARGE else hashlib.sha1
    return algorithm(content).hexdigest()
