"""Names on the hub: a repository, or a GGUF file of one by its type or its name."""

from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.checkpoint.hub_names import HubName
from bot.engine.checkpoint.source import locate_model
from bot.errors import UserError

FILES = [
    "Tiny-1.5B-Q4_K_M.gguf", "Tiny-1.5B-Q4_K_S.gguf", "tiny-1.5b-iq4_nl.gguf", "Tiny-1.5B-Q4_K_M-imat.gguf",
    "Big-Q8_0-00001-of-00002.gguf", "Tiny-1.5B-Q4_K_M.txt",
]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "file"),
    [
        ("Q4_K_M", "Tiny-1.5B-Q4_K_M.gguf"),
        ("q4_k_s", "Tiny-1.5B-Q4_K_S.gguf"),
        ("IQ4_NL", "tiny-1.5b-iq4_nl.gguf"),
        ("Tiny-1.5B-Q4_K_M-imat.gguf", "Tiny-1.5B-Q4_K_M-imat.gguf"),
        ("Q8_0", None),  # in two parts
        ("K_M", "Tiny-1.5B-Q4_K_M.gguf"),
        ("4_NL", None),
        ("", None),
    ],
)
def test_a_label_means_one_file(label: str, file: str | None) -> None:
    assert HubName("a/b", label).pick(FILES) == file


def test_a_name_has_its_parts() -> None:
    assert HubName.of("a/b-GGUF:Q4_K_M") == HubName("a/b-GGUF", "Q4_K_M")
    assert HubName.of("a/b") == HubName("a/b")


def test_a_name_of_a_file_on_the_hub_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert locate_model(ModelSettings(name="a/b:b-q4_0.gguf")).kind == "hub"
    with pytest.raises(UserError, match=r"There is no model at C:/b\.gguf"):
        locate_model(ModelSettings(name="C:/b.gguf"))
