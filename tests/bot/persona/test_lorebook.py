"""Lorebooks as programs write them: in a card, beside it, with decorators, with expressions as keys."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from bot.persona.lore_keys import literal_keys
from bot.persona.lorebook import MAX_ENTRIES, MAX_KEYS, DepthPrompt, Lorebook, LoreEntry
from bot.persona.lorebook_reader import read_lorebook
from bot.persona.persona import load_persona
from tests.bot.persona.persona_folder import CARD, complaint, folder
from tests.bot.persona.test_card import ANY_JSON, card

TEXT = "Harrow is a sunken village."
V2_ENTRY = {"keys": ["Harrow"], "content": TEXT, "enabled": True, "insertion_order": 1, "extensions": {}}
ENTRY = LoreEntry(TEXT, ("Harrow",), order=1)


def one(**fields: object) -> LoreEntry:
    """The only entry of a book with an entry of these fields."""
    (entry,) = read_lorebook({"entries": [{**V2_ENTRY, **fields}]}).entries
    return entry


@pytest.mark.parametrize(
    "book",
    [
        {"entries": [V2_ENTRY]},
        {"name": "b", "extensions": {}, "entries": {"0": V2_ENTRY}},
        [V2_ENTRY],
        {"entries": {"7": {"uid": 7, "key": ["Harrow"], "keysecondary": [], "content": TEXT, "order": 1}}},
        {"entries": [{"key": ["Harrow"], "content": TEXT, "order": 1, "disable": False, "selective": True}]},
        {
            "kind": "memory",
            "entries": [{"keywords": ["Harrow"], "entry": TEXT, "weight": 1, "enabled": True}],
        },
        {"lorebookVersion": 5, "entries": [{"keys": ["Harrow"], "text": TEXT, "insertion_order": 1}]},
        {"type": "risu", "ver": 1, "data": [{"key": "Harrow", "content": TEXT, "insertorder": 1}]},
        {"spec": "lorebook_v3", "data": {"entries": [V2_ENTRY]}},
        {
            "entries": [
                {**V2_ENTRY, "extensions": None, "name": 5, "id": "x", "comment": None, "position": None}
            ]
        },
    ],
    ids=range(10),
)
def test_a_book_of_any_program_is_read(book: Any) -> None:
    """rikkahub/rikkahub#879"""
    assert read_lorebook(book) == Lorebook((ENTRY,))


@pytest.mark.parametrize(
    "book", [None, [], {}, "", 5, True, {"entries": None}, {"entries": 5}, {"entries": {}}]
)
def test_what_holds_no_entries_is_an_empty_book(book: object) -> None:
    assert read_lorebook(book) == Lorebook()
    assert card(character_book=book).lorebook == Lorebook()


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"constant": True, "keys": []}, {"constant": True, "keys": ()}),
        ({"keys": "Harrow, the deep ,"}, {"keys": ("Harrow", "the deep")}),
        ({"keys": [" Harrow\n", 5, "", "Harrow"]}, {}),
        ({"secondary_keys": ["sea"], "selective": True}, {"secondary": ("sea",)}),
        ({"secondary_keys": ["sea"], "selective": False}, {}),
        (
            {"secondary_keys": ["sea"], "selective": True, "extensions": {"selectiveLogic": 3}},
            {"secondary": ("sea",), "logic": "all"},
        ),
        ({"case_sensitive": True}, {"case_sensitive": True}),
        (
            {"extensions": {"case_sensitive": True, "match_whole_words": False}},
            {"case_sensitive": True, "whole_words": False},
        ),
        ({"position": "after_char"}, {"after_card": True}),
        ({"position": "before_char", "extensions": {"position": 1}}, {"after_card": True}),
        (
            {"position": "after_char", "extensions": {"position": 4, "depth": 2, "role": 1}},
            {"depth": 2, "role": "user"},
        ),
        ({"position": 4}, {"depth": 4}),
        ({"priority": 10, "insertion_order": 3.5}, {"priority": 10.0, "order": 3.5}),
        ({"insertion_order": "x", "priority": True}, {"order": 100}),
        ({"scan_depth": 2}, {"scan_depth": 2}),
        ({"extensions": {"scan_depth": 10**9}}, {"scan_depth": 100}),
        ({"content": f"@@depth 3\n@@role assistant\n{TEXT}"}, {"depth": 3, "role": "assistant"}),
        ({"content": f"@@unknown\n@@@scan_depth 7\n{TEXT}"}, {"scan_depth": 7}),
        ({"content": f"@@scan_depth 9\n@@@scan_depth 7\n\n{TEXT}"}, {"scan_depth": 9}),
        ({"content": f"@@constant\n@@position before_desc\n{TEXT}"}, {"constant": True}),
        (
            {"content": f"@@additional_keys sea, tide\n@@exclude_keys map\n{TEXT}"},
            {"secondary": ("sea", "tide"), "excluded": ("map",)},
        ),
        ({"content": f"@@activate_only_after x\n@@\n{TEXT}"}, {}),
    ],
)
def test_an_entrys_fields_and_decorators_say_how_it_is_used(
    fields: dict[str, Any], changed: dict[str, Any]
) -> None:
    expected = {field: getattr(ENTRY, field) for field in LoreEntry.__slots__} | changed
    assert one(**fields) == LoreEntry(**expected)


