"""A trained adapter takes its place beside the persona; the one before is kept."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from training.build import Desk
from training.files import write_private

_FILES = ("adapter_config.json", "adapter_model.safetensors")


def install(desk: Desk, adapter: Path, run: Mapping[str, object]) -> Path:
    """Copy an adapter's folder, with a manifest, to the persona's `adapter`; returns that folder."""
    place, previous = desk.folder / "adapter", desk.folder / "adapter.previous"
    draft = desk.folder / "adapter.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    record = run["record"]
    assert isinstance(record, dict)
    told = {"base_hash": record["base_hash"], "lineage": {"authors": record["authors"]}, "run": dict(run)}
    for name in _FILES:
        shutil.copyfile(adapter / name, draft / name)
    write_private(draft / "manifest.json", [json.dumps(told, indent=1).encode(), b"\n"])
    if place.exists():
        shutil.rmtree(previous, ignore_errors=True)
        os.replace(place, previous)
    os.replace(draft, place)
    return place
