"""Views in both languages and themes, at widths of a telephone, and as axe-core judges them."""

import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bot.platforms.web.browser.conftest import OpenTalk
from tests.bot.platforms.web.browser.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANSWER = (
    '*sets the lamp down* "Mind the step." '
    "See https://a.example/a-long-address-without-an-end-in-sight-or-a-blank-to-break-it-at\n\n"
    "```py\nprint('a line of code that is longer than any telephone is wide, and then some more')\n```\n\n"
    "| a | b | c |\n|---|---|---|\n| averylongwordindeedthatdoesnotbreak | another one | a third one |\n\n"
    "- one\n- two\n\n> three"
)
AXE_VERSION = "4.14.1"


async def gallery(talk: Talk) -> None:
    await talk.page.wait_for_selector("#gallery:not([hidden])")


async def conversation(talk: Talk) -> None:
    await talk.begin()
    talk.answers(ANSWER)
    await talk.say("Good evening. " * 12)


async def sampling(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click("#sampling")
    await talk.page.wait_for_selector("dialog .field")


async def beams(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click("#beams")
    await talk.page.wait_for_selector("dialog .field")


async def menu(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click("#menu-button")


async def editor(talk: Talk) -> None:
    await talk.begin()
    await talk.page.press("#input", "ArrowUp")
    await talk.page.wait_for_selector(".editor")


async def keys(talk: Talk) -> None:
    await talk.begin()
    await talk.page.evaluate("document.getElementById('keys').click()")
    await talk.page.wait_for_selector("dialog")


async def question(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click("#menu-button")
    await talk.page.click("#menu [data-text=deleteConversation]")


VIEWS: list[Callable[[Talk], Awaitable[None]]] = [
    gallery,
    conversation,
    sampling,
    beams,
    menu,
    editor,
    keys,
    question,
]
OVERFLOW = """[...document.querySelectorAll("body *")].filter((e) => {
  const box = e.getBoundingClientRect();
  if (e.closest("#sidebar, pre, .table, svg, .unseen, #status")) return false;
  if (!box.width || getComputedStyle(e).visibility === "hidden") return false;
  return box.right > innerWidth + 1 || box.left < -1;
}).map((e) => e.outerHTML.slice(0, 80))"""
SMALL = """[...document.querySelectorAll("button, a, input, textarea")].filter((e) => {
  const box = e.getBoundingClientRect();
  if (!box.width || e.closest(".body p, .body li, .skip")) return false;
  return box.width < 24 || box.height < 24;
}).map((e) => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, which npm fetches once into a cache of this machine."""
    npm = shutil.which("npm")
    folder = Path.home() / ".cache" / "alterego-tests" / f"axe-{AXE_VERSION}"
    source = folder / "node_modules/axe-core/axe.min.js"
    if not source.exists():
        if npm is None:
            pytest.skip("needs npm, which fetches axe-core")
        command = [npm, "install", "--ignore-scripts", "--prefix", str(folder), f"axe-core@{AXE_VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, shell=sys.platform == "win32")
        if done.returncode:
            pytest.skip("npm could not fetch axe-core")
    return source.read_text()


async def violations(talk: Talk, axe: str) -> list[Any]:
    """Return the serious and critical findings."""
    await talk.page.evaluate(axe)
    script = """async () => {
      await Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})));
      const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
      const { violations } = await axe.run(document, { runOnly });
      const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      return bad.map(({ id, nodes }) => [id, ...nodes.map(({ failureSummary }) => failureSummary)]);
    }"""
    found: list[Any] = await talk.page.evaluate(script)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
async def test_axe_finds_nothing_serious(
    open_talk: OpenTalk, axe: str, view: Callable[[Talk], Awaitable[None]], scheme: str
) -> None:
    talk = await open_talk(color_scheme=scheme, reduced_motion="reduce")
    await talk.open()
    await view(talk)
    assert await violations(talk, axe) == []


async def test_axe_finds_nothing_serious_in_the_login(open_talk: OpenTalk, axe: str) -> None:
    talk = await open_talk(key="a-key-of-twenty-letters")
    await talk.open()
    assert await violations(talk, axe) == []


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
async def test_nothing_is_wider_than_a_telephone_and_targets_are_large_enough(
    open_talk: OpenTalk, view: Callable[[Talk], Awaitable[None]], width: int
) -> None:
    talk = await open_talk(viewport={"width": width, "height": 640}, reduced_motion="reduce")
    await talk.open()
    await view(talk)
    assert await talk.page.evaluate("document.documentElement.scrollWidth") == width
    assert await talk.page.evaluate(OVERFLOW) == []
    assert await talk.page.evaluate(SMALL) == []


async def test_the_side_opens_over_a_narrow_page_and_gives_the_focus_back(open_talk: OpenTalk) -> None:
    talk = await open_talk(viewport={"width": 360, "height": 640})
    await talk.open()
    await talk.page.click("#open-sidebar")
    await talk.until("document.activeElement.id", "new")
    assert await talk.page.evaluate("document.querySelector('main').inert")
    await talk.page.keyboard.press("Escape")
    await talk.until("document.activeElement.id", "open-sidebar")
    assert await talk.page.evaluate("document.getElementById('sidebar').inert")


async def test_both_languages_have_the_same_words_and_places(talk: Talk) -> None:
    script = """async () => {
      const all = await Promise.all(["en", "zh"].map((name) => import(`/page/assets/languages/${name}.js`)));
      const places = (words) => (words.match(/\\{\\w+\\}/g) ?? []).sort().join();
      const lines = (words) => Object.entries(words).map(([key, text]) => `${key} ${places(text)}`);
      return all.map(({ default: words }) => lines(words).sort());
    }"""
    english, chinese = await talk.page.evaluate(script)
    assert len(english) > 80
    assert chinese == english


@pytest.mark.parametrize(
    ("locale", "title"), [("zh-CN", "想和谁聊聊？"), ("fr-FR", "Who would you like to talk to?")]
)
async def test_the_language_is_the_browsers_or_english(open_talk: OpenTalk, locale: str, title: str) -> None:
    talk = await open_talk(locale=locale)
    await talk.open()
    assert await talk.page.inner_text("#gallery h2") == title


async def test_the_chosen_language_and_theme_are_kept(talk: Talk) -> None:
    await talk.page.click("#language")
    await talk.page.click("#theme")
    await talk.page.click("#theme")
    await talk.page.reload()
    await talk.until("document.querySelector('#gallery h2').innerText", "想和谁聊聊？")
    assert await talk.page.inner_text("#theme") == "主题：深色"
    assert await talk.page.evaluate("document.documentElement.lang") == "zh"
    colour = "getComputedStyle(document.documentElement).colorScheme"
    assert await talk.page.evaluate(colour) == "dark"


async def test_every_name_of_words_in_the_page_is_known(talk: Talk) -> None:
    script = """async () => {
      const { default: words } = await import("/page/assets/languages/en.js");
      const named = [...document.querySelectorAll("[data-text], [data-label]")];
      const keys = named.flatMap(({ dataset }) => [dataset.text, dataset.label]);
      return keys.filter((key) => key && !(key in words));
    }"""
    await talk.begin()
    assert await talk.page.evaluate(script) == []
