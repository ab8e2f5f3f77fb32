"""Open WebUI, unmodified, in a real browser: models, two answers, its own titles and follow-ups.

`python -m tests.clients.open_webui PROGRAM`: PROGRAM is the `open-webui` of an environment of its own. It and
`alterego serve` run on free ports of loopback with folders of their own; nothing is fetched from the hub.
"""

import argparse
import json
import tempfile
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.clients.served import free_port, run_process, serve_personas, wait_for_port

PATIENCE = 300_000  # milliseconds, for a slow machine


def environment(folder: Path, api: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder),
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": "a-key-of-this-run",
        "ENABLE_OLLAMA_API": "False",
        "OPENAI_API_BASE_URL": api,
        "OPENAI_API_KEY": "none",
        "RAG_EMBEDDING_ENGINE": "openai",
        "HF_HUB_OFFLINE": "1",
        "OFFLINE_MODE": "True",
    }


def choose_model(page: Page, address: str) -> None:
    page.goto(f"{address}/?models=mara")
    dialog = page.get_by_role("button", name="Okay, Let's Go!")
    expect(dialog.or_(page.locator("#chat-input")).first).to_be_visible()
    if dialog.count():
        dialog.click()
    expect(page.get_by_role("button", name="mara").first).to_be_visible()


def say(page: Page, words: str) -> str:
    """Send a message; return the answer once its buttons are there."""
    count = page.locator(".chat-assistant").count()
    page.locator("#chat-input").click()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.locator(".chat-assistant")).to_have_count(count + 1)
    answer = page.locator(".chat-assistant").last
    expect(answer).not_to_have_text("")
    expect(page.get_by_role("button", name="Regenerate")).to_have_count(count + 1)
    return answer.inner_text()


def api_health(api: str) -> str:
    with urllib.request.urlopen(api.removesuffix("/v1") + "/health", timeout=60) as response:
        return json.dumps(json.load(response))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("program", type=Path)
    options.add_argument("--chromium", default="/usr/bin/chromium")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        own, port = Path(place), free_port()
        command = (str(chosen.program.absolute()), "serve", "--host", "127.0.0.1", "--port", str(port))
        (own / "open-webui").mkdir()
        with (
            serve_personas(own) as api,
            run_process(command, own, own / "open-webui.log", environment(own / "open-webui", api)),
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
    choose_model(page, address)
    print("answer:", say(page, "Good evening. Who are you?"), flush=True)
    print("another:", say(page, "And the weather?"), flush=True)
    print("health of the API behind its titles, tags and follow-ups:", api_health(api), flush=True)


if __name__ == "__main__":
    main()
