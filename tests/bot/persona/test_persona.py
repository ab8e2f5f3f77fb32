"""Personas on disk: the broken ones are named and left out, and those that are shipped work."""

import json
import os
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.persona.card import Card
from bot.persona.macros import MacroContext, expand_macros
from bot.persona.persona import Cast, Persona, Sampling, load_cast, load_persona
from tests.paths import ROOT

SHIPPED = load_cast(ROOT / "personas")
CARD = json.dumps({"name": "Mara Quill", "nickname": "Mara"})


def folder(root: Path, toml: str | None = "", card: str | bytes | None = CARD, key: str = "mara") -> Path:
    path = root / key
    path.mkdir(parents=True)
    if toml is not None:
        (path / "persona.toml").write_text(toml)
    if card is not None:
        (path / "card.json").write_bytes(card if isinstance(card, bytes) else card.encode())
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_persona(path)
    return str(caught.value).replace(str(path), "<folder>")


def test_a_persona_is_its_folder_its_card_and_its_settings(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        'names = [" keeper "]\nstrength = 0.5\ntemplate = "chatml"\n[sampling]\ntemperature = 0\ntop_k = 3',
    )
    assert load_persona(path) == Persona(
        "mara",
        Card(name="Mara Quill", nickname="Mara", original=json.loads(CARD)),
        ("keeper",),
        Sampling(temperature=0, top_k=3),
        None,
        0.5,
        "chatml",
    )


def test_a_byte_order_mark_before_a_card_does_no_harm(tmp_path: Path) -> None:
    assert load_persona(folder(tmp_path, card=b"\xef\xbb\xbf" + CARD.encode())).name == "Mara"


