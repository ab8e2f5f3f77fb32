"""Faces of personas on Discord: everybody's own, also through a shared webhook, and the newest picture."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.persona.card import Card
from bot.persona.persona import Cast, Persona
from bot.platforms.discord.webhook_pictures import default_picture
from tests.conftest import MARA, OZZO
from tests.fakes.discord_server import Message, answer
from tests.fixtures.discord_bot import DiscordStage, staged

PIXEL, OTHER = b"\x89PNG\r\n\x1a\n" + bytes(32), b"\x89PNG\r\n\x1a\n" + bytes(64)
WEB = "https://pictures.example/a.png"


async def ask(stage: DiscordStage, text: str = "Mara?") -> Message:
    """Send a message to the bot and return the answer."""
    count = len(stage.engine.requests)
    stage.call(text)
    await stage.fake.until(lambda: len(stage.engine.requests) > count)
    await stage.idle()
    return list(stage.quay.messages.values())[-1]


def webhooks(stage: DiscordStage) -> dict[str, str | None]:
    return {hook.name: hook.avatar for hook in stage.fake.platform.webhooks.values()}


def crowd(urls: list[str]) -> dict[str, Persona]:
    return {
        f"p{n}": Persona(f"p{n}", Card(name=f"Person{n}x", description="x"), avatar_url=url)
        for n, url in enumerate(urls)
    }


async def test_a_shared_webhook_always_sends_a_picture(tmp_path: Path) -> None:
    """discord/discord-api-docs#7743: of three who share, one has an address and two have no picture."""
    async with staged(tmp_path) as stage:
        people = crowd([""] * 14 + [WEB, "", ""])
        stage.cast = Cast(people, {})
        await stage.start()
        for persona in [*people.values(), people["p14"], people["p15"]]:
            assert (await ask(stage, f"{persona.name}?")).author.name == persona.name
        assert list(webhooks(stage)) == [*(f"Person{n}x" for n in range(14)), "Personas"]
        faces = [m.author.avatar_url for m in stage.quay.messages.values() if m.webhook]
        own = [default_picture(people[f"p{n}"]) for n in range(17)]
        assert faces == [*own[:14], WEB, *own[15:], WEB, own[15]]
        assert own[15].startswith("https://cdn.discordapp.com/embed/avatars/")


async def test_a_webhook_that_is_lent_to_others_always_sends_a_picture(tmp_path: Path) -> None:
    """discord/discord-api-docs#7743: others took 14 webhooks, so that one persona's own is lent."""
    async with staged(tmp_path) as stage:
        for number in range(14):
            stage.fake.webhook(stage.quay, f"gull {number}")
        people = crowd(["", WEB])
        stage.cast = Cast(people, {})
        await stage.start()
        for name in ("Person0x", "Person1x", "Person0x"):
            assert (await ask(stage, f"{name}?")).author.name == name
        faces = [m.author.avatar_url for m in stage.quay.messages.values() if m.webhook]
        assert faces == [default_picture(people["p0"]), WEB, default_picture(people["p0"])]


