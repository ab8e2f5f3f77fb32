"""A persona loads from its folder, and a broken folder is refused with the file and the reason."""

import json
import os
from pathlib import Path

import pytest

from bot.persona.card import Card
from bot.persona.persona import Persona, Sampling, load_persona
from tests.bot.persona.persona_folder import CARD, complaint, folder


def test_a_persona_is_its_folder_its_card_and_its_settings(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        'names = [" keeper "]\nstrength = 0.5\ntemplate = "chatml"\n'
        'speaker_names = "groups"\n[sampling]\ntemperature = 0\ntop_k = 3',
    )
    assert load_persona(path) == Persona(
        "mara",
        Card(name="Mara Quill", nickname="Mara", original=json.loads(CARD)),
        ("keeper",),
        Sampling(temperature=0, top_k=3),
        None,
        0.5,
        "chatml",
        speaker_names="groups",
    )


def test_a_persona_has_limits_of_its_history_and_a_strong_repetition_penalty(tmp_path: Path) -> None:
    toml = "[history]\nrounds = 3\ntokens = 900\n[sampling]\nrepetition_penalty = 2.5"
    persona = load_persona(folder(tmp_path, toml))
    assert (persona.history.rounds, persona.history.tokens) == (3, 900)
    assert persona.sampling.repetition_penalty == 2.5


def test_a_byte_order_mark_before_a_card_does_no_harm(tmp_path: Path) -> None:
    assert load_persona(folder(tmp_path, card=b"\xef\xbb\xbf" + CARD.encode())).name == "Mara"


@pytest.mark.parametrize(
    ("toml", "card", "said"),
    [
        (
            "names = 'keeper'",
            CARD,
            "<folder>/persona.toml, line 1: names = 'keeper' is wrong: write a list, such as [\"keeper\"].",
        ),
        (
            "speaker_names = 'sometimes'",
            CARD,
            "<folder>/persona.toml, line 1: speaker_names = 'sometimes' is wrong: input should be 'always', "
            "'groups' or 'never'.",
        ),
        (
            "temperature = 1",
            CARD,
            "<folder>/persona.toml, line 1: temperature is not a known key: it belongs below [sampling].",
        ),
        (
            "[sampling]\nmin_tokens = 20\nmax_tokens = 10",
            CARD,
            "<folder>/persona.toml, line 3: sampling.max_tokens = 10 is wrong: write at least "
            "sampling.min_tokens, 20, or lower that.",
        ),
        (
            "[sampling]\nmin_tokens = 500",
            CARD,
            "<folder>/persona.toml, line 1: sampling.max_tokens = 256 is wrong: write at least "
            "sampling.min_tokens, 500, or lower that.",
        ),
        (
            "notices = true",
            CARD,
            "<folder>/persona.toml, line 1: notices = true is wrong: write a list.",
        ),
        (
            "nmaes = []",
            CARD,
            "<folder>/persona.toml, line 1: nmaes is not a known key: did you mean 'names'?",
        ),
        (
            "names = [\n'a', 3]",
            CARD,
            '<folder>/persona.toml, line 1: names.1 = 3 is wrong: write it in quotes, "3".',
        ),
        (
            "names = [' ']",
            CARD,
            "<folder>/persona.toml, line 1: names.0 = ' ' is wrong: string should have at least 1 character.",
        ),
        (
            "[sampling]\ntemprature = 1",
            CARD,
            "<folder>/persona.toml, line 2: sampling.temprature is not a known key: "
            "did you mean 'temperature'?",
        ),
        (
            "[sampling]\ntemperature = nan",
            CARD,
            "<folder>/persona.toml, line 2: sampling.temperature = nan is wrong: "
            "input should be a finite number.",
        ),
        (
            "sampling = 1",
            CARD,
            "<folder>/persona.toml, line 1: sampling must be a table: "
            "write [sampling] and its keys below it.",
        ),
        (
            "strength = 2",
            CARD,
            "<folder>/persona.toml, line 1: strength = 2 is wrong: "
            "input should be less than or equal to 1.5.",
        ),
        (
            f"names = ['{'x' * 101}']",
            CARD,
            f"<folder>/persona.toml, line 1: names.0 = '{'x' * 98}… is wrong: "
            "string should have at most 100 characters.",
        ),
        (
            f"names = {['x'] * 101}",
            CARD,
            f"<folder>/persona.toml, line 1: names = {str(['x'] * 101)[:99]}… is wrong: "
            "tuple should have at most 100 items after validation, not 101.",
        ),
        ("", None, "<folder>/card.json is missing: write a card there, or set the key `card`"),
        ("card = 'x.json'", CARD, "<folder>/x.json is missing: write a card there, or set the key `card`"),
        ("card = '.'", CARD, "the card <folder> cannot be used: it is not a file"),
        ("", "[]", "the card <folder>/card.json cannot be used: it is not a JSON object"),
        (
            "",
            "{}",
            'the card <folder>/card.json cannot be used: it has no name: write one into its field "name"',
        ),
        (
            "",
            b"\xff",
            "<folder>/card.json cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte",
        ),
        ("adapter = 'a'", CARD, "<folder>/a is missing: put the adapter there, or drop the key `adapter`"),
        (
            "adapter = 'card.json'",
            CARD,
            "<folder>/card.json is missing: put the adapter there, or drop the key `adapter`",
        ),
    ],
)
def test_a_broken_persona_is_refused_with_the_file_and_the_reason(
    tmp_path: Path, toml: str | None, card: str | bytes | None, said: str
) -> None:
    assert complaint(folder(tmp_path, toml, card)) == said


