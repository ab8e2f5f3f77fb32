"""Each reader of strangers' data refuses damage with a reason: `make fuzz` in short, and all findings."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import damaged
from tests.fuzz.targets import FINDINGS, TARGETS

QUICK = [name for name, target in TARGETS.items() if not target.slow]
KEPT = sorted(path for path in FINDINGS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read(name: str) -> None:
    for data in TARGETS[name].seeds():
        TARGETS[name].check(data)


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_is_refused_with_a_reason(name: str, data: st.DataObject) -> None:
    TARGETS[name].check(data.draw(damaged(list(TARGETS[name].seeds()))))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_finding_is_mended(path: Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())
