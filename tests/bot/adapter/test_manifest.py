"""One typed manifest: wrong types equal nothing, unknown keys are ignored, the file's order stays."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.adapter.manifest import (
    MALFORMED,
    AdapterManifest,
    Lineage,
    PromptContract,
    SpeakerNames,
    parse_manifest,
    read_manifest,
    trained_names,
)
from bot.untrusted import RefusedFile
from tests.paths import ROOT

WHOLE: dict[str, Any] = {
    "form": 1,
    "base_model": "tiny",
    "base_hash": "0" * 64,
    "base_norms": "1" * 64,
    "adapter_sha256": "2" * 64,
    "sampling": {"temperature": 0.8},
    "code": "3" * 64,
    "run": {"rank": 4},
    "lineage": {"authors": ["a" * 32, "b" * 32], "adopted": "someone/llama"},
    "layout": "[0]",
    "system": "",
    "speakers": [["user", "Ana: 1"]],
    "bursts": [["user", "Ana: 1\nAna: 2"], ["assistant", "3\n4"]],
    "names": "groups",
    "stop_ids": [2, 4],
    "stop": ["\n"],
    "template": "{{ messages }}",
    "data": {},
    "line_is_message": False,
}


def test_a_whole_manifest_is_read_and_written_as_it_is() -> None:
    assert json.dumps(parse_manifest(WHOLE).as_json()) == json.dumps(WHOLE)


@pytest.mark.parametrize("key", WHOLE)
def test_a_key_that_is_not_there_is_none_and_is_not_written(key: str) -> None:
    told = {name: value for name, value in WHOLE.items() if name != key}
    assert json.dumps(parse_manifest(told).as_json()) == json.dumps(told)


@pytest.mark.parametrize("name", ["mara", "ozzo", "xiaoman"])
def test_the_manifests_of_the_personas_are_read_and_written_as_they_are(name: str) -> None:
    path = ROOT / "personas" / name / "adapter"
    told = json.loads((path / "manifest.json").read_text())
    assert json.dumps(read_manifest(path).as_json()) == json.dumps(told)


def test_keys_of_newer_versions_are_ignored() -> None:
    assert parse_manifest(WHOLE | {"licence": "MIT"}) == parse_manifest(WHOLE)


@pytest.mark.parametrize("key", ["base_model", "base_hash", "base_norms", "adapter_sha256"])
def test_of_a_base_model_null_is_nothing_and_another_type_equals_nothing(key: str) -> None:
    assert getattr(parse_manifest(WHOLE | {key: None}), key) is None
    for wrong in (1, ["tiny"], False):
        assert getattr(parse_manifest(WHOLE | {key: wrong}), key) is MALFORMED


@pytest.mark.parametrize("key", ["layout", "system", "speakers", "bursts", "names", "stop_ids", "stop"])
@pytest.mark.parametrize("wrong", [None, 1, {}, [["user"]], [["user", 1]], [1.5, "2"], [True]])
def test_of_prompts_null_and_another_type_equal_nothing(key: str, wrong: object) -> None:
    assert getattr(parse_manifest(WHOLE | {key: wrong}).contract, key) is MALFORMED


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"names": "groups"}, "groups"),
        ({"names": "never", "speakers": [["user", "1\n2"]]}, "never"),
        ({"speakers": [["user", "Ana: 1\nBo: 2"]]}, "always"),
        ({"names": "Groups"}, None),
        ({"lineage": {"authors": [], "adopted": "someone/llama"}}, None),
        ({}, None),
    ],
    ids=["said", "said beside prompts", "an earlier version's", "unknown", "adopted earlier", "nothing"],
)
def test_the_rule_for_speakers_names_is_said_or_that_of_the_version(
    told: dict[str, Any], names: SpeakerNames | None
) -> None:
    assert trained_names(parse_manifest(told)) == names


@pytest.mark.parametrize("wrong", [None, 1, [], {}, {"authors": None}, {"authors": "a" * 32}])
def test_a_lineage_of_another_type_is_none(wrong: object) -> None:
    assert parse_manifest(WHOLE | {"lineage": wrong}).lineage is None


@pytest.mark.parametrize("key", ["form", "sampling", "code", "run", "template", "data", "line_is_message"])
def test_a_note_of_another_type_is_none(key: str) -> None:
    assert getattr(parse_manifest(WHOLE | {key: None}), key) is None
    assert getattr(parse_manifest(WHOLE | {key: ["wrong"]}), key) is None


def test_a_manifest_of_a_run_names_its_authors_alone() -> None:
    told = AdapterManifest(lineage=Lineage(frozenset({"b", "a"}))).as_json()
    assert told == {"lineage": {"authors": ["a", "b"]}}


def test_no_file_is_an_empty_manifest(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == AdapterManifest()
    assert read_manifest(tmp_path).contract == PromptContract()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "manifest.json is not valid JSON"),
        (b"[]", "manifest.json is not a JSON object"),
        (b'{"form": 1, "form": 2}', "manifest.json is not valid JSON"),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}', "manifest.json has more than 1024 KB"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(RefusedFile, match=reason):
        read_manifest(tmp_path)
