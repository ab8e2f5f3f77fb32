"""Answers on Discord mention nobody."""

from pathlib import Path

import pytest

from bot.chat.proactive import post, regenerate
from bot.message import Author
from bot.persona.card import Card
from bot.persona.persona import Persona
from tests.fakes.discord_server import permissions
from tests.fixtures.discord_bot import DiscordStage, staged
from tests.fixtures.discord_outlet import outgoing, outlet, send_question, sent_texts

ADMIN = permissions("manage_guild")
PINGS = ["@everyone", "@here", "<@{user}>", "<@&{role}>", "`@everyone`", "```\n@everyone <@{user}>\n```"]


@pytest.mark.parametrize(
    "path", ["webhook", "shown", "account", "direct", "split", "post", "notice", "again", "command"]
)
async def test_nothing_that_a_model_writes_pings_anybody(stage: DiscordStage, path: str) -> None:
    role = stage.fake.role(stage.guild, "deck", mentionable=True)
    text = " ".join(PINGS).format(user=stage.bo.id, role=role.id)
    channel = stage.fake.dm(stage.ana) if path == "direct" else stage.quay
    if path in ("account", "notice"):
        stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    if path == "split":
        text = " ".join([text] * 40)
    if path == "shown":
        stage.engine.delay = 0.02
    stage.engine.script.extend([text, text])
    if path == "command":
        stage.fake.slash(stage.quay, stage.ana, "persona", name=text[:1000], permissions=ADMIN)
    elif path == "post":
        await post(stage.chat, stage.memory, stage.place(), text)
    elif path == "notice":
        await outlet(stage).send(outgoing(stage, text, reply_to=str(stage.call("x").id)), None)
    else:
        send_question(stage, channel)
    await stage.fake.until(lambda: any("@everyone" in m.content for m in stage.fake.messages if m.author.bot))
    await stage.idle()
    if path == "again":
        await regenerate(stage.chat, stage.memory, stage.place(), Author("1", "ana"))
    pings = [message.pings for message in stage.fake.messages if message.author.bot]
    assert len(pings) >= 1
    assert set(pings) == {frozenset()}


async def test_a_name_that_would_ping_does_not(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.cast.personas["mara"] = Persona("mara", Card(name="@everyone <@1>", description="x"))
        await stage.start()
        chat = stage.fake.dm(stage.ana)
        for channel in (chat, stage.quay):
            send_question(stage, channel)
            await stage.fake.until(lambda channel=channel: len(sent_texts(channel)) == 1)  # type: ignore[misc]
        assert {m.pings for m in stage.fake.messages if m.author.bot} == {frozenset()}
