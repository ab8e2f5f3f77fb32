"""A persona's adapters lie in slots, one a base model, whose names every file system takes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapter.folders import folder_in, other_slots, shown_folder, slot_for, slot_of
from bot.system.names import fault_of_name

HASH = "b179c9523d0e6a0f"


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct-b179c952"),
        ("/models/qwen2.5 1.5b (Q4_K_M).gguf", "qwen2.5-1.5b-Q4_K_M-b179c952"),
        ("C:\\models\\llama\\", "llama-b179c952"),
        ("模型", "model-b179c952"),
        ("con", "con-b179c952"),
        ("x" * 300, "x" * 32 + "-b179c952"),
    ],
)
def test_a_slot_is_called_by_the_end_of_the_base_models_name_and_its_fingerprint(
    base: str, name: str, tmp_path: Path
) -> None:
    assert slot_for(tmp_path, base, HASH) == tmp_path / "adapters" / name


@given(st.text(max_size=60))
def test_every_name_is_taken_by_every_file_system_and_is_a_slot(base: str) -> None:
    slot = slot_for(Path("mara"), base, HASH)
    assert fault_of_name(slot.name) is None
    assert slot.name.isascii()
    assert (slot.parent, slot_of(slot)) == (Path("mara/adapters"), slot)


def test_slots_are_found_by_any_of_their_folders_and_nothing_else_is_one(tmp_path: Path) -> None:
    for name in ("b", "b.previous", "a.new", "c.draft", ".hidden"):
        (tmp_path / "adapters" / name).mkdir(parents=True)
    (tmp_path / "adapters/notes").touch()
    slots = other_slots(tmp_path)
    assert [slot.name for slot in slots] == ["a", "b", "c"]
    found = [folder_in(slot) for slot in slots]
    assert [folder and shown_folder(folder) for folder in found] == ["adapters/a.new/", "adapters/b/", None]
    assert other_slots(tmp_path / "adapters") == []
