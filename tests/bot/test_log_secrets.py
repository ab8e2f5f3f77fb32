"""The log shows no secret, configured or shaped like a token, in any writing."""

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from bot.text.redaction import Redactor
from tests.bot.log_records import CONFIGURED, DISCORD, FORMATS, TELEGRAM, WAYS, Begin, Format, caught, leaks

WEBHOOK = "canaryWEBHOOKcanaryWEBHOOK_canary-canary68"
INTERACTION = "aW50ZXJhY3Rpb246MTE1NTpjYW5hcnlDQU5BUlljYW5hcnlDQU5BUlk"


WRITINGS = {
    "plain": CONFIGURED,
    "without its first piece": (TELEGRAM.split(":")[1], DISCORD.split(".")[2]),
    "in a URL": tuple(quote(secret, safe="") for secret in CONFIGURED),
    "in a URL in a URL": tuple(quote(quote(secret, safe=""), safe="") for secret in CONFIGURED),
    "base64": tuple(b64encode(secret.encode()).decode() for secret in CONFIGURED),
    "base64 for URLs": tuple(urlsafe_b64encode(secret.encode()).decode() for secret in CONFIGURED),
    "base64 behind a": tuple(b64encode(f"a{secret}".encode()).decode()[2:] for secret in CONFIGURED),
    "base64 behind Bot": tuple(b64encode(f"Bot: {secret}".encode()).decode()[7:] for secret in CONFIGURED),
}
SHAPED = {  # what is written, and what of it must not be seen, though nothing is configured
    "https://api.telegram.org/bot" + TELEGRAM + "/getMe": TELEGRAM,
    "https://host/?url=bot" + TELEGRAM.replace(":", "%3A") + "%2FgetMe": TELEGRAM.split(":")[1],
    "Bot " + DISCORD: DISCORD,
    "mfa." + WEBHOOK: WEBHOOK,
    "POST https://discord.com/api/v10/webhooks/1155/" + WEBHOOK + "?wait=true": WEBHOOK,
    "/webhooks/1155/" + WEBHOOK + "/messages/@original": WEBHOOK,
    "%2Fwebhooks%2F1155%2F" + WEBHOOK: WEBHOOK,
    "/interactions/1155/" + WEBHOOK + "/callback": WEBHOOK,
    "token is " + INTERACTION: INTERACTION,
    str({"type": 2, "token": WEBHOOK}): WEBHOOK,
    json.dumps({"type": 2, "token": WEBHOOK}): WEBHOOK,
    "Authorization: Bearer " + WEBHOOK: WEBHOOK,
    str({"Authorization": "Bot " + WEBHOOK}): WEBHOOK,
    str([(b"authorization", f"Basic {WEBHOOK}".encode())]): WEBHOOK,
    "X-Telegram-Bot-Api-Secret-Token: " + WEBHOOK: WEBHOOK,
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("writing", WRITINGS)
def test_no_configured_secret_leaks(begin: Begin, form: Format, way: str, writing: str) -> None:
    out = begin(form=form)
    for secret in WRITINGS[writing]:
        WAYS[way](f"before {secret} behind")
        assert out.getvalue()
        assert leaks(secret, out.getvalue()) == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_is_shaped_like_a_token_leaks(begin: Begin, form: Format, way: str) -> None:
    out = begin(form=form, secrets=())
    for text, secret in SHAPED.items():
        WAYS[way](text)
        assert leaks(secret, out.getvalue()) == []


@pytest.mark.parametrize(
    "text",
    [
        "read 512 tokens in 0.25 s",
        "2026-11-05T12:34:56.789+00:00",
        "discord/115555000111122223/115555000111122224",
        "bot.platforms.discord.py, line 120, in send",
        "https://discord.com/api/v10/channels/115555000111122223/messages",
        "a" * 500,
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(("short", TELEGRAM))(text) == text


def test_a_traceback_is_there_and_keeps_all_that_is_no_secret(begin: Begin) -> None:
    out = begin()
    caught(f"GET /bot{TELEGRAM}/getMe failed")
    assert out.getvalue().splitlines()[-1] == "  | ValueError: GET /bot[redacted]/getMe failed"
