"""A model comes from a hub on this machine: progress, what a break leaves, and errors in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import tiny
from tests.fakes.gguf_files import write_gguf
from tests.fakes.hub_server import FakeHub
from tests.paths import ROOT

CHUNK = 10 << 20  # bytes that huggingface_hub writes at once
FETCH = """
import sys
from bot.engine.runtime.environment import prepare_environment
prepare_environment()
from bot.config import ModelSettings
from bot.engine.checkpoint.hub_download import download_model
from bot.engine.checkpoint.source import locate_model
from bot.errors import UserError
source = locate_model(ModelSettings(name=sys.argv[1]))
try:
    found = download_model(source, print) if source.kind == "hub" else source
except UserError as error:
    print(f"UserError: {error}")
else:
    print(found.kind, found.name, found.path)
"""


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A GGUF file of 27 MB."""
    path = tmp_path_factory.mktemp("gguf") / "a.gguf"
    return write_gguf(path, vocabulary=100_000).read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    made = tiny.save_model(tmp_path_factory.mktemp("tiny"), hidden_size=128, intermediate_size=1024)
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    return files | {"README.md": b"no part of a model", "pytorch_model.bin": b"a pickle"}


def fetch(hub: FakeHub, home: Path, name: str, **told: str) -> list[str]:
    """Run a process that fetches a model, and return its lines."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        **told,
    }
    done = subprocess.run(
        [sys.executable, "-c", FETCH, name],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()


def test_a_gguf_file_comes_by_its_type_and_is_found_afterwards(gguf_file: bytes, tmp_path: Path) -> None:
    files = {"tiny-Q4_1.gguf": gguf_file, "tiny-Q8_0.gguf": b"GGUF" * LARGE_ENOUGH, "README.md": b"x"}
    with FakeHub({"someone/tiny-GGUF": files}).serve() as hub:
        *told, last = fetch(hub, tmp_path, "someone/tiny-GGUF:q4_1")
    total = f"{len(gguf_file) / 1e6:,.0f}"
    assert told[0].startswith(f"fetching someone/tiny-GGUF:q4_1 (once): 10 of {total} MB, ")
    assert told[0].endswith(" left")
    snapshot = tmp_path / "hub/models--someone--tiny-GGUF/snapshots" / ("c" * 40)
    assert last == f"gguf someone/tiny-GGUF:q4_1 {snapshot}/tiny-Q4_1.gguf"
    assert (snapshot / "tiny-Q4_1.gguf").read_bytes() == gguf_file
    assert sorted(path.name for path in snapshot.iterdir()) == ["tiny-Q4_1.gguf"]
    assert fetch(hub, tmp_path, "someone/tiny-GGUF:q4_1") == [last]  # without the hub, which is gone


LARGE_ENOUGH = 300_000


def test_a_folder_comes_without_pickles_and_other_files(folder: dict[str, bytes], tmp_path: Path) -> None:
    with FakeHub({"someone/tiny": folder}).serve() as hub:
        last = fetch(hub, tmp_path, "someone/tiny")[-1]
    snapshot = tmp_path / "hub/models--someone--tiny/snapshots" / ("c" * 40)
    assert last == f"folder someone/tiny {snapshot}"
    found = {path.name: path.read_bytes() for path in snapshot.iterdir()}
    assert found == {
        name: content for name, content in folder.items() if name.endswith(("json", "safetensors"))
    }


def test_a_connection_that_breaks_is_opened_again(gguf_file: bytes, tmp_path: Path) -> None:
    hub = FakeHub({"someone/tiny": {"tiny-Q4_1.gguf": gguf_file}}, break_at=CHUNK + 1000)
    with hub.serve():
        assert fetch(hub, tmp_path, "someone/tiny:Q4_1")[-1].startswith("gguf someone/tiny:Q4_1 ")
    assert hub.ranges == [None, f"bytes={CHUNK}-"]


def test_the_next_process_goes_on_where_one_stopped(gguf_file: bytes, tmp_path: Path) -> None:
    hub = FakeHub({"someone/tiny": {"tiny-Q4_1.gguf": gguf_file}}, break_at=CHUNK + 1000, goes_down=True)
    with hub.serve():
        broken = fetch(hub, tmp_path, "someone/tiny:Q4_1")[-1]
        hub.is_down = False
        *told, last = fetch(hub, tmp_path, "someone/tiny:Q4_1")
    assert broken == (
        "UserError: The base model someone/tiny:Q4_1 is nowhere to be found: tried a local folder, the hub's "
        "cache, the hub; the hub did not give it (HfHubHTTPError, 500). Go online, or set [model] name to a "
        "folder or a .gguf file here; what was fetched is kept, and the next start goes on from there."
    )
    assert hub.ranges == [None, f"bytes={CHUNK}-"]
    assert told[0].startswith(f"fetching someone/tiny:Q4_1 (once): 21 of {len(gguf_file) / 1e6:,.0f} MB")
    assert Path(last.split()[-1]).read_bytes() == gguf_file


def test_a_file_with_another_content_than_the_hubs_is_thrown_away(gguf_file: bytes, tmp_path: Path) -> None:
    hub = FakeHub({"someone/tiny": {"tiny-Q4_1.gguf": gguf_file}}, break_at=CHUNK + 1000, goes_down=True)
    with hub.serve():
        fetch(hub, tmp_path, "someone/tiny:Q4_1")
        hub.is_down = False
        (part,) = tmp_path.glob("hub/*/blobs/*.part")
        part.write_bytes(b"x" * CHUNK)
        assert "has another content than the hub says" in fetch(hub, tmp_path, "someone/tiny:Q4_1")[-1]
        assert not part.exists()
        assert Path(fetch(hub, tmp_path, "someone/tiny:Q4_1")[-1].split()[-1]).read_bytes() == gguf_file


def test_the_token_stays_with_the_hub(gguf_file: bytes, tmp_path: Path) -> None:
    with FakeHub({"someone/tiny": {"tiny-Q4_1.gguf": gguf_file}}).serve() as hub:
        assert fetch(hub, tmp_path, "someone/tiny:Q4_1", HF_TOKEN="hf_secret")[-1].startswith("gguf ")
    assert hub.tokens == [None]  # of the host that files come from


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("someone/nothing", "The hub has no model someone/nothing, or keeps it private: spell [model] name"),
        ("someone/gated", "The hub gives someone/gated only to people who accepted its terms: accept them"),
        (
            "someone/tiny:Q3_K",
            "someone/tiny has no GGUF file 'Q3_K' in one part (it has tiny-Q4_1.gguf): write",
        ),
        (
            "someone/tiny",
            "someone/tiny has no safetensors: choose another [model] name, or for one of its GGUF",
        ),
    ],
)
def test_a_model_that_the_hub_does_not_give_is_told(name: str, said: str, tmp_path: Path) -> None:
    files = {"tiny-Q4_1.gguf": b"GGUF"}
    hub = FakeHub({"someone/tiny": files, "someone/gated": files}, gated={"someone/gated"})
    with hub.serve():
        assert fetch(hub, tmp_path, name)[-1].startswith(f"UserError: {said}")


def test_without_a_network_it_says_what_to_do(tmp_path: Path) -> None:
    hub = FakeHub({}, address="http://127.0.0.1:9")
    said = fetch(hub, tmp_path, "someone/tiny")[-1]
    assert "the hub did not give it (" in said
    assert "Go online, or set [model] name to a folder or a .gguf file here" in said
    offline = fetch(hub, tmp_path, "someone/tiny", HF_HUB_OFFLINE="1")[-1]
    assert "the hub did not give it (HF_HUB_OFFLINE is set). Go online, or set" in offline
