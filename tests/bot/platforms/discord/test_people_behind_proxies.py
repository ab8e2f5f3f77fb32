"""People who speak through PluralKit, Tupperbox or a bridge: another application says their words anew."""

import asyncio

import pytest

from tests.fixtures.discord_bot import DiscordStage

PLURALKIT, BRIDGE = 466378653216014359, 77
JUMP = "https://discord.com/channels/{guild}/{channel}/{message}"


async def test_a_proxied_message_is_answered_as_a_persons(stage: DiscordStage) -> None:
    """Sn0wCrack/saucybot-discord#39, UnifierHQ/unifier#192, aronson/discord-irc#52."""
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    first = stage.fake.say(stage.quay, stage.ana, "a: Mara, tea?")
    stage.fake.proxy(webhook, "A", "Mara, tea?", instead=first)
    await stage.says("Answer 1.")
    await stage.fake.until(lambda: first.deleted)
    await stage.remembered(2)
    assert (await stage.history())[-2:] == ["A: Mara, tea?", "Mara: Answer 1."]


async def test_the_first_copy_is_not_answered_where_a_proxy_has_spoken(stage: DiscordStage) -> None:
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    stage.fake.proxy(webhook, "A", "Good evening.")
    for number in range(1, 4):
        first = stage.fake.say(stage.quay, stage.ana, f"a: Mara, tea {number}?")
        await asyncio.sleep(0.1)
        stage.fake.proxy(webhook, "A", f"Mara, tea {number}?", instead=first)
        await stage.says(f"Answer {number}.")
    shown = [message.content for message in stage.fake.messages if message.author.name == "Mara"]
    assert shown == ["Answer 1.", "Answer 2.", "Answer 3."]
    assert all("a: Mara" not in prompt for prompt in stage.engine.prompts()[1:])


async def test_the_first_copy_is_not_answered_where_a_proxy_spoke_before_a_restart(
    stage: DiscordStage,
) -> None:
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    stage.fake.proxy(webhook, "A", "Good evening.")
    await stage.remembered(1)
    await stage.stop()
    await stage.start()
    first = stage.fake.say(stage.quay, stage.ana, "a: Mara, tea?")
    await asyncio.sleep(0.1)
    stage.fake.proxy(webhook, "A", "Mara, tea?", instead=first)
    await stage.says("Answer 1.")
    assert len(stage.engine.requests) == 1


@pytest.mark.parametrize("again", [False, True])
async def test_a_copy_whose_first_copy_was_answered_is_not_answered(stage: DiscordStage, again: bool) -> None:
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    first = stage.fake.say(stage.quay, stage.ana, "a: Mara, tea?")
    await stage.says("Answer 1.")
    if again:
        await stage.stop()
    stage.fake.proxy(webhook, "A", "Mara, tea?", instead=first)
    if again:
        await stage.start()
    while "A: Mara, tea?" not in await stage.history():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await stage.idle()
    assert len(stage.engine.requests) == 1
    stage.fake.proxy(webhook, "A", "Mara, and milk?")
    await stage.says("Answer 2.")


async def test_a_person_behind_a_proxy_is_no_bot_that_talks_too_long(stage: DiscordStage) -> None:
    await stage.memory.set_setting(str(stage.place()), "bots", "on")
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    for number in range(1, 12):
        stage.fake.proxy(webhook, "A", f"Mara, tea {number}?")
        await stage.says(f"Answer {number}.")


async def test_two_people_behind_one_webhook_are_two_people(stage: DiscordStage) -> None:
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    stage.fake.proxy(webhook, "A", "I like tea.")
    stage.fake.proxy(webhook, "B", "Mara, and you?")
    await stage.says("Answer 1.")
    assert "A: I like tea.\nB: Mara, and you?<" in stage.engine.prompts()[0]
    await stage.memory.erase_author(f"{webhook.id}:A")
    assert await stage.history() == ["B: Mara, and you?", "Mara: Answer 1."]


async def test_a_proxied_reply_names_the_message_by_its_address(stage: DiscordStage) -> None:
    stage.call("Tea?")
    await stage.says("Answer 1.")
    answer = [*stage.quay.messages.values()][-1]
    link = JUMP.format(guild=stage.guild.id, channel=stage.quay.id, message=answer.id)
    webhook = stage.fake.webhook(stage.quay, "PluralKit", application=PLURALKIT)
    embed = {
        "type": "rich",
        "author": {"name": "Mara ↩️"},
        "description": f"[**Reply to:**]({link}) Answer 1.",
    }
    stage.fake.proxy(webhook, "A", "with milk", more={"embeds": [embed]})
    await stage.says("Answer 2.")


@pytest.mark.parametrize("known", [True, False])
async def test_a_bridge_is_people_where_its_webhook_or_application_is_named(
    stage: DiscordStage, known: bool
) -> None:
    webhook = stage.fake.webhook(stage.quay, "Bridge", application=BRIDGE)
    plain = stage.fake.webhook(stage.quay, "Other bridge")
    await stage.stop()
    stage.proxies = (str(BRIDGE), str(plain.id)) if known else ()
    await stage.start()
    stage.fake.proxy(webhook, "A", "Mara, tea?")
    stage.fake.proxy(plain, "B", "Mara, milk?")
    await stage.remembered(4 if known else 2)
    await stage.idle()
    assert len(stage.engine.requests) == (2 if known else 0)
