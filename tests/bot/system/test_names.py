"""Names that Windows refuses are refused everywhere, so that a folder can be carried there."""

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.persona.persona import load_cast, load_persona
from bot.system.names import fault_of_name


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("con", "keeps the name 'con' for a device"),
        ("AUX.txt", "keeps the name 'AUX' for a device"),
        ("nul ", "keeps the name 'nul' for a device"),
        ("com1", "keeps the name 'com1' for a device"),
        ("LPT9.tar.gz", "keeps the name 'LPT9' for a device"),
        ("a:b", "takes no ':' in a name"),
        ("what?", "takes no '?' in a name"),
        ("tab\there", r"takes no '\\t' in a name"),
        ("mara.", "drops the dot or space at the end"),
        ("mara ", "drops the dot or space at the end"),
    ],
)
def test_a_name_that_windows_refuses_has_a_fault(name: str, fault: str) -> None:
    assert fault.replace(r"\\", "\\") in (fault_of_name(name) or "")


@pytest.mark.parametrize(
    "name", ["mara", "小满", "console", "com10", "auxiliary.txt", "a.b", ".hidden", "nullify"]
)
def test_any_other_name_has_none(name: str) -> None:
    assert fault_of_name(name) is None


def test_a_persona_in_such_a_folder_is_left_out_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "aux").mkdir()
    (tmp_path / "aux/persona.toml").touch()
    assert load_cast(tmp_path).broken == {
        "aux": f"the folder {tmp_path / 'aux'} needs another name: Windows keeps the name 'aux' for a device"
    }
    with pytest.raises(UserError, match="needs another name"):
        load_persona(tmp_path / "aux")
