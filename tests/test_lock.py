"""requirements.lock pins every package that pyproject.toml asks for, with hashes and without a host."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.paths import ROOT

LOCK = (ROOT / "requirements.lock").read_text("ascii")
PINS = re.findall(
    r"^([^\s#]+)==([^\s;]+)[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)*)", LOCK, re.MULTILINE
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ASKED = [
    Requirement(line)
    for group in ("", "discord", "telegram", "serve", "train")
    for line in (PROJECT["optional-dependencies"][group] if group else PROJECT["dependencies"])
]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_a_dependency_is_pinned_in_its_range(asked: Requirement) -> None:
    pinned = [
        version for name, version, _ in PINS if canonicalize_name(name) == canonicalize_name(asked.name)
    ]
    assert pinned, f"{asked.name}: run `make lock`"
    assert all(asked.specifier.contains(version) for version in pinned), f"{asked.name}: run `make lock`"


def test_every_pin_has_hashes() -> None:
    assert len(PINS) == len(re.findall(r"^\S", LOCK, re.MULTILINE))
    assert not [name for name, _, hashes in PINS if not hashes]


def test_the_lock_names_no_host() -> None:
    assert not re.search(r"://|--(?:index|extra-index|find-links|trusted)", LOCK)


def test_the_lock_holds_the_default_model_and_the_makefiles_torch() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for variable in ("TORCH", "MODEL"):
        pin = re.search(rf"^{variable} := (\S+)$", makefile, re.MULTILINE)
        assert pin
        assert re.search(rf"^{re.escape(pin[1])}(?: |$)", LOCK, re.MULTILINE)
