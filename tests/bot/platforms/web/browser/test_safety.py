"""Words of strangers run nowhere: not from names, cards, messages, titles, answers, notices or addresses."""

from dataclasses import replace

import pytest

from bot.persona.card import Card
from bot.persona.persona import Persona
from tests.bot.platforms.web.browser.conftest import OpenTalk
from tests.conftest import MARA

pytestmark = pytest.mark.asyncio(loop_scope="session")
ATTACKS = [
    "<script>window.faults.push('xss')</script>",
    "<img src=x onerror=\"window.faults.push('xss')\">",
    '"><svg onload="window.faults.push(\'xss\')">',
    "javascript:window.faults.push('xss')",
    "[a](javascript:window.faults.push('xss')) ![b](https://evil.example/i.png) <https://evil.example>",
    "[a](https://evil.example/\" onmouseover=\"window.faults.push('xss'))",
    "```<img src=x onerror=window.faults.push('xss')>\n<img src=x onerror=window.faults.push('xss')>\n```",
    "{{constructor.constructor('window.faults.push(1)')()}}${window.faults.push('xss')}",
    "<iframe srcdoc=\"<script>parent.faults.push('xss')</script>\"></iframe><style>*{display:none}</style>",
]


def hostile(attack: str) -> Persona:
    card = Card(name=attack, description=attack, creator_notes=attack, first_mes=attack)
    return replace(MARA, card=card)


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
async def test_an_attack_is_shown_as_text_wherever_it_stands(open_talk: OpenTalk, attack: str) -> None:
    talk, title = await open_talk(hostile(attack)), " ".join(attack.split())[:100]
    await talk.open()
    await talk.page.click(".card")
    await talk.until("document.querySelectorAll('.message').length", 1)
    talk.answers(attack)
    await talk.say(attack)
    await talk.page.click("#menu-button")
    await talk.page.click("#menu [data-text=rename]")
    await talk.page.fill("dialog input", title)
    await talk.page.press("dialog input", "Enter")
    await talk.until("document.getElementById('title').textContent", title)
    await talk.page.click("#menu-button")
    await talk.page.click("#menu [data-text=deleteConversation]")
    assert title in await talk.page.inner_text("dialog")
    await talk.page.keyboard.press("Escape")
    await talk.page.goto(f"{talk.root}/#{attack}")
    await talk.page.reload()
    await talk.until("document.querySelectorAll('.message').length", 3)
    for node in await talk.page.locator(".message a").all():
        assert await node.get_attribute("rel") == "noopener noreferrer"
        assert (await node.get_attribute("href") or "").startswith(("https://", "http://", "mailto:"))
    assert await talk.page.locator("script").count() == 2
    assert await talk.page.locator("iframe, style, .message img, #conversations img").count() == 0


async def test_no_script_of_the_page_reads_words_as_html(open_talk: OpenTalk) -> None:
    from tests.paths import ROOT

    sinks = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "srcdoc",
    )
    files = sorted((ROOT / "bot/platforms/web/assets").rglob("*.js"))
    assert len(files) > 20
    assert not [(file.name, sink) for file in files for sink in sinks if sink in file.read_text()]
