"""The command line as a user meets it, in processes of its own."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from tests.faults.command import COMMAND, ROOT, environment, house

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the program with a scripted model and its data in a temporary folder."""

    def start(*arguments: str, said: str = "", **told: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=house(),
            env=environment(tmp_path / "data", **told),
            input=said,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
        )

    return start


def test_say_prints_each_reply_as_a_block_and_nothing_else(run: Run) -> None:
    done = run(
        "chat", "--persona", "mara", "--say", "hello", "--say", "my name is Ana", SCRIPT="Aye.\nAna, then."
    )
    assert (done.stdout, done.returncode) == ("Aye.\n\nAna, then.\n\n", 0)


def test_a_second_run_remembers_the_first(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "mara", "--say", "My name is Ana.")
    done = run(
        "chat", "--persona", "mara", "--say", "What is my name?", "--prompts", str(tmp_path / "prompts")
    )
    assert done.returncode == 0
    (line,) = (tmp_path / "prompts").read_text().splitlines()
    prompt = json.loads(line)["text"]
    assert prompt.index("User: My name is Ana.") < prompt.index("User: What is my name?")


def test_personas_do_not_share_messages(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "mara", "--say", "My name is Ana.")
    run("chat", "--persona", "ozzo", "--say", "What is my name?", "--prompts", str(tmp_path / "prompts"))
    assert "Ana" not in (tmp_path / "prompts").read_text()


def test_json_gives_a_line_for_each_reply(run: Run) -> None:
    done = run("chat", "--persona", "mara", "--say", "hello", "--json", SCRIPT="两杯茶")
    assert done.stdout == '{"persona": "mara", "text": "两杯茶"}\n'


def test_messages_are_read_from_standard_input(run: Run) -> None:
    piped = run("chat", "--persona", "mara", said="one\n\ntwo\n")
    dashed = run("chat", "--persona", "mara", "--say", "-", said="all of\nthis")
    assert (piped.stdout, dashed.stdout) == ("Answer 1.\n\nAnswer 2.\n\n", "Answer 1.\n\n")


