"""Archives that lie: each is a zip with a good export in it, and one thing that no exporter would write."""

import io
import stat
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

GOOD = (
    b'{"name": "Quay", "type": "private_group", "id": 1, "messages": [{"id": 1, "type": "message", '
    b'"date_unixtime": "1680343200", "from": "Ana", "from_id": "user1", "text": "good"}]}'
)
Build = Callable[[Path], None]
BUILDS: dict[str, Build] = {}


def archive(*members: tuple[str | ZipInfo, bytes], packed: int = ZIP_DEFLATED) -> bytes:
    """A zip with a good export and these members."""
    written = io.BytesIO()
    with ZipFile(written, "w", packed) as file:
        file.writestr("result.json", GOOD)
        for name, data in members:
            file.writestr(name, data)
    return written.getvalue()


def hostile(name: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def keep(make: Callable[[], bytes]) -> Callable[[], bytes]:
        BUILDS[name] = lambda path: path.write_bytes(make()) and None  # type: ignore[func-returns-value]
        return make

    return keep


def named(name: str, data: bytes = b"x", mode: int = 0) -> tuple[ZipInfo, bytes]:
    info = ZipInfo("placeholder")
    info.filename = name
    info.external_attr = mode << 16
    return info, data


for label, path in {
    "a path upwards": "../result.json",
    "a path upwards in the middle": "data/../../result.json",
    "a path upwards at the end": "data/..",
    "an absolute path": "/etc/result.json",
    "a drive": "C:/result.json",
    "a backslash": "..\\result.json",
    "a line end in a name": "a\nb.json",
    "an escape in a name": "a\x1b[2J.json",
    "a name of a thousand characters": "n" * 1000,
    "folders without end": "/".join("d" * 40) + "/result.json",
}.items():
    hostile(label)(lambda path=path: archive(named(path)))  # type: ignore[misc]

for label, mode in {
    "a symbolic link": stat.S_IFLNK,
    "a device": stat.S_IFCHR,
    "a disk": stat.S_IFBLK,
    "a pipe": stat.S_IFIFO,
    "a socket": stat.S_IFSOCK,
}.items():
    hostile(label)(lambda mode=mode: archive(named("link", b"/etc/passwd", mode | 0o777)))  # type: ignore[misc]


@hostile("a bomb of one file")
def bomb() -> bytes:
    return archive(("big.json", b" " * (64 << 20)))


@hostile("a bomb in the export itself")
def inner_bomb() -> bytes:
    return archive(("big.json", b'{"name": "' + b"a" * (64 << 20)))


@hostile("a bomb of many files")
def many_bombs() -> bytes:
    return archive(*((f"{number}.json", b" " * (2 << 20)) for number in range(40)))


@hostile("too many files")
def crowd() -> bytes:
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_STORED) as file:
        file.writestr("result.json", GOOD)
        for number in range(100_001):
            file.writestr(ZipInfo(str(number)), b"")
    return written.getvalue()


@hostile("a million files, of which the end does not tell")
def million() -> bytes:
    one = b"PK\x01\x02" + bytes(42)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(one) * 1_000_000, 0, 0)
    return b"PK\x03\x04" + one * 1_000_000 + end


@hostile("a million files, of which the end tells")
def told_million() -> bytes:
    data = archive()
    at = data.rindex(b"PK\x05\x06")
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    whole = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**6, 10**6, 10**7, 0)
    return data[:at] + whole + locator + b"PK\x05\x06" + b"\x00" * 4 + b"\xff" * 12 + b"\x00\x00"


@hostile("two files of one name")
def doubled() -> bytes:
    data = archive(("resulu.json", GOOD))
    return data.replace(b"resulu.json", b"result.json")


def changed(data: bytes, mark: bytes, offset: int, value: bytes, last: bool = True) -> bytes:
    """The same with other bytes behind a mark: the last member's in the list, or the first's own head."""
    at = (data.rindex(mark) if last else data.index(mark)) + offset
    return data[:at] + value + data[at + len(value) :]


LIST, HEAD, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


@hostile("encrypted")
def encrypted() -> bytes:
    return changed(archive(), LIST, 8, b"\x01\x00")


@hostile("strongly encrypted")
def strong() -> bytes:
    return changed(archive(), LIST, 8, b"\x41\x00")


@hostile("a size that is too small")
def small() -> bytes:
    return changed(archive(), LIST, 24, struct.pack("<L", 40))


