"""Personas are made and edited in their files; a change that would not load changes nothing."""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.bot.platforms.web.owner.conftest import Owner

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
WEBP = b"RIFF\x10\x00\x00\x00WEBP" + bytes(16)
JPEG = b"\xff\xd8\xff" + bytes(16)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def card(owner: Owner) -> Any:
    return json.loads((owner.mara / "card.json").read_text())


async def test_whole_and_broken_personas_are_listed(owner: Owner) -> None:
    (owner.settings.personas / "broken").mkdir()
    (owner.settings.personas / "broken/card.json").write_text("{")
    listed = await owner.post("reload")
    assert [(each["key"], each["name"], each["fault"]) for each in listed["personas"]] == [
        ("mara", "Mara", ""),
        ("ozzo", "Ozzo", ""),
    ]
    assert [each["key"] for each in listed["broken"]] == ["broken"]
    assert "is not valid JSON" in listed["broken"][0]["fault"]


async def test_a_new_persona_speaks_at_once(owner: Owner) -> None:
    made = await owner.post("personas", key="lin", name="Lin", description="Mends nets.")
    assert (made["name"], made["card"]["description"]) == ("Lin", "Mends nets.")
    assert "lin" in owner.chat.cast.personas


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("mara", "is taken by the persona 'mara'"),
        ("../up", "is no name for a persona's folder"),
        ("", "is no name for a persona's folder"),
        ("con", "is no name for a persona's folder"),
        ("-rf", "is no name for a persona's folder"),
    ],
)
async def test_a_name_that_no_folder_may_have_is_refused(owner: Owner, key: str, message: str) -> None:
    before = files(owner.settings.personas)
    status, answer = await owner.send("POST", "personas", {"key": key})
    assert status == 400
    assert message in answer["error"]["message"]
    assert files(owner.settings.personas) == before


async def test_an_edited_card_is_spoken_from_and_keeps_its_other_fields(owner: Owner) -> None:
    path = owner.mara / "card.json"
    whole = card(owner)
    whole["data"] |= {"extensions": {"mine": [1]}, "character_version": "7"}
    path.write_text(json.dumps(whole))
    await owner.chat.reload_personas("")
    status, saved = await owner.save("card", {"description": "Keeps two lights.", "tags": ["sea", ""]})
    assert (status, saved["card"]["description"], saved["card"]["tags"]) == (
        200,
        "Keeps two lights.",
        ["sea"],
    )
    assert owner.chat.cast.personas["mara"].card.description == "Keeps two lights."
    wanted = {**whole["data"], "description": "Keeps two lights.", "tags": ["sea"]}
    assert card(owner) == {**whole, "data": wanted}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "it has no name"),
        ({"first_mes": "x" * 10_001}, 'its field "first_mes" is wrong'),
        ({"description": ["a"]}, "there is no such field"),
        ({"spec": "x"}, "there is no such field"),
        ({"tags": ["x"] * 201}, 'its field "tags" is wrong'),
    ],
)
async def test_a_card_that_would_not_load_is_refused(
    owner: Owner, changes: dict[str, object], message: str
) -> None:
    before = files(owner.mara)
    status, answer = await owner.save("card", changes)
    assert status == 400
    assert message in answer["error"]["message"]
    assert files(owner.mara) == before


async def test_a_card_of_version_1_is_edited_in_its_own_layout(owner: Owner) -> None:
    (owner.mara / "card.json").write_text(json.dumps({"name": "Mara", "description": "Old.", "x": 1}))
    await owner.chat.reload_personas("")
    await owner.save("card", {"description": "New."})
    assert card(owner) == {"name": "Mara", "description": "New.", "x": 1}


async def test_a_card_in_a_picture_is_edited_beside_it(owner: Owner) -> None:
    text = base64.b64encode((owner.mara / "card.json").read_bytes())
    body = b"chara\x00" + text
    picture = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + b"tEXt" + body + bytes(4)
    (owner.mara / "card.json").unlink()
    (owner.mara / "card.png").write_bytes(picture)
    await owner.chat.reload_personas("")
    status, saved = await owner.save("card", {"personality": "Dry."})
    assert (status, saved["card_file"], saved["card"]["personality"]) == (200, "card.json", "Dry.")
    assert (owner.mara / "card.png").read_bytes() == picture


