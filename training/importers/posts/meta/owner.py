"""The owner of a download: profile_information.json of Facebook, personal_information.json of Instagram."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.importers.posts.meta.labels import is_label
from training.importers.reading.json_stream import read_document
from training.importers.reading.normalise import clean_text, repair_latin1
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source

_PROFILES = ("profile_v2", "profile")


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of one account: the names under which messages call this person, the shown one first."""

    platform: str
    root: str
    folder: str
    names: tuple[str, ...] = ()


def is_profile(head: FileHead) -> bool:
    """Return whether a file tells who its owner is."""
    return head.has("profile_user[].string_map_data") or any(
        head.has(f"{profile}.name.full_name") for profile in _PROFILES
    )


class Owners:
    """The owners of all accounts in a download; several where somebody put several downloads together."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._owners = [owner for source in sources for owner in _read(source)]

    def names(self, platform: str, source: Source) -> tuple[str, ...]:
        """Return the names of the owner of a file: the only one, or the only one of its folder."""
        found = [each for each in self._owners if each.platform == platform]
        for near in (
            found,
            [each for each in found if each.root == source.root],
            [each for each in found if (each.root, each.folder) == (source.root, _folder(source))],
        ):
            if len({each.names for each in near}) == 1:
                return near[0].names
        return ()


def _folder(source: Source) -> str:
    return source.path.partition("/")[0]


def _read(source: Source) -> Iterator[Owner]:
    root = read_document(source)
    if not isinstance(root, dict):
        return
    place = source.root, _folder(source)
    for profile in _PROFILES:
        name = _at(_at(root.get(profile), "name"), "full_name")
        if names := _names([name]):
            yield Owner("facebook", *place, names)
    users = root.get("profile_user")
    for user in users if isinstance(users, list) else []:
        fields = _at(user, "string_map_data")
        entries = fields.items() if isinstance(fields, dict) else ()
        found = [
            _at(entry, "value")
            for kind in ("name label", "username label")
            for label, entry in entries
            if is_label(kind, label)
        ]
        if names := _names(found):
            yield Owner("instagram", *place, names)


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _names(values: Sequence[Any]) -> tuple[str, ...]:
    names = [clean_text(repair_latin1(value)).strip() for value in values if isinstance(value, str)]
    return tuple(dict.fromkeys(filter(None, names)))
