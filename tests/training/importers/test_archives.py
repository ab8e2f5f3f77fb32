"""Archives are read as streams, never extracted; hostile ones are refused, in bounded memory."""

import gzip
import io
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from bot.errors import UserError
from tests.fixtures.archives import GOOD, archive
from tests.fixtures.hostile_archives import BUILDS
from tests.paths import EXPORTS, ROOT
from training.importers import registry

MEGABYTES = 64  # memory that any archive may take, at most


def test_there_are_forty_hostile_archives() -> None:
    assert len(BUILDS) >= 40


@pytest.mark.parametrize("name", BUILDS)
def test_a_hostile_archive_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    BUILDS[name](path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError) as caught:
        list(registry.read_exports(path))
    assert str(path) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_hostile_archives_take_no_memory(tmp_path: Path) -> None:
    for number, build in enumerate(BUILDS.values()):
        build(tmp_path / f"{number}.zip")
    code = """
import resource, sys
from pathlib import Path
from bot.errors import UserError
from training.importers.registry import read_exports
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
for path in Path(sys.argv[1]).glob("*.zip"):
    try:
        list(read_exports(path))
    except UserError:
        pass
print((peak() - before) // 1024)
"""
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < MEGABYTES


def test_the_good_export_in_the_hostile_ones_is_good(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(archive())
    assert [message.text for message in registry.read_exports(path)] == ["good"]


def packed(folder: Path, top: str = "") -> bytes:
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, f"{top}{path.relative_to(folder).as_posix()}")
                if top:
                    file.writestr(
                        f"__MACOSX/{top}{path.relative_to(folder).parent}/._{path.name}", b"\x00\x05"
                    )
    return written.getvalue()


def summary(path: Path) -> list[tuple[str, str, str]]:
    return sorted((message.chat, message.id, message.text) for message in registry.read_exports(path))


@pytest.mark.parametrize("top", ["", "twitter-2023/"])
@pytest.mark.parametrize("name", ["x/manifest", "slack", "discord_package/localised", "meta/messenger"])
def test_a_zip_gives_what_its_folder_gives(name: str, top: str, tmp_path: Path) -> None:
    if top and name.startswith("discord"):
        pytest.skip("a user.json that lies deeper is a decoy")
    path = tmp_path / "export.zip"
    path.write_bytes(packed(EXPORTS / name, top))
    assert summary(path) == summary(EXPORTS / name)


def test_a_chat_of_an_iphone_is_named_after_its_zip(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat - The Quay (1).zip"
    path.write_bytes(packed(EXPORTS / "whatsapp/ios"))
    assert {message.chat for message in registry.read_exports(path)} == {"The Quay"}


def test_zips_in_a_folder_are_opened_and_media_are_not(tmp_path: Path) -> None:
    (tmp_path / "one.zip").write_bytes(archive())
    (tmp_path / "photo.jpg").write_bytes(GOOD)
    assert [message.text for message in registry.read_exports(tmp_path)] == ["good"]


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "result.json").write_bytes(GOOD)
    (tmp_path / "inside" / "link.json").symlink_to(tmp_path / "result.json")
    with pytest.raises(UserError, match="holds no export that is known"):
        list(registry.read_exports(tmp_path / "inside"))


@pytest.mark.parametrize("streams", [1, 3])
def test_a_file_packed_with_gzip_is_read(streams: int, tmp_path: Path) -> None:
    path = tmp_path / "set.messages.jsonl.gz"
    whole = (EXPORTS / "oasst/set.messages.jsonl").read_bytes()
    size = len(whole) // streams + 1
    path.write_bytes(b"".join(gzip.compress(whole[at : at + size]) for at in range(0, len(whole), size)))
    plain = [message.text for message in registry.read_exports(EXPORTS / "oasst/set.messages.jsonl")]
    assert [message.text for message in registry.read_exports(path)] == plain


def test_a_large_file_packed_with_gzip_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl.gz"
    lines = [f'{{"instruction": "{number}", "output": "{number:>40}"}}\n' for number in range(20_000)]
    path.write_bytes(gzip.compress("".join(lines).encode()))
    assert sum(1 for _ in registry.read_exports(path)) == 40_000


SENTENCES = {
    "encrypted": "is encrypted. Unpack the archive with its password and name the folder.",
    "packed with bzip2": "is packed with bzip2. Unpack the archive and name the folder.",
    "cut in the middle": "ends in the middle of a zip: copy or download it again.",
    "a wrong checksum": "cannot be read (Bad CRC-32",
    "a symbolic link": "is a link or a device.",
    "a bomb of one file": "unpacks to more than 200 times its size.",
    "too many files": "holds more than 100,000 files",
    "nothing but an archive in an archive": "is an archive that is not opened here: unpack it",
}


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items())
def test_an_archive_is_refused_for_its_own_reason(name: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    BUILDS[name](path)
    with pytest.raises(UserError) as caught:
        list(registry.read_exports(path))
    assert sentence in str(caught.value)
