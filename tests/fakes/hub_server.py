"""A hub on this machine: the few routes of huggingface.co that transfers take, with faults by command."""

import base64
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

    `private`: repositories that the holder of `token` alone finds; only with that token is anything written.
    `calls`: each request that writes.
    """

    repositories: dict[str, dict[str, bytes]]
    break_at: int | None = None
    goes_down: bool = False
    gated: set[str] = field(default_factory=set)
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    is_down: bool = False
    address: str = ""
    token: str = ""
    private: set[str] = field(default_factory=set)
    uploads: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

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

    def do_POST(self) -> None:
        self._write(json.loads(line) for line in self._body().splitlines())

    def do_PUT(self) -> None:
        self.fake.uploads[self.path.rpartition("/")[2]] = self._body()
        self._json({})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    @property
    def _may_write(self) -> bool:
        return bool(self.fake.token) and self.headers.get("Authorization") == f"Bearer {self.fake.token}"

    def _write(self, lines: Iterator[Any]) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        self.fake.calls.append(f"{self.command} {'/'.join(parts)}")
        if parts[:2] == ["api", "validate-yaml"]:
            self._json({"errors": [], "warnings": []})
        elif not self._may_write:
            self._refuse(401, "")
        elif parts[:3] == ["api", "repos", "create"]:
            self._create(next(lines))
        elif "preupload" in parts:
            self._json({"files": [_upload_mode(each) for each in next(lines)["files"]]})
        elif parts[-2:] == ["objects", "batch"]:
            self._json(
                {"transfer": "basic", "objects": [self._action(each) for each in next(lines)["objects"]]}
            )
        else:
            self._commit("/".join(parts[2:4]), lines)

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        self.fake.repositories[name] = {}
        if wanted.get("visibility") == "private":
            self.fake.private.add(name)
        self._json({"url": f"{self.fake.address}/{name}", "name": name, "id": name})

    def _action(self, wanted: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.fake.address}/lfs/{wanted['oid']}"
        return wanted | {"actions": {"upload": {"href": href}}}

    def _commit(self, name: str, lines: Iterator[Any]) -> None:
        files = self.fake.repositories[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.fake.uploads[value["oid"]]
        self._json({"commitUrl": f"{self.fake.address}/{name}/commit/{COMMIT}", "commitOid": COMMIT})

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
        if files is None or (name in self.fake.private and not self._may_write):
            self._refuse(404, "RepoNotFound")
        elif name in self.fake.gated:
            self._refuse(403, "GatedRepo")
        elif rest[:1] == ["tree"]:
            self._json([_tree_entry(path, content) for path, content in files.items()])
        else:
            siblings = [{"rfilename": path} for path in files]
            is_private = name in self.fake.private
            self._json({"id": name, "sha": COMMIT, "private": is_private, "siblings": siblings})

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


def _upload_mode(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the mode of a file that is to be uploaded: weights by their hash, all else in the commit."""
    mode = "lfs" if wanted["path"].endswith(".safetensors") else "regular"
    return {"path": wanted["path"], "uploadMode": mode, "shouldIgnore": False}


def _tree_entry(path: str, content: bytes) -> dict[str, object]:
    entry = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
    if len(content) >= LARGE:
        return entry | {"lfs": {"oid": _etag(content), "size": len(content), "pointerSize": 130}}
    return entry


def _etag(content: bytes) -> str:
    algorithm = hashlib.sha256 if len(content) >= LARGE else hashlib.sha1
    return algorithm(content).hexdigest()