@hostile("a size that is too large")
def large() -> bytes:
    return changed(archive(), LIST, 24, struct.pack("<L", len(GOOD) + 40))


@hostile("a packed size that is too small")
def packed_small() -> bytes:
    return changed(archive(), LIST, 20, struct.pack("<L", 10))


@hostile("a packed size that is too large")
def packed_large() -> bytes:
    return changed(archive(), LIST, 20, struct.pack("<L", 1 << 30))


@hostile("a stored file of two sizes")
def stored() -> bytes:
    return changed(archive(packed=ZIP_STORED), LIST, 24, struct.pack("<L", 1 << 20))


@hostile("a wrong checksum")
def checksum() -> bytes:
    return changed(archive(), LIST, 16, b"\x01\x02\x03\x04")


@hostile("files on top of each other")
def overlap() -> bytes:
    data = archive(("other.json", GOOD))
    return changed(data, LIST, 42, struct.pack("<L", 0))


@hostile("files that lie half in each other")
def half_overlap() -> bytes:
    data = archive(("other.json", GOOD))
    return changed(data, LIST, 42, struct.pack("<L", 20))


@hostile("a file that begins behind the end")
def behind() -> bytes:
    return changed(archive(), LIST, 42, struct.pack("<L", 1 << 30))


@hostile("two names for one file")
def renamed() -> bytes:
    return archive().replace(b"result.json", b"resulx.json", 1)


@hostile("a list of files that lies outside")
def outside() -> bytes:
    return changed(archive(), END, 16, struct.pack("<L", 1 << 30))


@hostile("a list of files that is longer than the archive")
def too_long() -> bytes:
    return changed(archive(), END, 12, struct.pack("<L", 1 << 24))


@hostile("64-bit sizes that are lies")
def sizes64() -> bytes:
    extra = struct.pack("<2H2Q", 1, 16, 1 << 62, 1 << 62)
    data = archive(named("other.json"))
    at, end = data.rindex(LIST), data.rindex(END)
    entry = bytearray(data[at:end])
    entry[20:28] = b"\xff" * 8
    entry[30:32] = struct.pack("<H", len(extra))
    whole = data[:at] + bytes(entry) + extra + data[end:]
    return changed(whole, END, 12, struct.pack("<L", end - data.index(LIST) + len(extra)))


@hostile("a 64-bit end that leads nowhere")
def end64() -> bytes:
    data = archive()
    at = data.rindex(END)
    return data[:at] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 1 << 40, 1) + data[at:]


@hostile("a method of packing that hides what it does")
def method() -> bytes:
    return changed(archive(), LIST, 10, struct.pack("<H", 99))


@hostile("packed with bzip2")
def bzip2() -> bytes:
    return archive(packed=ZIP_BZIP2)


@hostile("packed with LZMA")
def lzma() -> bytes:
    return archive(packed=ZIP_LZMA)


@hostile("cut in the middle")
def cut() -> bytes:
    data = archive(("other.json", GOOD * 99))
    return data[: len(data) // 2]


@hostile("cut before the end")
def cut_end() -> bytes:
    return archive()[:-30]


@hostile("nothing but an archive in an archive")
def nested() -> bytes:
    written = io.BytesIO()
    with ZipFile(written, "w") as file:
        file.writestr("inner.zip", archive())
    return written.getvalue()


@hostile("archives in archives, forty deep")
def deep() -> bytes:
    data = archive()
    for _ in range(40):
        written = io.BytesIO()
        with ZipFile(written, "w", ZIP_DEFLATED) as file:
            file.writestr("inner.zip", data)
        data = written.getvalue()
    return data


@hostile("an archive that calls itself JSON")
def disguised() -> bytes:
    written = io.BytesIO()
    with ZipFile(written, "w") as file:
        file.writestr("result.json", archive())
    return written.getvalue()


@hostile("damaged data")
def damaged() -> bytes:
    data = archive()
    return changed(data, HEAD, 60, b"\xff" * 20, last=False)


@hostile("empty")
def empty() -> bytes:
    written = io.BytesIO()
    ZipFile(written, "w").close()
    return written.getvalue()


@hostile("a gzip bomb")
def gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(b'{"message_id": "a", "role": "prompter", "lang": "en", "text": "')
    return start + packer.compress(b"a" * (64 << 20)) + packer.flush()


@hostile("a gzip file cut in the middle")
def gzip_cut() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    line = b'{"message_id": "a", "role": "prompter", "lang": "en", "text": "good"}\n'
    return (packer.compress(line) + packer.flush())[:-12]
