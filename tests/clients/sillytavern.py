"""SillyTavern, unmodified, in a real browser: models, an answer, a swipe, more of it, a stop.

`python -m tests.clients.sillytavern FOLDER`: FOLDER holds what `npm install sillytavern` made. Its server
and `alterego serve` run on free ports of loopback with folders of their own; Chromium opens the page as a
person would. It prints a line for each step, and ends with an error at the first that fails.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.clients.served import free_port, run_process, serve_personas, wait_for_port

PATIENCE = 300_000  # milliseconds, for a slow machine


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("dialog[open] input, dialog[open] textarea").first.fill("Ana")
    page.locator("dialog[open] .popup-button-ok").click()
    expect(page.locator("#preloader")).to_have_count(0)


def connect(page: Page, api: str) -> list[str]:
    """Connect to the API as a custom chat completion source; return the models that are offered."""
    page.locator("#sys-settings-button .drawer-icon").click()
    page.select_option("#main_api", "openai")
    page.select_option("#chat_completion_source", "custom")
    page.fill("#custom_api_url_text", api)
    page.locator("#api_button_openai").click()
    expect(page.locator("#model_custom_select option[value=mara]")).to_have_count(1)
    page.select_option("#model_custom_select", "mara")
    offered = page.locator("#model_custom_select option").evaluate_all("all => all.map(each => each.value)")
    page.locator("#sys-settings-button .drawer-icon").click()
    return [each for each in offered if each]


def begin_chat(page: Page) -> None:
    page.locator("#rightNavDrawerIcon").click()
    page.locator(".character_select").first.click()
    page.locator("#rightNavDrawerIcon").click()
    expect(page.locator("#chat .mes")).not_to_have_count(0)


def wait_idle(page: Page) -> None:
    expect(page.locator("#send_but")).to_be_visible()
    page.wait_for_function("() => !document.querySelector('#mes_stop')?.checkVisibility()")


def last_words(page: Page) -> str:
    return page.locator("#chat .mes").last.locator(".mes_text").inner_text()


def say(page: Page, words: str) -> str:
    """Send a message and return the whole answer."""
    count = page.locator("#chat .mes").count()
    page.fill("#send_textarea", words)
    page.locator("#send_but").click()
    expect(page.locator("#chat .mes")).to_have_count(count + 2)
    wait_idle(page)
    return last_words(page)


def swipe(page: Page) -> str:
    page.locator("#chat .mes").last.locator(".swipe_right").click()
    expect(page.locator("#mes_stop")).to_be_visible()
    wait_idle(page)
    return page.locator("#chat .mes").last.locator(".swipes-counter").inner_text()


def go_on(page: Page) -> str:
    page.locator("#options_button").click()
    page.locator("#option_continue").click()
    wait_idle(page)
    return last_words(page)


def stop(page: Page) -> str:
    """Send a message and stop its answer at the first word."""
    page.fill("#send_textarea", "Tell me a long story about the harbour.")
    page.locator("#send_but").click()
    expect(page.locator("#mes_stop")).to_be_visible()
    page.locator("#mes_stop").click()
    wait_idle(page)
    return last_words(page)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--chromium", default="/usr/bin/chromium")
    chosen = options.parse_args()
    program = chosen.folder.resolve() / "node_modules" / "sillytavern"
    with tempfile.TemporaryDirectory() as place:
        own, port = Path(place), free_port()
        command = ("node", "server.js", "--dataRoot", str(own / "st"), "--configPath", str(own / "st.yaml"))
        flags = ("--port", str(port), "--browserLaunchEnabled", "false")
        with (
            serve_personas(own) as api,
            run_process((*command, *flags), program, own / "st.log", {}),
            sync_playwright() as playwright,
        ):
            wait_for_port(port)
            browser = playwright.chromium.launch(
                executable_path=chosen.chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            page = browser.new_page()
            page.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            run_steps(page, f"http://127.0.0.1:{port}", api)
            browser.close()


def run_steps(page: Page, address: str, api: str) -> None:
    open_page(page, address)
    print("models:", *connect(page, api), flush=True)
    begin_chat(page)
    print("answer:", say(page, "Good evening. Who are you?"), flush=True)
    print("swipe:", swipe(page), flush=True)
    print("continued:", go_on(page), flush=True)
    print("stopped:", stop(page), flush=True)
    print("after the stop:", say(page, "And the weather?"), flush=True)


if __name__ == "__main__":
    main()
