"""A security descriptor of Windows tells whether other users can read a file."""

from pathlib import Path

import pytest

from bot.system.rights import lets_everybody_read, make_private, others_can_read, private_command

OWNER = "(A;OICI;FA;;;S-1-5-21-1-2-3-1001)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"


@pytest.mark.parametrize(
    ("descriptor", "is_open"),
    [
        (f"D:P{OWNER}", False),
        (f"D:AI{OWNER}(A;OICIID;0x1200a9;;;BU)", True),  # as folders at the root of a drive inherit it
        (f"D:PAI{OWNER}(A;;FR;;;WD)", True),
        (f"D:P{OWNER}(A;OICI;GA;;;AU)", True),
        (f"D:P{OWNER}(A;;0x100000;;;BU)", False),  # SYNCHRONIZE alone
        (f"D:P(D;;FA;;;BU){OWNER}", False),
        (f"D:P{OWNER}(A;;FW;;;BU)", False),
        ("D:NO_ACCESS_CONTROL", True),
        ("", True),
    ],
)
def test_an_access_list_is_read(descriptor: str, is_open: bool) -> None:
    assert lets_everybody_read(descriptor) == is_open


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_mode_tells_it_elsewhere_and_a_private_file_has_no_rights_for_others(
    tmp_path: Path, mode: int, is_open: bool
) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(mode)
    assert others_can_read(file) == is_open
    make_private(file)
    assert file.stat().st_mode & 0o777 == mode & 0o700
    assert private_command(file) == f"chmod 600 {file}"