@pytest.mark.parametrize(
    ("toml", "card", "said"),
    [
        (None, CARD, "There is no settings file <folder>/persona.toml: make one; it may be empty."),
        (
            "nmaes = []",
            CARD,
            "<folder>/persona.toml, line 1: nmaes is not a known key: did you mean 'names'?",
        ),
        (
            "names = [\n'a', 3]",
            CARD,
            "<folder>/persona.toml, line 1: names.1 = 3 is wrong: input should be a valid string.",
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
        ("", None, "<folder>/card.json is missing: write a card there, or set the key `card`"),
        ("card = 'x.json'", CARD, "<folder>/x.json is missing: write a card there, or set the key `card`"),
        ("card = '.'", CARD, "the card <folder> cannot be used: it is not a file"),
        ("", "[]", "the card <folder>/card.json cannot be used: it is not a JSON object"),
        (
            "",
            "{}",
            'the card <folder>/card.json cannot be used: its field "name" is wrong: field required',
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


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = folder(tmp_path, card=None)
    os.mkfifo(path / "card.json")
    assert complaint(path) == "the card <folder>/card.json cannot be used: it is not a file"


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


def test_a_folder_of_personas_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder(tmp_path / "elsewhere").parent)
    assert [*load_cast(tmp_path / "link").personas] == ["mara"]


@pytest.mark.parametrize(
    ("toml", "made", "adapter"),
    [
        ("", [], None),
        ("", ["adapter"], "adapter"),
        ("adapter = 'sea'", ["adapter", "sea"], "sea"),
        ("adapter = 'deep/sea'", ["deep/sea"], "deep/sea"),
    ],
)
def test_an_adapter_is_the_folder_named_or_the_one_called_so(
    tmp_path: Path, toml: str, made: list[str], adapter: str | None
) -> None:
    path = folder(tmp_path, toml)
    for name in made:
        (path / name).mkdir(parents=True)
    assert load_persona(path).adapter == (path / adapter if adapter else None)


def test_broken_personas_are_named_and_the_others_work(tmp_path: Path) -> None:
    folder(tmp_path, key="b")
    folder(tmp_path, key="a")
    folder(tmp_path, card="[]", key="bad")
    folder(tmp_path, "x", key="worse")
    folder(tmp_path, key=".hidden")
    folder(tmp_path, key="_draft")
    (tmp_path / "README").write_text("not a persona")
    cast = load_cast(tmp_path)
    assert [*cast.personas] == ["a", "b"]
    assert cast.broken == {
        "bad": f"the card {tmp_path}/bad/card.json cannot be used: it is not a JSON object",
        "worse": f"{tmp_path}/worse/persona.toml is not valid TOML: "
        "Expected '=' after a key in a key/value pair (at end of document)",
    }


def test_a_missing_folder_of_personas_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_cast(tmp_path / "none")
    assert str(caught.value) == (
        f"There is no folder of personas at {tmp_path}/none: make it, or set paths.personas."
    )


def cast() -> Cast:
    personas = [
        Persona("alias", Card(name="Alias"), names=("mara", "Broken")),
        Persona("mara", Card(name="Mara Quill", nickname="The Keeper"), names=("Straße",)),
        Persona("Xiaoman", Card(name="林小满")),
    ]
    return Cast({persona.key: persona for persona in personas}, {"broken": "its card is empty"})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("mara", "mara"),
        ("MARA", "mara"),
        ("mara quill", "mara"),
        ("the keeper", "mara"),
        ("STRASSE", "mara"),
        ("alias", "alias"),
        ("xiaoman", "Xiaoman"),
        ("林小满", "Xiaoman"),
    ],
)
def test_a_persona_is_found_by_key_and_else_by_any_of_its_names(name: str, key: str) -> None:
    assert cast().find(name).key == key


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "There is no persona 'nobody': known are alias, mara, Xiaoman."),
        ("", "There is no persona '': known are alias, mara, Xiaoman."),
        ("broken", "The persona 'broken' is broken: its card is empty."),
        ("BROKEN", "The persona 'broken' is broken: its card is empty."),
    ],
)
def test_a_persona_that_cannot_be_found_is_refused_with_the_reason(name: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        cast().find(name)
    assert str(caught.value) == said


def test_where_nobody_is_named_the_first_one_is_chosen() -> None:
    assert (cast().chosen("").key, cast().chosen("Mara").key) == ("alias", "mara")


def test_an_empty_cast_says_where_to_look() -> None:
    empty = Cast({}, {})
    with pytest.raises(UserError, match="There is no working persona: `python -m bot doctor` says"):
        empty.chosen("")
    with pytest.raises(UserError, match="There is no persona 'x': known are none"):
        empty.find("x")


def test_all_that_are_shipped_work() -> None:
    assert ([*SHIPPED.personas], SHIPPED.broken) == (["mara", "ozzo", "xiaoman"], {})


@pytest.mark.parametrize("key", SHIPPED.personas)
def test_a_shipped_persona_has_what_a_conversation_needs(key: str) -> None:
    persona = SHIPPED.personas[key]
    card = persona.card
    assert all((card.description, card.personality, card.scenario, card.creator_notes, persona.names))
    assert card.greetings(group=False)
    assert len(card.examples) >= 2
    assert all("{{char}}:" in block for block in card.examples)
    assert persona.sampling != Sampling()


@pytest.mark.parametrize("key", SHIPPED.personas)
def test_what_a_shipped_persona_reads_before_a_conversation_is_the_same_for_everybody(key: str) -> None:
    card = SHIPPED.personas[key].card
    assert "{{user}}" not in "".join((card.description, card.personality, card.scenario, card.mes_example))


@pytest.mark.parametrize("key", SHIPPED.personas)
def test_every_macro_of_a_shipped_persona_is_known(key: str) -> None:
    card = SHIPPED.personas[key].card
    texts = [text for text in card.model_dump().values() if isinstance(text, str)]
    scene = MacroContext(card.called, "Ann")
    assert "{{" not in "".join(expand_macros(text, scene) for text in (*texts, *card.greetings(group=True)))


def test_one_shipped_persona_writes_chinese() -> None:
    card = SHIPPED.personas["xiaoman"].card
    said = card.first_mes + "".join(card.examples).replace("{{user}}", "").replace("{{char}}", "")
    assert not [character for character in said if character.isascii() and character.isalpha()]
    assert "只用中文" in card.post_history_instructions


def test_one_shipped_persona_has_alternate_greetings_and_others_for_groups() -> None:
    card = SHIPPED.personas["ozzo"].card
    assert (len(card.greetings(group=False)), len(card.greetings(group=True))) == (3, 5)
    assert card.greetings(group=True)[0] == card.group_only_greetings[0]


PICTURES = {
    "avatar.png": b"\x89PNG\r\n\x1a\nrest",
    "avatar.jpg": b"\xff\xd8\xff\xe0rest",
    "avatar.webp": b"RIFF\x00\x00\x00\x00WEBPrest",
    "avatar.gif": b"GIF89arest",
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_in_the_folder_is_its_avatar(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path)
    (path / name).write_bytes(PICTURES[name])
    assert load_persona(path).avatar == path / name


def test_a_picture_can_be_named_and_one_on_the_web_too(tmp_path: Path) -> None:
    path = folder(tmp_path, 'avatar = "face.png"\navatar_url = "https://pictures.example/mara.png"')
    (path / "face.png").write_bytes(PICTURES["avatar.png"])
    assert (load_persona(path).avatar, load_persona(path).avatar_url) == (
        path / "face.png",
        "https://pictures.example/mara.png",
    )


@pytest.mark.parametrize(
    ("toml", "picture", "said"),
    [
        (
            'avatar = "no.png"',
            None,
            "<folder>/no.png is missing: put a picture there, or drop the key `avatar`",
        ),
        (
            'avatar = "../a.png"',
            None,
            "'../a.png' leads out of the folder <folder>: keep the persona's files in it",
        ),
        ("", b"<svg/>", "<folder>/avatar.png is no picture: use PNG, JPEG, WebP or GIF"),
        (
            "",
            b"x" * (9 << 20),
            "the picture <folder>/avatar.png has more than 8,388,608 bytes: make it smaller",
        ),
        ('avatar_url = "http://a.example/x.png"', None, "avatar_url is not a public address: write"),
        ('avatar_url = "https://localhost/x.png"', None, "avatar_url is not a public address: write"),
        ('avatar_url = "https://u:p@a.example/x.png"', None, "avatar_url is not a public address: write"),
    ],
)
def test_a_picture_that_cannot_be_used_is_said(
    tmp_path: Path, toml: str, picture: bytes | None, said: str
) -> None:
    path = folder(tmp_path, toml)
    if picture is not None:
        (path / "avatar.png").write_bytes(picture)
    assert complaint(path).startswith(said)
