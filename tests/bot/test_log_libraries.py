"""The log lets no library tell a token or what people said."""

import asyncio
import logging

import pytest

from tests.bot.log_records import DISCORD, FORMATS, TELEGRAM, WORDS, Begin, Format, leaks, log


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("logger", "level", "template", "values"),
    [
        ("discord.gateway", 10, "For Shard ID %s: WebSocket Event: %s", (0, {"content": WORDS})),
        ("discord.http", 10, "%s %s with %s has returned %s", ("POST", "/x", WORDS, 200)),
        ("discord.client", 10, "Dispatching event %s", (WORDS,)),
        ("discord.webhook.async_", 10, "Webhook ID %s with %s %s has returned %s", (1, "POST", WORDS, 200)),
        ("discord.ui.view", 40, "Ignoring exception in view %r for item %r", (WORDS, WORDS)),
        ("telegram.Bot", 10, "Calling Bot API endpoint `%s` with parameters `%s`", ("x", WORDS)),
        ("telegram.ext.Application", 10, "Processing update %s", (WORDS,)),
        ("telegram.ext.Application", 20, "Application %s", (WORDS,)),
        ("telegram.Bot", 50, "Error while parsing updates! Received data was %r", ([WORDS],)),
        ("telegram.request.BaseRequest", 40, 'Can not load invalid JSON data: "%s"', (WORDS,)),
        ("httpx", 20, 'HTTP Request: %s %s "%s"', ("GET", WORDS, "200")),
        ("httpcore.http11", 10, "send_request_body.started %s", (WORDS,)),
        ("aiosqlite", 10, "executing %s", (WORDS,)),
        ("asyncio", 10, "connected %s", (WORDS,)),
        ("asyncio", 40, f"Exception in callback say('{WORDS}')\nhandle: <Handle say('{WORDS}')>", ()),
        ("asyncio", 30, "Executing %s took %.3f seconds", (WORDS, 0.2)),
        ("somebody.else", 10, "saw %s", (WORDS,)),
    ],
)
def test_libraries_do_not_tell_what_people_said(
    begin: Begin, form: Format, logger: str, level: int, template: str, values: tuple[object, ...]
) -> None:
    out = begin(form=form)
    library = logging.getLogger(logger)
    before = library.level
    library.setLevel(logging.DEBUG)
    library.log(level, template, *values, extra={"words": WORDS})
    library.setLevel(before)
    assert "zanzibar" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == (level >= 30)


@pytest.mark.parametrize("form", FORMATS)
async def test_telegrams_library_at_debug_shows_no_token_and_no_words(begin: Begin, form: Format) -> None:
    telegram = pytest.importorskip("telegram")
    request = pytest.importorskip("telegram.request")
    httpx = pytest.importorskip("httpx")
    out = begin(form=form, secrets=())
    loggers = [logging.getLogger(name) for name in ("telegram", "telegram.Bot", "httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)

    def answer(sent: object) -> object:
        return httpx.Response(200, text=WORDS)

    transport = httpx.MockTransport(answer)
    own = request.HTTPXRequest(httpx_kwargs={"transport": transport})
    bot = telegram.Bot(TELEGRAM, request=own, get_updates_request=own)
    log.info("bot %r, %s", bot, bot, extra={"bot": bot})
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get(f"https://api.telegram.org/bot{TELEGRAM}/getMe", headers={"Authorization": DISCORD})
    try:
        await bot.send_message(1, WORDS)
    except telegram.error.TelegramError:
        log.exception("sending failed", extra={"bot": bot})
    await own.shutdown()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    assert "Can not load invalid JSON data" in out.getvalue()
    assert leaks(TELEGRAM, out.getvalue()) == leaks(DISCORD, out.getvalue()) == []
    assert "zanzibar" not in out.getvalue()


async def test_a_callback_that_fails_is_logged_without_what_it_was_given(begin: Begin) -> None:
    out = begin()

    def say(text: str) -> None:
        raise ValueError("cannot speak")

    asyncio.get_running_loop().call_soon(say, WORDS)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "error asyncio Exception in callback" in out.getvalue()
    assert "ValueError: cannot speak" in out.getvalue()
    assert "zanzibar" not in out.getvalue()
