"""forgotten.json: keyed hashes of the names of people who were forgotten or opted out."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import write_private
from bot.json_fault import json_fault
from training.scrub.forgotten import ForgottenNames, HashedForm, hash_name
from training.scrub.key import KEY, read_key

FORGOTTEN_NAMES = "forgotten.json"
_MOST_FORMS = 20_000  # of one person, whose names an export repeats or varies

_People = dict[str, list[HashedForm]]


def read_forgotten_names(work: Path) -> ForgottenNames:
    """Return the names in work/forgotten.json, none without it. Raises `UserError` for a damaged one."""
    people = _read_people(work / FORGOTTEN_NAMES)
    return ForgottenNames(read_key(work / KEY), people)


def add_forgotten_names(work: Path, names: Mapping[str, Iterable[str]]) -> None:
    """Add the hashes of people's names, by pseudonym, to work/forgotten.json (mode 0600)."""
    path = work / FORGOTTEN_NAMES
    before = _read_people(path)
    people = dict(before)
    for person, called in names.items():
        forms = {*before.get(person, ()), *_hash_names(work, called)}
        if forms:
            people[person] = sorted(forms, key=lambda form: (form.is_cjk, form.hash))[:_MOST_FORMS]
    if people != before:
        write_private(path, [msgspec.json.encode(people)])


def _hash_names(work: Path, names: Iterable[str]) -> set[HashedForm]:
    key = read_key(work / KEY)
    return {form for name in names for form in hash_name(key, name)}


def _read_people(path: Path) -> _People:
    content = b""
    try:
        content = path.read_bytes()
        return msgspec.json.decode(content, type=_People)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({json_fault(content, error)}): put it back from a backup, or delete it; "
            "names of forgotten people are then no longer replaced in what others say."
        ) from None
