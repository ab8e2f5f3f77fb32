"""The manifest of an adapter: the base model and the prompts it was trained with, and its provenance."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args

from bot.adapter.files import MANIFEST, MANIFEST_BYTES
from bot.untrusted import read_json


class Malformed(Enum):
    """A value of a wrong type in a manifest: it equals no value of serving, so that comparisons refuse it."""

    VALUE = "malformed"


MALFORMED = Malformed.VALUE
Text = str | Malformed | None  # None: the manifest does not say
Turns = tuple[tuple[str, str], ...]  # (role, text)
# when speakers' names stand before their words in prompts; "groups": where several speak beside the persona
SpeakerNames = Literal["always", "groups", "never"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptContract:
    """All but the base model that decides what the model reads around a conversation, and where it ends.

    `layout` is what the template writes around turns. `speakers` and `bursts` are two short conversations as
    (role, text), which show who is called how, and how messages in a row are joined. `names` says when
    speakers' names stand before their words. A value is None where a manifest does not name it.
    """

    layout: Text = None
    system: Text = None
    speakers: Turns | Malformed | None = None
    bursts: Turns | Malformed | None = None
    names: SpeakerNames | Malformed | None = None
    stop_ids: tuple[int, ...] | Malformed | None = None
    stop: tuple[str, ...] | Malformed | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """The pseudonyms of those whose words an adapter holds, and the base model that a foreign one names."""

    authors: frozenset[str] = frozenset()
    adopted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterManifest:
    """manifest.json; None is a key that is not there.

    An adapter loads on the base model with the SHA-256 `base_hash`, or on a copy of that model with the same
    `base_model` (its name) and `base_norms` (SHA-256 of its norms); `adapter_sha256` is the hash of the
    weights file. `form` is the version of the manifest, `sampling` the persona's sampling settings, `code`
    the hash of both packages, `run` a summary of the training, `template` the source of the chat template,
    `data` a summary of the training data, in which a line is a message if `line_is_message` is set.
    """

    form: int | None = None
    base_model: Text = None
    base_hash: Text = None
    base_norms: Text = None
    adapter_sha256: Text = None
    sampling: Mapping[str, object] | None = None
    code: str | None = None
    run: Mapping[str, object] | None = None
    lineage: Lineage | None = None
    contract: PromptContract = PromptContract()
    template: str | None = None
    data: Mapping[str, object] | None = None
    line_is_message: bool | None = None

    def as_json(self) -> Json:
        """Return the keys that are there, in the order of the file."""
        data = Json()
        for name, value in _values(self).items():
            if isinstance(value, PromptContract):
                data |= _values(value)
            else:
                data[name] = _lineage_json(value) if isinstance(value, Lineage) else value
        return data


def read_manifest(folder: Path, limit: int = MANIFEST_BYTES) -> AdapterManifest:
    """Read the manifest in an adapter's folder; return an empty one where there is none.

    Raises `RefusedFile` for a file that is not regular, has more than `limit` bytes or is no JSON object.
    """
    folder = folder.resolve()
    if not os.path.lexists(folder / MANIFEST):
        return AdapterManifest()
    return parse_manifest(read_json(folder, MANIFEST, limit))


def parse_manifest(data: Json) -> AdapterManifest:
    """Convert the JSON object of a manifest.

    Keys of newer versions are ignored. A value of a wrong type is `MALFORMED` where serving compares it with
    a value of its own, and otherwise None.
    """
    contract = {key: parse(data[key]) for key, parse in _CONTRACT.items() if key in data}
    pins = {key: _text(data[key]) for key in _PINS if data.get(key) is not None}
    notes = {key: data[key] for key, kind in _NOTES.items() if isinstance(data.get(key), kind)}
    return AdapterManifest(
        contract=PromptContract(**contract), lineage=_lineage(data.get("lineage")), **pins, **notes
    )


def trained_names(manifest: AdapterManifest) -> SpeakerNames | None:
    """Return when speakers' names stood in the prompts of an adapter's training.

    A manifest without the key that shows how speakers were told apart is of a version that always wrote the
    names. None where it says neither.
    """
    contract = manifest.contract
    if contract.names is None and contract.speakers is not None:
        return "always"
    return None if contract.names is MALFORMED else contract.names


def _values(record: AdapterManifest | PromptContract) -> Json:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: value for name, value in values.items() if value is not None}


def _lineage_json(lineage: Lineage) -> Json:
    authors = {"authors": sorted(lineage.authors)}
    return authors if lineage.adopted is None else authors | {"adopted": lineage.adopted}


def _lineage(value: Any) -> Lineage | None:
    if not isinstance(value, dict) or not isinstance(value.get("authors"), list):
        return None
    adopted = value.get("adopted")
    return Lineage(frozenset(map(str, value["authors"])), adopted if isinstance(adopted, str) else None)


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else MALFORMED


def _names(value: Any) -> Any:
    return value if value in get_args(SpeakerNames) else MALFORMED


def _texts(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) and all(type(each) is str for each in value) else MALFORMED


def _ids(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) and all(type(each) is int for each in value) else MALFORMED


def _turns(value: Any) -> Any:
    turns = tuple(map(_texts, value)) if isinstance(value, list) else (MALFORMED,)
    return turns if all(turn is not MALFORMED and len(turn) == 2 for turn in turns) else MALFORMED


_PINS = ("base_model", "base_hash", "base_norms", "adapter_sha256")
_CONTRACT = {
    "layout": _text,
    "system": _text,
    "speakers": _turns,
    "bursts": _turns,
    "names": _names,
    "stop_ids": _ids,
    "stop": _texts,
}
_NOTES = {
    "form": int,
    "sampling": dict,
    "code": str,
    "run": dict,
    "template": str,
    "data": dict,
    "line_is_message": bool,
}
