"""The pretended Windows itself: `bot` and `training` meet what CPython has and refuses there."""

from pathlib import Path

from tests.fixtures.pretended_windows import real_model_environment, run_on_windows

# Run in a module of `bot`, as what a person might write there.
REFUSED = {
    "import fcntl": "ModuleNotFoundError",
    "from resource import getrusage": "ModuleNotFoundError",
    "import os; os.O_NOFOLLOW": "AttributeError",
    "import os; os.sysconf('SC_PAGE_SIZE')": "AttributeError",
    "import signal; signal.SIGKILL": "AttributeError",
    "import signal; signal.signal(signal.SIGTERM + 2, print)": "ValueError",
    "import asyncio; asyncio.new_event_loop().add_signal_handler(2, print)": "NotImplementedError",
    "import os; os.open('.', os.O_RDONLY)": "PermissionError",
    "import os; os.fsync(os.open('file', os.O_RDONLY))": "OSError",
    "import pathlib; pathlib.Path('aux').mkdir()": "OSError",
    "open('a:b', 'w')": "OSError",
    "held = open('file'); import os; os.replace('other', 'file')": "PermissionError",
    "held = open('folder/inner'); import shutil; shutil.rmtree('folder')": "PermissionError",
    "held = open('folder/inner'); import os; os.rename('folder', 'moved')": "PermissionError",
    "import mmap, os; f = open('file', 'r+'); m = mmap.mmap(f.fileno(), 0); f.close(); os.remove('file')": (
        "PermissionError"
    ),
    "import os; os.rename('other', 'file')": "FileExistsError",
    "import os; os.chmod('file', 0o400); os.remove('file')": "PermissionError",
}
ALLOWED = (
    "import sys; assert sys.platform == 'win32'",
    "import signal; signal.signal(signal.SIGBREAK, signal.SIG_DFL)",
    "import os; os.replace('other', 'file')",
    "import os; os.rename('folder', 'moved')",
    "import shutil; shutil.rmtree('folder')",
)
PROBE = """
import importlib, os, pathlib, sys
sys.path.insert(0, os.getcwd())
for number, line in enumerate(pathlib.Path("lines").read_text("utf-8").splitlines()):
    folder = pathlib.Path(f"room{number}")
    (folder / "folder").mkdir(parents=True)
    for name in ("file", "other", "folder/inner"):
        (folder / name).write_text("x", "utf-8")
    pathlib.Path("bot", f"probe{number}.py").write_text(line, "utf-8")
    os.chdir(folder)
    importlib.invalidate_caches()
    try:
        __import__(f"bot.probe{number}")
        print("nothing")
    except Exception as error:
        print(type(error).__name__)
    os.chdir("..")
"""


def probe(folder: Path, lines: list[str]) -> list[str]:
    """Run each line in a module of a package `bot`; return the names of the errors, "nothing" for none."""
    (folder / "bot").mkdir()
    (folder / "bot/__init__.py").touch()
    (folder / "lines").write_text("\n".join(lines), "utf-8")
    done = run_on_windows("-c", PROBE, environment=real_model_environment(folder), folder=folder)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split()


def test_what_windows_lacks_and_refuses_is_an_error(tmp_path: Path) -> None:
    assert dict(zip(REFUSED, probe(tmp_path, list(REFUSED)), strict=True)) == REFUSED


def test_what_windows_takes_is_none(tmp_path: Path) -> None:
    assert probe(tmp_path, list(ALLOWED)) == ["nothing"] * len(ALLOWED)
