"""The names of people in PyWxDump's users.json, which lies beside the pages of a chat."""

from training.importers.chats.wechat.records import PyWxDumpUser
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source

_FIELDS = ("nickname", "remark", "account", "headImgUrl")
_MOST = 100_000  # people of an export


def is_users(head: FileHead) -> bool:
    """Return whether a file is users.json: an object whose members are people."""
    people = (key.removesuffix("wxid") for key in head.keys if key.endswith(".wxid") and key.count(".") == 1)
    return any(head.has(*(f"{person}{field}" for field in _FIELDS)) for person in people)


class People:
    """The names of people by folder."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, str]] = {}

    def add(self, source: Source) -> None:
        """Read a file."""
        names = self._names.setdefault(_folder(source), {})
        document = JsonReader(source, again=True)
        for wxid in document.members():
            name = document.value(PyWxDumpUser).name
            if name and len(names) < _MOST:
                names[wxid] = name

    def names_for(self, source: Source) -> dict[str, str]:
        """Return the names of the people of a file's chat."""
        return self._names.get(_folder(source), {})


def _folder(source: Source) -> str:
    return f"{source.root}/{source.path}".replace("\\", "/").rstrip("/").rpartition("/")[0]
