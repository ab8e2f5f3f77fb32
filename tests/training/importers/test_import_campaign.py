"""Every reader is given what people do to an export: the short form of tests.faults.import_campaign."""

from pathlib import Path

import pytest

from bot.errors import UserError
from tests.complexity.test_documents import WRITERS
from tests.faults.import_campaign import (
    CHAT,
    OTHERWISE,
    SAME,
    Outcome,
    fixture_files,
    outcomes,
    outcomes_of_format,
    run,
    write,
    zipped_twice,
)
from tests.training.importers.fixtures import FIXTURES
from training.importers import registry


def faults(found: list[tuple[str, Outcome]]) -> list[str]:
    return [f"{name}: {outcome.fault}" for name, outcome in found if outcome.fault]


@pytest.mark.parametrize("title", WRITERS)
def test_no_damage_gives_a_traceback_or_wrong_messages(title: str) -> None:
    found = list(outcomes_of_format(title))
    assert not faults(found)
    assert len(found) == len(SAME) + len(OTHERWISE) + 1
    assert dict(found)["whole"].texts.total() >= len(CHAT.messages)


@pytest.mark.parametrize("title", FIXTURES)
def test_the_first_export_of_a_format_survives_each_damage(title: str) -> None:
    assert not faults(list(outcomes(fixture_files(FIXTURES[title][0]))))


def test_a_zip_in_a_zip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = zipped_twice(WRITERS["WhatsApp"](CHAT), tmp_path)
    with pytest.raises(UserError) as refused:
        registry.find_exports(path)
    sentence = "is an archive that is not opened here: unpack it, and import what it holds."
    assert str(refused.value) == f"{path}: export.zip {sentence}"


def test_files_that_are_all_empty_are_told_so(tmp_path: Path) -> None:
    write(dict.fromkeys(WRITERS["Slack"](CHAT), b""), tmp_path)
    with pytest.raises(UserError, match=r"users\.json is empty: export it again\."):
        registry.find_exports(tmp_path)


def test_the_campaign_finds_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise KeyError("messages")

    monkeypatch.setattr(registry, "find_exports", broken)
    assert run(write, {"a.txt": b"x"}).fault == "KeyError: 'messages'"