def test_a_book_says_how_its_entries_are_found_and_what_they_may_cost() -> None:
    book = {"scan_depth": 2, "token_budget": 300, "recursive_scanning": True}
    entries = [V2_ENTRY, {**V2_ENTRY, "scan_depth": 9, "extensions": {"exclude_recursion": True}}]
    found = read_lorebook({**book, "entries": entries})
    assert found.token_budget == 300
    assert [(entry.scan_depth, entry.recursive) for entry in found.entries] == [(2, True), (9, False)]


def test_entries_come_in_their_order() -> None:
    entries = [{**V2_ENTRY, "content": str(order), "insertion_order": order} for order in (3, -1, 2)]
    assert [entry.content for entry in read_lorebook({"entries": entries}).entries] == ["-1", "2", "3"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("text", "no entries"),
        ({**V2_ENTRY, "content": " "}, "no content"),
        ({**V2_ENTRY, "content": None}, "no content"),
        ({**V2_ENTRY, "content": "@@depth 2"}, "no content"),
        ({**V2_ENTRY, "content": "x" * 100_001}, "too long"),
        ({**V2_ENTRY, "enabled": False}, "switched off"),
        ({**V2_ENTRY, "disable": True}, "switched off"),
        ({**V2_ENTRY, "content": f"@@dont_activate\n{TEXT}"}, "switched off"),
        ({**V2_ENTRY, "keys": []}, "no keys"),
        ({**V2_ENTRY, "keys": ["x" * 101]}, "no keys"),
        ({**V2_ENTRY, "keys": ["(a+)+$"], "use_regex": True}, "regular expressions as keys"),
        ({**V2_ENTRY, "keys": ["/har{2}ow/i"]}, "regular expressions as keys"),
    ],
)
def test_an_unusable_entry_is_left_out_with_the_reason(entry: object, reason: str) -> None:
    assert read_lorebook({"entries": [entry, V2_ENTRY]}) == Lorebook((ENTRY,), left_out=(reason,))


@pytest.mark.parametrize(
    ("keys", "is_regex", "plain", "refused"),
    [
        (["/harrow/i"], False, ("harrow",), False),
        ([r"/\b(?:harrow|the  deep)\b/gi"], False, ("harrow", "the deep"), False),
        (["harrow|sea"], True, ("harrow", "sea"), False),
        (["harrow|sea", "^tide$"], False, ("harrow|sea", "^tide$"), False),
        (["^tide$"], True, ("tide",), False),
        (["a.c", "sea"], True, ("sea",), True),
        (["a|"], True, (), True),
        (["/dev/null", "1/2"], False, ("/dev/null", "1/2"), False),
        (["(a+)+b"], True, (), True),
    ],
)
def test_words_are_taken_out_of_expressions_and_no_expression_is_run(
    keys: list[str], is_regex: bool, plain: tuple[str, ...], refused: bool
) -> None:
    assert literal_keys(keys, is_regex) == (plain, refused)


