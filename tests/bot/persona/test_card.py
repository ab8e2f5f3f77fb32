"""Cards of all versions as they come from the wild."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.persona.card import Card, read_card

FIELDS = {
    "name": "Mara Quill",
    "description": "{{char}} keeps a light.",
    "personality": "Dry.",
    "scenario": "Night.",
    "first_mes": "Sit.",
    "mes_example": "<START>\n{{user}}: Hi\n{{char}}: Hm.",
}
NAMELESS = 'it has no name: write one into its field "name"'
LATER = {
    "creator_notes": "n",
    "system_prompt": "{{original}} Be brief.",
    "post_history_instructions": "p",
    "alternate_greetings": ["A", "B"],
    "tags": ["t"],
}
V1 = FIELDS
V2 = {"spec": "chara_card_v2", "spec_version": "2.0", "data": {**FIELDS, **LATER}}
V3 = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {**FIELDS, **LATER, "nickname": "Mara", "group_only_greetings": ["G"]},
}


def card(**fields: object) -> Card:
    return read_card(json.dumps({"name": "M", **fields}))


def complaint(text: str) -> str:
    with pytest.raises(UserError) as caught:
        read_card(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("original", "fields"),
    [
        (V1, V1),
        (V2, V2["data"]),
        (V3, V3["data"]),
        ({**V3, "spec_version": "4.7"}, V3["data"]),
        ({"data": V1}, V1),
        ({**V1, **V2}, V2["data"]),
    ],
)
def test_a_card_of_any_version_is_read(original: dict[str, Any], fields: dict[str, Any]) -> None:
    found = read_card(json.dumps(original))
    assert json.loads(found.model_dump_json(exclude_defaults=True)) == fields


def test_what_no_prompt_needs_is_kept_in_the_original() -> None:
    original = {
        **V3,
        "data": {
            **V3["data"],  # type: ignore[dict-item]
            "extensions": {"depth_prompt": {"depth": 4}},
            "character_book": {"entries": []},
            "original": "a field of that name",
            "zzz": [None, {"a": 1}],
        },
        "more": 1,
    }
    assert read_card(json.dumps(original)).original == original


def test_nulls_are_fields_left_out() -> None:
    fields = [name for name in Card.model_fields if name not in ("name", "original")]
    assert card(**dict.fromkeys(fields)) == card().model_copy(
        update={"original": {"name": "M", **dict.fromkeys(fields)}}
    )


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b", "ab"),
        ("a\ud800b", "a\ufffdb"),
        ("a\udc00", "a\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ud800", "\ufffd"),
        (" kept \n", " kept \n"),
    ],
)
def test_a_text_is_cleaned_of_what_cannot_be_stored(text: str, clean: str) -> None:
    found = card(description=text, tags=[text])
    assert (found.description, found.tags) == (clean, (clean,))


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ({"name": "Mara Quill"}, "Mara Quill"),
        ({"name": "Mara Quill", "nickname": "Mara"}, "Mara"),
        ({"name": " Mara\n Quill\x00 "}, "Mara Quill"),
        ({"name": "Mara", "nickname": " \n"}, "Mara"),
    ],
)
def test_a_character_is_called_by_its_nickname_on_one_line(fields: dict[str, str], called: str) -> None:
    assert card(**fields).called == called


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not valid JSON (line 1, column 1: a value is missing)"),
        ('{"name": ', "it is not valid JSON (line 1, column 10: a value is missing)"),
        ('{\n "name": "M"\n "tags": []}', "it is not valid JSON (line 3, column 2: a comma is missing)"),
        ("\ufeff{}", "it is not valid JSON (line 1, column 1: a byte order mark stands there)"),
        ("[" * 100_000, "it is not valid JSON (it is nested too deep)"),
        ('{"a":' * 100_000, "it is not valid JSON (it is nested too deep)"),
        ("9" * 5000, "it is not valid JSON (Exceeds the limit (4300"),
        ("[]", "it is not a JSON object"),
        ("null", "it is not a JSON object"),
        ('"Mara"', "it is not a JSON object"),
        ('{"spec": "chara_card_v2"}', 'its "data" is not an object'),
        ('{"spec": "chara_card_v2", "data": []}', 'its "data" is not an object'),
        ("{}", NAMELESS),
        ('{"name": ""}', NAMELESS),
        ('{"name": " \\n\\u0000"}', NAMELESS),
        ('{"name": null}', NAMELESS),
        ('{"name": 5}', 'its field "name" is wrong: input should be a valid string'),
        (
            '{"name": "M", "description": ["a"]}',
            'its field "description" is wrong: input should be a valid string',
        ),
        ('{"name": "M", "first_mes": {"a": 1}}', 'its field "first_mes" is wrong: input should be a valid'),
        ('{"name": "M", "scenario": true}', 'its field "scenario" is wrong: input should be a valid string'),
        ('{"name": "M", "mes_example": [1]}', 'its field "mes_example" is wrong: input should be a valid'),
    ],
)
def test_what_is_no_card_is_refused_with_the_reason(text: str, said: str) -> None:
    assert complaint(text).startswith(said)


def test_a_card_without_a_name_is_told_the_fields_that_it_has() -> None:
    assert complaint('{"nam": "M", "scenario": "S"}') == f"{NAMELESS} (it has nam, scenario)"


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"descripton": "D"}, '"descripton" is no field of a card: did you mean "description"'),
        ({"first_mess": "F"}, '"first_mess" is no field of a card: did you mean "first_mes"'),
        ({"descripton": "D", "description": "E"}, ""),
        ({"mood": "M"}, ""),
    ],
)
def test_a_misspelt_field_is_named_with_the_one_that_is_meant(fields: dict[str, str], warning: str) -> None:
    assert card(**fields).warning == warning


def test_no_complaint_repeats_a_cards_text() -> None:
    assert "private" not in complaint('{"name": "M", "description": ["private"], "private": 1}')


@pytest.mark.parametrize(
    ("fields", "direct", "group"),
    [
        ({}, (), ()),
        ({"first_mes": "F"}, ("F",), ("F",)),
        (
            {"first_mes": "F", "alternate_greetings": ["A", "B"], "group_only_greetings": ["G", "H"]},
            ("F", "A", "B"),
            ("G", "H", "F", "A", "B"),
        ),
        ({"first_mes": " ", "alternate_greetings": ["", None, "A"]}, ("A",), ("A",)),
        ({"group_only_greetings": ["G"]}, (), ("G",)),
    ],
)
def test_greetings_come_in_order_a_groups_own_first(
    fields: dict[str, object], direct: tuple[str, ...], group: tuple[str, ...]
) -> None:
    found = card(**fields)
    assert (found.greetings(group=False), found.greetings(group=True)) == (direct, group)


@pytest.mark.parametrize(
    ("text", "examples"),
    [
        ("", ()),
        ("<START>", ()),
        ("<START>\n<START>\n \n", ()),
        ("{{user}}: Hi", ("{{user}}: Hi",)),
        ("<START>\nA\nB\n<START>\nC\n", ("A\nB", "C")),
        ("A<start>B<Start>\n\nC", ("A", "B", "C")),
        ("<START>\r\nA\r\n", ("A",)),
        ("A <STARTED> B", ("A <STARTED> B",)),
    ],
)
def test_example_dialogues_are_split_at_their_starts(text: str, examples: tuple[str, ...]) -> None:
    assert card(mes_example=text).examples == examples


def test_the_original_is_not_shown_with_the_card() -> None:
    assert "zzz" not in repr(card(zzz="zzz"))


ANY_TEXT = st.text(st.characters(), max_size=8)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
ANY_CARD = st.dictionaries(st.sampled_from([*Card.model_fields, "spec", "data"]), ANY_JSON | ANY_TEXT)


@settings(deadline=None)
@given(ANY_JSON | ANY_CARD | st.builds(lambda data: {"spec": "chara_card_v3", "data": data}, ANY_CARD))
def test_any_json_gives_a_clean_card_or_a_reason(value: object) -> None:
    try:
        found = read_card(json.dumps(value))
    except UserError:
        return
    assert "\x00" not in found.model_dump_json()
    assert found.called.strip()
    assert all(text.strip() for text in (*found.examples, *found.greetings(group=True)))