@pytest.mark.parametrize(
    ("arguments", "said", "complaint"),
    [
        (["--config", "/nowhere.toml", "chat"], "", "There is no settings file /nowhere.toml"),
        (
            ["chat", "--persona", "nobody", "--say", "x"],
            "",
            "There is no persona 'nobody': known are mara, ozzo",
        ),
        (["chat", "--say", ""], "", "The message is empty"),
        (["chat", "--say", "-"], " \n", "The message is empty"),
        (["chat"], "", "There is nothing to say"),
        (["chat", "--say", "-"], "x" * 1_000_000, "The message has 1,000,000 characters; at most 16,000 fit"),
        (["chat", "--say", "-"], "a\0b", "The message contains a NUL byte"),
        (["chat", "--say", "a\udc80b"], "", "The message is not valid Unicode"),
        (["chat", "--say", "-"], "caf\udce9", "Standard input is not UTF-8 text"),
        (["chat", "--say", "x", "--prompts", "/nowhere/file"], "", "/nowhere/file cannot be written"),
        (["data", "forget", "--place", "nowhere"], "", "There is no place 'nowhere'"),
        (["persona", "show", "nobody"], "", "There is no persona 'nobody'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    run: Run, arguments: list[str], said: str, complaint: str
) -> None:
    done = run(*arguments, said=said)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"alterego: {complaint}")
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_key_in_the_settings_is_named(run: Run, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text('[model]\nprecison = "nf4"\n')
    done = run("--config", str(settings), "chat", "--say", "x")
    assert done.stderr == (
        f"alterego: {settings}, line 2: model.precison is not a known key: did you mean 'precision'?\n"
    )
    assert done.returncode == 2


def test_a_model_that_cannot_be_loaded_is_one_sentence_and_exit_code_2(run: Run) -> None:
    done = run("chat", "--persona", "mara", "--say", "x", FAILURE="There is no model at nowhere.")
    assert (done.stderr, done.returncode) == ("alterego: There is no model at nowhere.\n", 2)


def test_a_message_given_up_earlier_does_not_fail_a_new_one(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "mara", "--say", "poison", SCRIPT="poisoned")
    with closing(sqlite3.connect(tmp_path / "data/memory.db")) as other, other:
        other.execute("UPDATE inbox SET state = 'accepted', attempts = 3")
    done = run("chat", "--persona", "mara", "--say", "hello")
    assert (done.stdout, done.returncode) == ("Answer 1.\n\n", 0)


def test_a_reply_of_another_persona_is_not_printed(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "ozzo", "--say", "hello")
    with closing(sqlite3.connect(tmp_path / "data/memory.db")) as other, other:
        other.execute("UPDATE inbox SET state = 'accepted'")
    done = run("chat", "--persona", "mara", "--say", "hello", "--json")
    assert [json.loads(line)["persona"] for line in done.stdout.splitlines()] == ["mara"]


def test_a_locked_database_is_one_sentence(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "mara", "--say", "x")
    with closing(sqlite3.connect(tmp_path / "data/memory.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = run("chat", "--persona", "mara", "--say", "y")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "memory.db" in done.stderr


def test_a_read_only_database_is_one_sentence(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    run("chat", "--persona", "mara", "--say", "x")
    if os.geteuid() == 0:  # root writes everywhere; a folder in its place cannot be written by anybody
        (data / "memory.db").unlink()
        (data / "memory.db").mkdir()
    else:
        data.chmod(0o500)
    done = run("chat", "--persona", "mara", "--say", "y")
    data.chmod(0o700)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_damaged_database_is_set_aside_and_the_backup_restored(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "mara", "--say", "My name is Ana.")
    (tmp_path / "data/memory.db").write_bytes(os.urandom(50_000))
    done = run("chat", "--persona", "mara", "--say", "hello?", "--prompts", str(tmp_path / "prompts"))
    assert (done.returncode, done.stdout) == (0, "Answer 1.\n\n")
    assert "backup" in done.stderr
    assert "My name is Ana." in (tmp_path / "prompts").read_text()


def test_stored_data_can_be_exported_and_erased(run: Run, tmp_path: Path) -> None:
    run("chat", "--persona", "mara", "--say", "the word is xylophone")
    assert "terminal/local/mara" in run("data", "status").stdout
    assert "xylophone" in run("data", "export", "--author", "local").stdout
    erased = run("data", "forget", "--author", "local")
    assert erased.stdout.startswith("Erased 3 messages, 0 quotations, 2 answers")
    left = [
        path
        for path in (tmp_path / "data").rglob("*")
        if path.is_file() and b"xylophone" in path.read_bytes()
    ]
    assert left == []


def test_doctor_finds_nothing_wrong(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["ok", "settings"],
        ["ok", "tokens"],
        ["ok", "personas"],
        ["ok", "model"],
        ["ok", "room"],
        ["ok", "adapters"],
        ["ok", "native"],
        ["ok", "memory"],
        ["ok", "disk"],
    ]


def test_doctor_runs_beside_the_program(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with FileLock(tmp_path / "data/memory.db.lock"):
        done = run("doctor")
        refused = run("chat", "--say", "x")
    assert (done.returncode, "memory     in use by an alterego that is running" in done.stdout) == (0, True)
    assert refused.stderr.startswith("alterego: Another alterego is using")
    assert refused.returncode == 2


def test_doctor_names_each_fault_and_exits_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "personas/lost").mkdir(parents=True)
    settings = tmp_path / "config.toml"
    settings.write_text('[model]\nname = "./nowhere"\n')
    done = run("--config", str(settings), "doctor", "--json")
    wrong = {
        finding["subject"] for line in done.stdout.splitlines() if not (finding := json.loads(line))["right"]
    }
    assert (done.returncode, wrong) == (1, {"persona", "personas", "model"})


def test_an_uncaught_exception_is_a_log_event_without_the_token(tmp_path: Path) -> None:
    token = "5550001111:AAcanaryTELEGRAM-canary_canary12345x"
    settings = tmp_path / "config.toml"
    settings.write_text(f'[log]\nformat = "json"\n[paths]\npersonas = "{house() / "personas"}"\n')
    code = "import os, bot.__main__ as it; it._local_engine = lambda _: int(os.environ['TOKEN']); it.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", str(settings), "chat", "--say", "x"],
        cwd=ROOT,
        env={**os.environ, "ALTEREGO_DATA": str(tmp_path / "data"), "TELEGRAM_TOKEN": token, "TOKEN": token},
        capture_output=True,
        text=True,
        timeout=60,
    )
    event = json.loads(done.stderr)
    assert (done.returncode, event["level"], event["event"]) == (1, "critical", "uncaught_exception")
    assert event["trace"].splitlines()[-1] == (
        "ValueError: invalid literal for int() with base 10: '[redacted]'"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["chat", "--help"], ["data", "forget", "--help"]])
def test_help_is_printed(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout[:5]) == (0, "usage")