def test_a_card_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    path = folder(tmp_path)
    with (path / "card.json").open("r+b") as file:
        file.truncate((8 << 20) + 1)
    assert complaint(path) == "the card <folder>/card.json cannot be used: it has more than 8,388,608 bytes"


def test_a_folder_with_a_card_alone_is_a_persona(tmp_path: Path) -> None:
    assert load_persona(folder(tmp_path, toml=None)).name == "Mara"


def test_settings_beyond_all_measure_are_not_read(tmp_path: Path) -> None:
    path = folder(tmp_path, "#" * ((1 << 20) + 1))
    assert complaint(path) == "<folder>/persona.toml has more than 1,048,576 bytes: shorten it."


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = folder(tmp_path, card=None)
    os.mkfifo(path / "card.json")
    assert complaint(path) == "the card <folder>/card.json cannot be used: it is not a file"


def test_a_pipe_of_settings_is_not_waited_for(tmp_path: Path) -> None:
    path = folder(tmp_path, toml=None)
    os.mkfifo(path / "persona.toml")
    assert complaint(path) == "<folder>/persona.toml is not a file: make one; it may be empty."


@pytest.mark.parametrize("key", ["card", "adapter"])
@pytest.mark.parametrize(
    "path",
    [
        "../other/card.json",
        "../../x",
        "/etc/passwd",
        "a/../../other",
        "..",
        "link/card.json",
        "\\u0000",
        "loop",
    ],
)
def test_a_path_out_of_the_personas_folder_is_refused(tmp_path: Path, key: str, path: str) -> None:
    other = folder(tmp_path, key="other")
    own = folder(tmp_path, f'{key} = "{path}"')
    (own / "link").symlink_to(other)
    (own / "loop").symlink_to(own.parent / "loop")
    said = complaint(own)
    assert "leads out of the folder <folder>: keep the persona's files in it" in said


def test_a_link_out_of_the_folder_is_refused_under_the_default_names_too(tmp_path: Path) -> None:
    other = folder(tmp_path, key="other")
    (other / "adapter").mkdir()
    first, second = folder(tmp_path, card=None), folder(tmp_path, key="second")
    (first / "card.json").symlink_to(other / "card.json")
    (second / "adapter").symlink_to(other / "adapter")
    assert complaint(first).startswith("'card.json' leads out of the folder")
    assert complaint(second).startswith("'adapter' leads out of the folder")
