"""A chat of qq-chat-exporter in parts: manifest.json, and files with a message a line beside it.

A part is named by `relativePath` since version 5.5 and by `file` before; its order is not that of time.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from training.importers.chats.qq_nt.records import QqChatInfo
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source


class Part(Struct, gc=False):
    """A file with messages, as a manifest names it."""

    relativePath: str | None = ""
    file: str | None = ""
    fileName: str | None = ""


class Parts(Struct, gc=False):
    """The files with messages of a chat."""

    chunksDir: str | None = "chunks"
    chunks: list[Part] = field(default_factory=list)

    def paths(self) -> Iterator[tuple[str, ...]]:
        """Yield the paths at which each part may lie, below the folder of the manifest."""
        for part in self.chunks:
            name = part.file or part.fileName or ""
            found = (part.relativePath or "", name, f"{self.chunksDir or 'chunks'}/{name}" if name else "")
            yield tuple(filter(None, found))


def is_part(head: FileHead) -> bool:
    """Return whether a file holds lines of messages of qq-chat-exporter."""
    return head.has("sender.uid", "content.elements", "recalled", "timestamp") and not head.has("chatInfo")


class Manifests:
    """The chats that are exported in parts, by the folders of their manifests."""

    def __init__(self) -> None:
        self._chats: dict[str, QqChatInfo] = {}
        self._parts: list[tuple[Source, Parts]] = []

    def add(self, source: Source, chat: QqChatInfo, parts: Parts) -> None:
        """Note the manifest of a chat."""
        self._chats[_folder(source)] = chat
        self._parts.append((source, parts))

    def chat_of(self, part: Source) -> QqChatInfo:
        """Return the chat of a part: that of the manifest in the nearest folder above it."""
        folder = _folder(part)
        while folder:
            if folder in self._chats:
                return self._chats[folder]
            folder = folder.rpartition("/")[0]
        return self._chats.get("", QqChatInfo())

    def note_missing(self, sources: Sequence[Source], log: ImportLog) -> None:
        """Say which parts are named by a manifest and are not there."""
        there = {_path(source) for source in sources}
        for source, parts in self._parts:
            folder = _folder(source)
            missing = sum(there.isdisjoint(f"{folder}/{path}" for path in paths) for paths in parts.paths())
            if missing:
                log.note(f"{source} names parts that are not there, {missing} of them: export it again.")


def find_manifests(sources: Sequence[Source]) -> Manifests:
    """Read the manifests among the documents of qq-chat-exporter."""
    found = Manifests()
    for source in sources:
        document, chat = JsonReader(source, again=True), QqChatInfo()
        for key in document.members():
            if key == "messages":
                break
            if key == "chatInfo":
                chat = document.value(QqChatInfo)
            elif key == "chunked":
                found.add(source, chat, document.value(Parts))
    return found


def _path(source: Source) -> str:
    return f"{source.root}/{source.path}".replace("\\", "/").rstrip("/")


def _folder(source: Source) -> str:
    return _path(source).rpartition("/")[0]