def test_a_book_is_bounded() -> None:
    many = read_lorebook({"entries": [V2_ENTRY] * (MAX_ENTRIES + 3)})
    assert (len(many.entries), many.left_out) == (MAX_ENTRIES, ("too many entries",) * 3)
    wide = read_lorebook({"entries": [{**V2_ENTRY, "keys": [f"k{n}" for n in range(MAX_KEYS)]}, V2_ENTRY]})
    assert (len(wide.entries), wide.left_out) == (1, ("too many keys",))


@settings(deadline=None)
@given(ANY_JSON)
def test_any_json_is_a_book(value: object) -> None:
    for book in (
        value,
        {"entries": value},
        {"entries": [value]},
        {"entries": [{"content": "x", "keys": value}]},
    ):
        assert str(read_lorebook(json.loads(json.dumps(book))))


@pytest.mark.parametrize(
    ("extensions", "prompt"),
    [
        (
            {"depth_prompt": {"prompt": "Rhyme.", "depth": 2, "role": "user"}},
            DepthPrompt("Rhyme.", 2, "user"),
        ),
        ({"depth_prompt": {"prompt": "Rhyme."}}, DepthPrompt("Rhyme.", 4, "system")),
        ({"depth_prompt": {"prompt": "Rhyme.", "depth": "3", "role": "?"}}, DepthPrompt("Rhyme.", 3)),
        ({"depth_prompt": {"prompt": "Rhyme.", "depth": -1, "role": None}}, DepthPrompt("Rhyme.")),
        ({"depth_prompt": {"prompt": "Rhyme.", "depth": 0}}, DepthPrompt("Rhyme.", 0)),
        ({"depth_prompt": "Rhyme."}, DepthPrompt("Rhyme.")),
        ({"depth_prompt": {"prompt": "R\x00\ud800."}}, DepthPrompt("R\ufffd.")),
        ({"depth_prompt": {"prompt": " ", "depth": 4}}, None),
        ({"depth_prompt": {"prompt": 5}}, None),
        ({"depth_prompt": None}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_prompt_at_a_depth_is_read_from_the_extensions(
    extensions: object, prompt: DepthPrompt | None
) -> None:
    """rikkahub/rikkahub#879"""
    assert card(extensions=extensions).depth_prompt == prompt


def test_a_file_beside_the_card_adds_its_entries(tmp_path: Path) -> None:
    other = {**V2_ENTRY, "content": "b", "insertion_order": 0}
    text = json.dumps({"name": "M", "character_book": {"entries": [V2_ENTRY], "token_budget": 100}})
    path = folder(tmp_path, card=text)
    (path / "lorebook.json").write_text(json.dumps({"entries": {"0": other}, "tokenBudget": 50}))
    lore = load_persona(path).lore
    assert (lore.entries, lore.token_budget) == ((LoreEntry("b", ("Harrow",), order=0), ENTRY), 150)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "it is not valid JSON (line 1, column 2: a key in double quotes is missing)"),
        ("[]", "it is not a JSON object"),
        ("{}", "it has no list or object `entries`: write one, or delete the file"),
        ('{"entries": "Harrow"}', "it has no list or object `entries`"),
        ('{"entries": null, "name": "x"}', "it has no list or object `entries`"),
        ("[" * 200_001, "it has more than 200,000 values"),
    ],
)
def test_a_broken_file_beside_the_card_is_named(content: str, said: str, tmp_path: Path) -> None:
    path = folder(tmp_path, card=CARD)
    (path / "lorebook.json").write_text(content)
    said = f"the lorebook {Path('<folder>') / 'lorebook.json'} cannot be used: {said}"
    assert complaint(path).startswith(said)


def test_a_persona_names_the_entries_that_are_left_out(tmp_path: Path) -> None:
    entries = [V2_ENTRY, {**V2_ENTRY, "constant": True}, "x", {**V2_ENTRY, "keys": ["/a+/"]}]
    path = folder(tmp_path, card=json.dumps({"name": "M", "tags": 5, "character_book": {"entries": entries}}))
    assert load_persona(path).warning == (
        "fields of the wrong type: tags left out; lorebook: 2 entries, 1 of them constant; 2 left out: "
        "no entries (1), regular expressions as keys (1)"
    )
