"""The environment of torch: its memory on a card grows in place, unless the person set it otherwise."""

import json
import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

# The environment after `prepare_environment` on the platform that is named, in a process of its own.
_PREPARED = """
import json, os, sys
sys.platform = sys.argv[1]
from bot.engine.runtime.environment import prepare_environment
prepare_environment()
print(json.dumps({name: value for name, value in os.environ.items() if "ALLOC_CONF" in name}))
"""
GROWING = {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}


@pytest.mark.parametrize(
    ("platform", "given", "expected"),
    [
        ("linux", {}, GROWING),
        ("win32", {}, {}),
        ("darwin", {}, {}),
        ("linux", {"PYTORCH_ALLOC_CONF": "backend:native"}, {"PYTORCH_ALLOC_CONF": "backend:native"}),
        ("linux", {"PYTORCH_CUDA_ALLOC_CONF": ""}, {"PYTORCH_CUDA_ALLOC_CONF": ""}),
        (
            "linux",
            {"PYTORCH_HIP_ALLOC_CONF": "backend:native"},
            {"PYTORCH_HIP_ALLOC_CONF": "backend:native"},
        ),
    ],
)
def test_card_memory_grows_in_place_unless_the_person_or_the_system_has_it_otherwise(
    platform: str, given: dict[str, str], expected: dict[str, str]
) -> None:
    plain = {name: value for name, value in os.environ.items() if "ALLOC_CONF" not in name}
    done = subprocess.run(
        [sys.executable, "-c", _PREPARED, platform],
        cwd=ROOT,
        env=plain | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == expected
