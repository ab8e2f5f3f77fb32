"""A cast names its broken personas, finds the others by name, and works as it is shipped."""

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.persona.card import Card
from bot.persona.macros import MacroContext, expand_macros
from bot.persona.persona import Cast, Persona, Sampling, load_cast
from tests.bot.persona.persona_folder import folder
from tests.paths import ROOT

SHIPPED = load_cast(ROOT / "personas")


def test_a_folder_of_personas_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder(tmp_path / "elsewhere").parent)
    assert [*load_cast(tmp_path / "link").personas] == ["mara"]


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
