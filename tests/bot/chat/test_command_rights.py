"""Rights of members, admins and owners: the same by every road to the same change."""

import asyncio

import pytest

from bot.chat.commands import Level, run_line
from bot.errors import UserError
from bot.message import Author, Place
from tests.conftest import PLACE, Stage


async def ask(
    stage: Stage, line: str, place: Place = PLACE, level: Level = Level.OWNER, user: str = "ana"
) -> str:
    return await run_line(line, stage.chat, stage.memory, place, Author(user, user.title()), level)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/post hello", "/post is for admins"),
        ("/settings listen on", "Only an admin can change"),
        ("/settings listen on server", "Only an admin can change"),
        ("/settings persona ozzo", "Only an admin can choose who speaks here; .*/settings open on"),
        ("/settings persona default", "Only an admin can choose who speaks here"),
        ("/settings persona ozzo server", "Only an admin can choose who speaks on the whole server"),
        ("/settings open on", "Only an admin can change"),
        ("/persona ozzo", "Only an admin can choose who speaks here; .*/settings open on"),
        ("/persona nobody", "Only an admin can choose who speaks here"),
        ("/reset", "Only an admin can begin the conversation anew here; .*/settings open on"),
        ("/persona ozzo server", "Only an admin can choose who speaks on the whole server"),
        ("/persona reload", "Only an owner, named in config.toml"),
    ],
)
async def test_a_member_may_not_do_what_admins_do(stage: Stage, line: str, said: str) -> None:
    place = Place("test", "bot", "room", server="guild")
    with pytest.raises(UserError, match=said):
        await ask(stage, line, place, Level.MEMBER)
    assert stage.outlet.sent == []
    assert await ask(stage, "/persona", place) == "Mara (mara) speaks here, without an adapter."


@pytest.mark.parametrize("line", ["/persona ozzo", "/settings persona ozzo", "/reset"])
async def test_a_setting_opens_a_place_to_everybody_by_every_road(stage: Stage, line: str) -> None:
    place = Place("test", "bot", "room", server="guild")
    await ask(stage, "/settings open on", place, Level.ADMIN)
    await ask(stage, line, place, Level.MEMBER)
    assert (await stage.chat.resident(place)).key == ("mara" if line == "/reset" else "ozzo")
    for closed in ("/persona ozzo server", "/settings persona ozzo server", "/settings open off", "/post hi"):
        with pytest.raises(UserError, match="admin"):
            await ask(stage, closed, place, Level.MEMBER)


async def test_config_opens_all_places_and_an_admin_closes_one(stage: Stage) -> None:
    await stage.restart(open=True)
    assert await ask(stage, "/persona ozzo", level=Level.MEMBER) == "Ozzo speaks here now."
    await ask(stage, "/settings open off", level=Level.ADMIN)
    with pytest.raises(UserError, match="Only an admin can choose"):
        await ask(stage, "/persona mara", level=Level.MEMBER)


async def test_a_member_sees_only_what_members_can_do(stage: Stage) -> None:
    assert "/post" not in await ask(stage, "/help", level=Level.MEMBER)
    stage.cast.broken["lost"] = "card.json is missing"
    assert "lost" not in await ask(stage, "/personas", level=Level.ADMIN)


async def test_a_member_stops_only_a_reply_to_themselves(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("Hello", "Ana"))
    await stage.engine.holding.wait()
    with pytest.raises(UserError, match="Only the one who is answered, or an admin, can stop an answer"):
        await ask(stage, "/stop", level=Level.MEMBER, user="ole")
    assert await ask(stage, "/stop", level=Level.MEMBER) == ""
    await stage.chat.worker(PLACE).idle()


async def test_a_member_stops_no_reply_that_others_wait_for_too(stage: Stage) -> None:
    await stage.restart(debounce=0.05)
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("Hello", "Ana"))
    await stage.chat.receive(stage.message("Hello", "Ole"))
    await stage.engine.holding.wait()
    for user in ("ana", "ole"):
        with pytest.raises(UserError, match="can stop an answer"):
            await ask(stage, "/stop", level=Level.MEMBER, user=user)
    assert await ask(stage, "/stop", level=Level.ADMIN, user="eva") == ""
    await stage.chat.worker(PLACE).idle()
