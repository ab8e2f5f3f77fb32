"""Behaviour of discord.py with commands, and the users that its messages ping."""

import asyncio
import json
from typing import Any

import pytest

from tests.fakes.discord_client import commanded, discord, running, text_channel
from tests.fakes.discord_server import Channel, DiscordServer, Interaction, User, permissions

EVERYBODY = "@everyone @here <@{user}> <@&{role}> `@everyone`"


async def test_a_late_answer_to_a_command_is_refused_as_unknown(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    fake.ack_window = 0.1
    caught: list[tuple[int, int]] = []

    async def late(interaction: discord.Interaction) -> None:
        await asyncio.sleep(0.2)
        try:
            await interaction.response.send_message("late")
        except discord.NotFound as error:
            caught.append((error.status, error.code))

    async with commanded(fake, late):
        fake.slash(quay, ana, "act")
        await fake.until(lambda: caught)
    assert caught == [(404, 10062)]


async def test_a_deferred_answer_may_be_late(fake: DiscordServer, quay: Channel, ana: User) -> None:
    fake.ack_window = 0.1

    async def deferred(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        await asyncio.sleep(0.2)
        await interaction.edit_original_response(content="in time")

    async with commanded(fake, deferred):
        call = fake.slash(quay, ana, "act")
        await fake.until(lambda: call.done)
    assert (call.text, call.ephemeral, quay.texts) == ("in time", True, [])


async def test_default_permissions_keep_nobody_out(fake: DiscordServer, quay: Channel, ana: User) -> None:
    seen: list[int] = []

    async def noted(interaction: discord.Interaction) -> None:
        seen.append(interaction.permissions.value)
        await interaction.response.send_message("done")

    async with commanded(fake, noted):
        fake.slash(quay, ana, "act", permissions=0)
        call = fake.slash(quay, ana, "act", permissions=permissions("manage_guild"))
        await fake.until(lambda: call.done)
    assert seen == [0, permissions("manage_guild")]


class Paths:
    """Every way in which discord.py sends or changes text; each gets one text in and out."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def send(self, told: discord.Message) -> None:
        await told.channel.send(self.text)

    async def send_with_file(self, told: discord.Message) -> None:
        await told.channel.send(self.text, file=discord.File(__file__, "note.txt"))

    async def send_layout(self, told: discord.Message) -> None:
        view = discord.ui.LayoutView()
        view.add_item(discord.ui.TextDisplay(self.text))
        await told.channel.send(view=view)

    async def reply(self, told: discord.Message) -> None:
        await told.reply(self.text)

    async def edit(self, told: discord.Message) -> None:
        message = await told.channel.send("first")
        await message.edit(content=self.text)

    async def partial_edit(self, told: discord.Message) -> None:
        message = await told.channel.send("first")
        channel = told.channel
        assert isinstance(channel, discord.TextChannel)
        await channel.get_partial_message(message.id).edit(content=self.text)

    async def webhook(self, told: discord.Message) -> None:
        channel = told.channel
        assert isinstance(channel, discord.TextChannel)
        webhook = await channel.create_webhook(name="gull")
        await webhook.send(self.text, username="Mara")

    async def webhook_edit(self, told: discord.Message) -> None:
        channel = told.channel
        assert isinstance(channel, discord.TextChannel)
        webhook = await channel.create_webhook(name="gull")
        message = await webhook.send("first", wait=True)
        await message.edit(content=self.text)

    async def callback(self, told: discord.Interaction) -> None:
        await told.response.send_message(self.text)

    async def original(self, told: discord.Interaction) -> None:
        await told.response.defer(thinking=True)
        await told.edit_original_response(content=self.text)

    async def followup(self, told: discord.Interaction) -> None:
        await told.response.send_message("first")
        await told.followup.send(self.text)


MESSAGE_PATHS = "send send_with_file send_layout reply edit partial_edit webhook webhook_edit".split()
CALL_PATHS = "callback original followup".split()
ONLY_PEOPLE = [*CALL_PATHS, "webhook", "webhook_edit"]
"""Calls for which Discord parses only users by default (discord-api-docs#7629)."""
SILENT = discord.AllowedMentions.none()


async def _pings(
    fake: DiscordServer, quay: Channel, ana: User, path: str, **options: Any
) -> tuple[list[Any], frozenset[str]]:
    """Return the allowed mentions of the requests with the text, and the users that they would ping."""
    assert quay.guild is not None
    role = fake.role(quay.guild, "crew", mentionable=True)
    text = EVERYBODY.format(user=ana.id, role=role.id)
    act = getattr(Paths(text), path)
    done = asyncio.Event()

    async def acted(told: Any) -> None:
        if isinstance(told, discord.Message) and told.content != "go":
            return
        await act(told)
        done.set()

    async with commanded(fake, acted, **options) as client:
        client.on_message = acted  # type: ignore[assignment]
        if path in CALL_PATHS:
            fake.slash(quay, ana, "act")
        else:
            fake.say(quay, ana, "go")
        await asyncio.wait_for(done.wait(), 5)
    written = [one.body for one in fake.requests if "@everyone" in json.dumps(one.body)]
    allowed = [(body.get("data") or body).get("allowed_mentions") for body in written]
    mine = [message.pings for message in fake.messages if message.author is not ana]
    return allowed, frozenset().union(*mine)


@pytest.mark.parametrize("path", [*MESSAGE_PATHS, *CALL_PATHS])
async def test_a_client_that_allows_no_mentions_pings_nobody(
    fake: DiscordServer, quay: Channel, ana: User, path: str
) -> None:
    allowed, pinged = await _pings(fake, quay, ana, path, allowed_mentions=SILENT)
    assert [one["parse"] for one in allowed] == [[]]
    assert pinged == frozenset()


@pytest.mark.parametrize("path", [*MESSAGE_PATHS, *CALL_PATHS])
async def test_a_client_without_allowed_mentions_pings_as_discord_parses(
    fake: DiscordServer, quay: Channel, ana: User, path: str
) -> None:
    allowed, pinged = await _pings(fake, quay, ana, path)
    assert allowed == [None]
    everybody = {ana.mention} if path in ONLY_PEOPLE else {"@everyone", "@here", ana.mention}
    assert everybody <= pinged
    assert ("@everyone" in pinged) == (path not in ONLY_PEOPLE)


async def test_allowing_mentions_in_one_call_overrides_the_client(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    async with running(fake, allowed_mentions=SILENT) as client:
        everyone = discord.AllowedMentions(everyone=True)
        await text_channel(client, quay).send("@everyone", allowed_mentions=everyone)
    assert fake.messages[-1].pings == {"@everyone"}


async def test_a_reply_that_may_mention_its_author_pings_only_them(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    said = fake.say(quay, ana, "ahoy")
    async with running(fake, allowed_mentions=SILENT) as client:
        message = await text_channel(client, quay).fetch_message(said.id)
        await message.reply("@everyone", mention_author=True)
    assert fake.messages[-1].pings == {ana.mention}


async def test_a_pressed_button_changes_its_message_without_pings(
    fake: DiscordServer, quay: Channel, ana: User
) -> None:
    class Once(discord.ui.View):
        @discord.ui.button(label="again", custom_id="again")
        async def again(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
            await interaction.response.edit_message(content="@everyone", view=None)

    async with running(fake, allowed_mentions=SILENT) as client:
        await text_channel(client, quay).send("first", view=Once())
        call: Interaction = fake.press(fake.messages[-1], ana, "again")
        await fake.until(lambda: call.done)
    assert (quay.texts, fake.messages[-1].pings) == (["@everyone"], frozenset())
