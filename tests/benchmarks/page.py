"""How fast the talking page is: `python -m tests.benchmarks.page [ROUNDS]`.

Milliseconds from a word that the engine gives to the frame that shows it, and the web vitals of a talk (LCP,
CLS and INP), in headless Chromium on the real server over a scripted engine.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import async_playwright

from tests.bot.platforms.web.browser.conftest import CHROMIUM, opened_talks
from tests.bot.platforms.web.browser.talk import Talk

OBSERVE = """
window.lcp = 0;
window.inp = 0;
window.shownAt = 0;
new PerformanceObserver((list) => { for (const each of list.getEntries()) lcp = each.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (each.interactionId) inp = Math.max(inp, each.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
FIRST_WORD = """
window.shownAt = 0;
const watch = new MutationObserver(() => {
  if (shownAt || !document.querySelector(".writing .body")?.textContent) return;
  shownAt = 1;
  requestAnimationFrame(() => { shownAt = Date.now(); watch.disconnect(); });
});
watch.observe(document.getElementById("log"), { subtree: true, childList: true, characterData: true });
0;
"""


async def first_word(talk: Talk) -> float:
    """Return the milliseconds from the engine's first word to the frame after it was put on the page."""
    talk.engine.hold = asyncio.Event()
    talk.engine.holding.clear()
    talk.answers(["Aye, ", "and so on."])
    await talk.page.evaluate(f"(() => {{ {FIRST_WORD} }})()")
    await talk.page.fill("#input", "Hello")
    await talk.page.press("#input", "Enter")
    await talk.engine.holding.wait()
    await asyncio.sleep(0.2)
    given = time.time()
    talk.engine.hold.set()
    await asyncio.sleep(0)
    talk.engine.hold.clear()
    await talk.until("window.shownAt > 1")
    talk.engine.hold.set()
    shown: float = await talk.page.evaluate("window.shownAt")
    await talk.idle()
    return shown - given * 1000


async def measure(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            async with opened_talks(Path(folder), browser) as open_one:
                talk = await open_one()
                await talk.page.add_init_script(OBSERVE)
                await talk.open()
                await talk.begin()
                times = sorted([await first_word(talk) for _ in range(rounds)])
                lcp, cls, inp = await talk.page.evaluate("[lcp, layoutShift, inp]")
            await browser.close()
    print(f"first word, ms: median {statistics.median(times):.0f}, worst of {rounds} {times[-1]:.0f}")
    print(f"LCP {lcp:.0f} ms, CLS {cls:.3f}, INP {inp:.0f} ms")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