async def test_keys_are_changed_and_comments_stay(owner: Owner) -> None:
    before = (owner.mara / "persona.toml").read_text()
    keys = {"sampling.temperature": 0.5, "names": ["keeper"], "bursts": True, "training.rank": 8}
    status, _ = await owner.save("keys", keys)
    assert status == 200
    persona = owner.chat.cast.personas["mara"]
    assert (persona.sampling.temperature, persona.names, persona.bursts) == (0.5, ("keeper",), True)
    comments = [line for line in before.splitlines() if line.startswith("#")]
    after = (owner.mara / "persona.toml").read_text()
    assert [line for line in after.splitlines() if line.startswith("#")] == comments
    await owner.save("keys", dict.fromkeys(keys))
    assert owner.chat.cast.personas["mara"].sampling.temperature == 0.8
    assert (owner.mara / "persona.toml").read_text().split() == before.split()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"sampling.temperature": 9}, "sampling.temperature = 9 is wrong"),
        ({"sampling.min_tokens": 300}, "sampling.min_tokens"),
        ({"avatar": "../../etc/passwd"}, "is no key that can be set here"),
        ({"adapter": "/tmp"}, "is no key that can be set here"),
        ({"sampling": 1}, "is no key that can be set here"),
        ({"sampling.x": 1}, "is no key that can be set here"),
        ({"names": "x"}, "names = 'x' is wrong"),
        ({"avatar_url": "javascript:alert(1)"}, "avatar_url is not a public address"),
    ],
)
async def test_keys_that_would_not_load_are_refused(
    owner: Owner, keys: dict[str, object], message: str
) -> None:
    before = files(owner.mara)
    status, answer = await owner.save("keys", keys)
    assert status == 400
    assert message in answer["error"]["message"]
    assert files(owner.mara) == before


async def test_an_older_revision_is_refused(owner: Owner) -> None:
    revision = (await owner.persona())["revision"]
    await owner.save("card", {"personality": "Dry."})
    edit = {"revision": revision, "card": {"personality": "Wet."}}
    status, answer = await owner.send("PUT", "personas/mara/card", edit)
    assert (status, answer["error"]["code"]) == (409, "changed_meanwhile")
    assert owner.chat.cast.personas["mara"].card.personality == "Dry."


@pytest.mark.parametrize(
    ("content", "name"), [(PNG, "avatar.png"), (JPEG, "avatar.jpg"), (WEBP, "avatar.webp")]
)
async def test_a_picture_takes_the_place_of_the_one_before(owner: Owner, content: bytes, name: str) -> None:
    (owner.mara / "avatar.png").write_bytes(PNG + b"old")
    status, _ = await owner.upload("personas/mara/picture", content)
    assert status == 200
    assert {key: file for key, file in files(owner.mara).items() if key.startswith("avatar")} == {
        name: content
    }
    async with owner.client.get(f"{owner.root}/page/pictures/mara") as response:
        assert await response.read() == content


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GIF89a" + bytes(9), 400),
        (b"<svg onload='alert(1)'/>", 400),
        (b"", 400),
        (PNG + bytes(8 << 20), 413),
    ],
)
async def test_what_is_no_picture_is_refused(owner: Owner, content: bytes, status: int) -> None:
    before = files(owner.mara)
    assert (await owner.upload("personas/mara/picture", content))[0] == status
    assert files(owner.mara) == before


@pytest.mark.parametrize("key", ["nobody", "..", ".", "mara%2F..%2Fozzo"])
async def test_only_known_personas_are_shown(owner: Owner, key: str) -> None:
    async with owner.client.get(f"{owner.root}/page/owner/personas/{key}") as response:
        assert response.status == 404


async def test_all_routes_want_the_login(open_owner: Any) -> None:
    owner = await open_owner(key="secret")
    for method, path in [
        ("GET", "overview"),
        ("GET", "places"),
        ("POST", "reload"),
        ("PUT", "personas/mara/card"),
    ]:
        status, answer = await owner.send(method, path)
        assert (status, answer["error"]["code"]) == (401, "login_needed")


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Content-Type": "text/plain"}])
async def test_a_change_from_another_page_is_refused(owner: Owner, headers: dict[str, str]) -> None:
    status, _ = await owner.send("POST", "personas", {"key": "lin"}, headers=headers)
    assert status in (403, 415)
    assert "lin" not in files(owner.settings.personas)