async def test_a_persona_with_an_address_alone_shows_it_through_a_webhook_of_its_own(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.cast = Cast({"mara": replace(MARA, avatar_url=WEB)}, {})
        await stage.start()
        assert (await ask(stage)).author.avatar_url == WEB


@pytest.mark.parametrize("first", [PIXEL, None])
async def test_a_picture_that_changed_while_the_bot_was_away_reaches_its_webhook_once(
    tmp_path: Path, first: bytes | None
) -> None:
    async with staged(tmp_path) as stage:
        picture = tmp_path / "face.png"
        picture.write_bytes(first or PIXEL)
        stage.cast = Cast({"mara": replace(MARA, avatar=picture if first else None)}, {})
        await stage.start()
        await ask(stage)
        before = webhooks(stage)["Mara"]
        await stage.stop()
        picture.write_bytes(OTHER)
        stage.cast = Cast({"mara": replace(MARA, avatar=picture)}, {})
        await stage.start()
        await ask(stage)
        assert webhooks(stage)["Mara"] not in (before, None)
        await ask(stage)
        assert len(stage.fake.sent("PATCH /webhooks/*/*")) - len(stage.fake.sent("PATCH */messages/*")) == 1
        await stage.stop()
        await stage.start()
        await ask(stage)
        assert len(stage.fake.sent("PATCH /webhooks/*/*")) - len(stage.fake.sent("PATCH */messages/*")) == 1


async def test_a_picture_that_changed_reaches_its_webhook_after_a_reload_and_one_that_is_gone_goes(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        picture = tmp_path / "face.png"
        picture.write_bytes(PIXEL)
        stage.cast = Cast({"mara": replace(MARA, avatar=picture)}, {})
        await stage.start()
        await ask(stage)
        before = webhooks(stage)["Mara"]
        picture.write_bytes(OTHER)
        stage.chat._resources.cast = Cast({"mara": replace(MARA, avatar=picture)}, {})
        await ask(stage)
        assert webhooks(stage)["Mara"] not in (before, None)
        stage.chat._resources.cast = Cast({"mara": MARA}, {})
        await ask(stage)
        assert webhooks(stage) == {"Mara": None}


async def test_a_changed_picture_that_discord_refuses_is_not_sent_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        picture = tmp_path / "face.png"
        picture.write_bytes(PIXEL)
        stage.cast = Cast({"mara": MARA}, {})
        await stage.start()
        await ask(stage)
        stage.chat._resources.cast = Cast({"mara": replace(MARA, avatar=picture)}, {})
        refused = {"message": "Invalid Form Body", "code": 50035}
        stage.fake.faults.script("PATCH /webhooks/*", answer(400, refused))
        for _ in range(2):
            assert (await ask(stage)).author.name == "Mara"
        assert len(stage.fake.sent("PATCH /webhooks/*/*")) == 1


async def test_webhooks_of_personas_that_are_gone_are_reused(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        for name in ("Mara", "Ozzo"):
            await ask(stage, f"{name}?")
        await stage.stop()
        picture = tmp_path / "face.png"
        picture.write_bytes(PIXEL)
        lena = Persona("lena", Card(name="Lena", description="x"), avatar=picture)
        stage.cast = Cast({"lena": lena, "ozzo": OZZO}, {})
        await stage.start()
        assert (await ask(stage, "Lena?")).author.name == "Lena"
        assert [(name, bool(picture)) for name, picture in webhooks(stage).items()] == [
            ("Lena", True),
            ("Ozzo", False),
        ]
        assert len(stage.fake.sent("POST /channels/*/webhooks")) == 2
        assert {m.author.name for m in stage.quay.messages.values() if m.webhook} == {"Mara", "Ozzo", "Lena"}


async def test_a_webhook_that_cannot_be_reused_leaves_a_new_one(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await ask(stage)
        await stage.stop()
        stage.cast = Cast({"lena": Persona("lena", Card(name="Lena", description="x"))}, {})
        await stage.start()
        stage.fake.faults.script("PATCH /webhooks/*", answer(404, {"message": "Unknown", "code": 10015}))
        assert (await ask(stage, "Lena?")).author.name == "Lena"
        assert list(webhooks(stage)) == ["Mara", "Lena"]


async def test_a_webhook_whose_token_is_no_longer_valid_is_looked_for_again(stage: DiscordStage) -> None:
    await ask(stage)
    (hook,) = stage.fake.platform.webhooks.values()
    hook.token = "another" * 9
    assert (await ask(stage)).author.name == "Mara"
    assert len(stage.fake.platform.webhooks) == 1


async def test_a_reused_webhook_shows_nothing_of_the_persona_before(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        picture = tmp_path / "face.png"
        picture.write_bytes(PIXEL)
        stage.cast = Cast({"mara": replace(MARA, avatar=picture)}, {})
        await stage.start()
        await ask(stage)
        (hook,) = stage.fake.platform.webhooks.values()
        await stage.memory.set_platform_state(
            stage.bot._webhooks._upkeep._pictures._scope, str(hook.id), None
        )
        await stage.stop()
        stage.cast = Cast({"ozzo": OZZO}, {})
        await stage.start()
        assert (await ask(stage, "Ozzo?")).author.name == "Ozzo"
        assert webhooks(stage) == {"Ozzo": None}


async def test_a_persona_for_whom_no_webhook_can_be_made_speaks_through_another(stage: DiscordStage) -> None:
    await ask(stage)
    stage.fake.permit(stage.quay, stage.fake.bot, "manage_webhooks")
    refused = {"message": "Missing Permissions", "code": 50013}
    stage.fake.faults.script("POST /channels/*/webhooks", *[answer(403, refused)] * 9)
    message = await ask(stage, "Ozzo?")
    assert (message.author.name, message.author.avatar_url) == ("Ozzo", default_picture(OZZO))
    assert list(webhooks(stage)) == ["Mara"]
