"""Cards as people have them: wrong types where no prompt needs them, other programs' fields, pictures."""

import base64
import json
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from bot.persona.card import Card, read_card
from bot.persona.card_file import decode_card
from bot.persona.persona import load_persona
from tests.bot.persona.persona_folder import complaint, folder
from tests.bot.persona.test_card import V1, V2, V3, card

LEFT_OUT = "fields of the wrong type: {} left out"
READ = "fields of the wrong type: {} read where plain"


@pytest.mark.parametrize(
    ("field", "value", "right", "warning"),
    [
        ("alternate_greetings", "1687194031049", (), LEFT_OUT),
        ("alternate_greetings", 1687194031049, (), LEFT_OUT),
        ("alternate_greetings", "Hello.", ("Hello.",), READ),
        ("alternate_greetings", ["A", 5, None, "B"], ("A", "", "B"), READ),
        ("alternate_greetings", {"0": "A", "1": "B"}, ("A", "B"), READ),
        ("alternate_greetings", [{"a": 1}], (), LEFT_OUT),
        ("group_only_greetings", True, (), LEFT_OUT),
        ("tags", "elf, fantasy", ("elf", "fantasy"), READ),
        ("tags", ["elf", 5], ("elf", "5"), READ),
        ("tags", 7, (), LEFT_OUT),
        ("creator_notes", 5, "5", READ),
        ("creator_notes", {"en": "x"}, "", LEFT_OUT),
        ("nickname", ["x"], "", LEFT_OUT),
        ("system_prompt", ["x"], "", LEFT_OUT),
        ("post_history_instructions", {"a": 1}, "", LEFT_OUT),
        ("personality", 3, "3", READ),
        ("mes_example", ["{{char}}: a", "{{char}}: b"], "{{char}}: a\n<START>\n{{char}}: b", READ),
        ("description", [], "", ""),
        ("scenario", False, "", ""),
        ("tags", None, (), ""),
        ("tags", "", (), ""),
        ("tags", {}, (), ""),
        ("extensions", None, None, ""),
        ("extensions", "none", None, LEFT_OUT),
        ("character_book", "none", None, LEFT_OUT),
        ("character_book", None, None, ""),
    ],
)
def test_an_optional_field_of_another_type_refuses_no_card(
    field: str, value: object, right: object, warning: str
) -> None:
    """SrJuggernaut/character-tools#17, #36, #25"""
    found = read_card(
        json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": {**V1, field: value}})
    )
    assert found.warning == warning.format(field)
    assert right is None or getattr(found, field) == right


def test_one_warning_names_all_fields_of_another_type() -> None:
    assert card(tags=5, nickname=[1], creator_notes=5, alternate_greetings="a").warning == (
        "fields of the wrong type: nickname, tags left out; creator_notes, alternate_greetings "
        "read where plain"
    )


@pytest.mark.parametrize(
    "original",
    [
        {**V2, "spec": 5, "spec_version": None},
        {**V2, "spec": "tavern"},
        {**V1, "spec": "chara_card_v2"},
        {**V1, "data": None},
        {"name": "Old", **V2},
        {**V1, "spec": "chara_card_v2", "data": {"tags": ["t"], "name": None}},
        {**V1, "avatar": "none", "chat": 5, "create_date": {}, "extensions": [], "metadata": 1},
        {
            "char_name": V1["name"],
            "char_persona": V1["description"],
            "personality": V1["personality"],
            "world_scenario": V1["scenario"],
            "char_greeting": V1["first_mes"],
            "example_dialogue": V1["mes_example"],
        },
        {"character": {**V1, "first_mes": "", "greeting": V1["first_mes"]}},
        {
            "kind": "character",
            "name": V1["name"],
            "description": "For the shop window",
            "persona": {"kind": "text", "attributes": {"text": [V1["description"]]}},
            "personality": V1["personality"],
            "scenario": V1["scenario"],
            "greeting": V1["first_mes"],
            "sampleChat": V1["mes_example"],
        },
    ],
    ids=range(10),
)
def test_other_layouts_give_the_same_character(original: dict[str, Any]) -> None:
    found = read_card(json.dumps(original))
    assert {field: getattr(found, field) for field in V1} == V1


def test_agnais_attributes_become_lines() -> None:
    persona = {"kind": "boostyle", "attributes": {"species": ["elf"], "likes": ["tea", "rain"]}}
    assert card(persona=persona, description="shop").description == "species: elf\nlikes: tea, rain"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed(keyword: str, value: dict[str, Any], before: bytes = b"") -> bytes:
    text = base64.b64encode(before + json.dumps(value, ensure_ascii=False).encode())
    return chunk(b"tEXt", keyword.encode() + b"\x00" + text)


def picture(*chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\x00\x00"))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


OTHER = {**V1, "name": "Another"}
NO_CARD = "it is a picture without a card: export the character as PNG or JSON"


@pytest.mark.parametrize(
    "content",
    [
        picture(packed("chara", V2)),
        picture(packed("Chara", V1)),
        picture(packed("ccv3", V3)),
        picture(packed("chara", OTHER), packed("ccv3", V3)),
        picture(packed("ccv3", V3), packed("chara", OTHER)),
        picture(packed("comment", OTHER), packed("chara", V2)),
        picture(packed("chara", V2), packed("chara", OTHER)),
        picture(packed("chara", V2, b"\xef\xbb\xbf")),
        picture(packed("chara", V2).replace(b"=", b"\n")),
        json.dumps(V2).encode("utf-16"),
        json.dumps(V2).encode("utf-8-sig"),
    ],
    ids=range(11),
)
def test_a_card_is_read_from_a_picture_and_from_json_in_any_encoding(content: bytes, tmp_path: Path) -> None:
    found = load_persona(folder(tmp_path, card=content)).card
    assert {field: getattr(found, field) for field in V1} == V1


def test_a_picture_is_card_and_avatar_where_there_is_no_json(tmp_path: Path) -> None:
    path = folder(tmp_path, card=None)
    (path / "card.png").write_bytes(picture(packed("chara", V2)))
    persona = load_persona(path)
    assert (persona.card.name, persona.avatar) == ("Mara Quill", path / "card.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (picture(), NO_CARD),
        (
            picture(packed("comment", V1)),
            NO_CARD,
        ),
        (
            picture()[:20] + b"\xff" * 20,
            NO_CARD,
        ),
        (b"\xff\xd8\xff\xe0 jpeg", NO_CARD),
        (
            picture(chunk(b"tEXt", b"chara\x00abcde")),
            "the card in the picture is damaged: export the character again",
        ),
        (
            picture(chunk(b"tEXt", b"chara\x00" + base64.b64encode(b"\xff\xfe\xfd"))),
            "the card in the picture is damaged: export the character again",
        ),
        (b"PK\x03\x04", "it is an archive (.charx): export the character as PNG or JSON"),
    ],
    ids=range(7),
)
def test_a_file_without_a_card_is_refused_with_the_remedy(content: bytes, said: str, tmp_path: Path) -> None:
    path = folder(tmp_path, card=content)
    assert complaint(path) == f"the card {Path('<folder>') / 'card.json'} cannot be used: {said}"


def test_a_picture_that_was_cut_gives_its_card_or_a_reason() -> None:
    content = picture(packed("chara", V2))
    for end in range(8, len(content), 7):
        with suppress(UserError):
            assert json.loads(decode_card(content[:end])) == V2


def test_a_card_made_in_code_has_no_warning() -> None:
    assert (Card(name="M").warning, card().warning) == ("", "")
