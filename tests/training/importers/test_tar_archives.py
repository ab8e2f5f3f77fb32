"""Tars, plain and packed with gzip, are read as streams; hostile ones are refused, in bounded memory."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.fixtures.archives import GOOD
from tests.fixtures.hostile_tars import TARS, member, packed_tar
from tests.paths import EXPORTS, ROOT
from training.importers import registry

MEGABYTES = 64  # memory that any archive may take, at most
FORMS = {"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


@pytest.mark.parametrize("name", TARS)
def test_a_hostile_tar_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "export.tar.gz"
    path.write_bytes(TARS[name]())
    with pytest.raises(UserError) as caught:
        list(registry.read_exports(path))
    assert str(path) in str(caught.value)
    assert [*tmp_path.iterdir()] == [path]


def test_hostile_tars_take_no_memory(tmp_path: Path) -> None:
    for number, build in enumerate(TARS.values()):
        (tmp_path / f"{number}.tar").write_bytes(build())
    code = """
import resource, sys
from pathlib import Path
from bot.errors import UserError
from training.importers.registry import read_exports
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
for path in Path(sys.argv[1]).glob("*.tar"):
    try:
        list(read_exports(path))
    except UserError:
        pass
print((peak() - before) // 1024)
"""
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < MEGABYTES


def packed(folder: Path, mode: str, form: int, top: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode, format=form) as file:  # type: ignore[call-overload]
        file.add(folder, top or ".")
    return written.getvalue()


def summary(path: Path) -> list[tuple[str, str, str]]:
    return sorted((message.chat, message.id, message.text) for message in registry.read_exports(path))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", ["w:", "w:gz"])
@pytest.mark.parametrize(
    ("name", "top"), [("x/manifest", ""), ("slack", "slack 2024"), ("meta/messenger", "a")]
)
def test_a_tar_gives_what_its_folder_gives(name: str, top: str, mode: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(packed(EXPORTS / name, mode, FORMS[form], top))
    assert summary(path) == summary(EXPORTS / name)


@pytest.mark.parametrize("form", FORMS)
def test_a_member_with_a_long_name_is_read(form: str, tmp_path: Path) -> None:
    path, name = tmp_path / "export.tar", "d" * 90 + "/" + "n" * 90 + ".json"
    info, data = member(name, GOOD)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:", format=FORMS[form]) as file:
        file.addfile(info, io.BytesIO(data))
    path.write_bytes(written.getvalue())
    (export,) = registry.find_exports(path)
    assert [source.path for source in export.sources] == [name]


def test_a_tar_without_the_blocks_of_its_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "export.tar"
    path.write_bytes(packed_tar(mode="w:")[:1024])
    assert [message.text for message in registry.read_exports(path)] == ["good"]


def test_tars_in_a_folder_are_opened_and_media_are_not(tmp_path: Path) -> None:
    (tmp_path / "one.tgz").write_bytes(packed_tar(member("photo.jpg", GOOD)))
    assert [message.text for message in registry.read_exports(tmp_path)] == ["good"]


def test_a_member_can_be_read_while_another_is(tmp_path: Path) -> None:
    path = tmp_path / "export.tar.gz"
    path.write_bytes(packed_tar(member("other.json", GOOD.replace(b"good", b"fine"))))
    (export,) = registry.find_exports(path)
    one, other = (source.chunks() for source in export.sources)
    assert (b"good" in next(one), b"fine" in next(other)) == (True, True)


SENTENCES = {
    "a symbolic link": "was not imported: 'link' is a link or a device.",
    "a bomb of one file": "unpacks to more than 200 times its size: it is not an export.",
    "too many files": "was not imported: it holds more than 100,000 files. Pack the folder of one export.",
    "two files of one name": "was not imported: it holds two files of one name.",
    "cut in the middle": "ends in the middle: copy or download it again.",
    "a plain tar, cut in the middle": "ends in the middle: copy or download it again.",
    "bytes that are no header": "is damaged: copy or download it again.",
    "an absolute path (pax)": "was not imported: the path '/etc/result.json' leads out of the archive.",
    "nothing but an archive in an archive": "is an archive that is not opened here: unpack it",
}


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items())
def test_a_tar_is_refused_for_its_own_reason(name: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "export.tar"
    path.write_bytes(TARS[name]())
    with pytest.raises(UserError) as caught:
        list(registry.read_exports(path))
    assert sentence in str(caught.value)
