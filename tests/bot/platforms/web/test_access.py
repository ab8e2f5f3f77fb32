"""Access to the page: login, the page's own origin, headers of every response, and files by a fixed table."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.platforms.web.assets import read_assets
from bot.platforms.web.security import HEADERS, POLICY
from bot.platforms.web.sessions import LIFETIME, MAX_TRIES, TRY_SECONDS, Sessions
from tests.bot.platforms.web.conftest import OpenPage, Page

KEY = "a-key-of-twenty-letters"
GIVEN = {"key": KEY}


@pytest.fixture
async def locked(open_page: OpenPage) -> Page:
    return await open_page(key=KEY)


@pytest.mark.parametrize(
    "path", ["/", "/page/state", "/page/nothing", "/page/conversations", "/page/assets/x"]
)
async def test_every_response_has_the_headers_of_the_page(page: Page, path: str) -> None:
    async with page.client.get(page.root + path) as response:
        headers = {name: response.headers.get(name) for name in HEADERS if name != "Cache-Control"}
    assert headers == {name: value for name, value in HEADERS.items() if name != "Cache-Control"}
    assert "'unsafe" not in POLICY


async def test_the_api_stays_as_it_is_beside_the_page(page: Page) -> None:
    async with page.client.get(f"{page.root}/v1/models") as response:
        assert (response.status, "Content-Security-Policy" in response.headers) == (200, False)


async def test_a_file_is_sent_once_and_then_known_by_its_etag(page: Page) -> None:
    async with page.client.get(f"{page.root}/") as first:
        etag = first.headers["ETag"]
        assert (first.status, first.content_type) == (200, "text/html")
    async with page.client.get(f"{page.root}/", headers={"If-None-Match": etag}) as again:
        assert (again.status, await again.read()) == (304, b"")


def test_a_long_file_is_also_kept_compressed(tmp_path: Path) -> None:
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "long.js").write_text("x" * 5_000)
    (tmp_path / "key.pem").write_text("no file of a page")
    assets = read_assets(tmp_path)
    assert {name: bool(asset.compressed) for name, asset in assets._assets.items()} == {"owner/long.js": True}


@pytest.mark.parametrize(
    "path",
    [
        "/page/assets/../site.py",
        "/page/assets/..%2Fsite.py",
        "/page/assets/%2e%2e/site.py",
        "/page/assets//etc/passwd",
        "/page/assets/..%5Csite.py",
        "/page/assets/",
        "/page/pictures/..%2F..%2Fetc%2Fpasswd",
        "/page/../bot/config.py",
    ],
)
async def test_no_address_walks_to_a_file(page: Page, path: str) -> None:
    reader, writer = await asyncio.open_connection(*page.server._listener.getsockname()[:2])
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    received = (await asyncio.wait_for(reader.read(), 20)).decode()
    writer.close()
    assert received.startswith("HTTP/1.1 404 ")


async def test_without_a_key_nobody_logs_in(page: Page) -> None:
    _, state = await page.ask("GET", "/page/state")
    assert (state["login"], [each["key"] for each in state["personas"]]) == (False, ["mara", "ozzo"])


async def test_the_state_tells_nothing_before_the_login(locked: Page) -> None:
    status, state = await locked.ask("GET", "/page/state")
    del state["version"], state["message_characters"]
    nothing = {"state": "", "stage": "", "name": ""}
    assert (status, state) == (200, {"login": True, "model": nothing, "personas": [], "sampling": []})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/page/conversations"),
        ("POST", "/page/conversations"),
        ("GET", "/page/conversations/AAAAAAAAAAAAAAAAAAAA"),
        ("GET", "/page/conversations/AAAAAAAAAAAAAAAAAAAA/events"),
        ("GET", "/page/conversations/AAAAAAAAAAAAAAAAAAAA/export"),
        ("DELETE", "/page/conversations/AAAAAAAAAAAAAAAAAAAA"),
        ("GET", "/page/pictures/mara"),
        ("POST", "/page/logout"),
    ],
)
async def test_without_a_login_every_other_route_answers_401(locked: Page, method: str, path: str) -> None:
    assert await locked.code(method, path) == (401, "login_needed")


async def test_the_key_opens_a_session_that_no_script_reads_and_a_logout_ends_it(locked: Page) -> None:
    headers = {"Origin": locked.root}
    async with locked.client.post(
        f"{locked.root}/page/login", json={"key": KEY}, headers=headers
    ) as response:
        (cookie,) = response.headers.getall("Set-Cookie")
    assert response.status == 200
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    assert KEY not in cookie
    own = {"Cookie": cookie.partition(";")[0]}
    assert (await locked.ask("GET", "/page/conversations", headers=own))[0] == 200
    assert (await locked.ask("POST", "/page/logout", headers=own))[0] == 200
    assert await locked.code("GET", "/page/conversations", headers=own) == (401, "login_needed")


async def test_behind_a_proxy_with_https_the_cookie_is_secure(locked: Page) -> None:
    headers = {"Origin": locked.root, "X-Forwarded-Proto": "https"}
    async with locked.client.post(
        f"{locked.root}/page/login", json={"key": KEY}, headers=headers
    ) as response:
        assert "Secure" in response.headers["Set-Cookie"]


async def test_wrong_keys_are_refused_and_many_of_them_for_a_minute(locked: Page) -> None:
    tries = [await locked.code("POST", "/page/login", {"key": "wrong"}) for _ in range(MAX_TRIES)]
    assert set(tries) == {(401, "wrong_key")}
    assert await locked.code("POST", "/page/login", {"key": KEY}) == (429, "too_many_tries")


class Asked:
    """What a login sees of a request."""

    remote = "127.0.0.1"

    def __init__(self, **cookies: str) -> None:
        self.cookies, self.headers = cookies, dict[str, str]()


def test_tries_and_sessions_are_over_in_time() -> None:
    now = [0.0]
    sessions = Sessions(KEY, 8000, lambda: now[0])
    for _ in range(MAX_TRIES):
        with pytest.raises(Exception, match="wrong"):
            sessions.log_in(Asked(), "wrong")  # type: ignore[arg-type]
    now[0] += TRY_SECONDS + 1
    response = sessions.log_in(Asked(), KEY)  # type: ignore[arg-type]
    asked = Asked(alterego_session_8000=response.cookies["alterego_session_8000"].value)
    assert not sessions.is_needed(asked)  # type: ignore[arg-type]
    now[0] += LIFETIME
    assert sessions.is_needed(asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Origin": "https://evil.example"}, 403, "unknown_origin"),
        ({"Origin": "null"}, 403, "unknown_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "unknown_origin"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "unknown_origin"),
        ({"Origin": "https://friend.example"}, 403, "unknown_origin"),
        ({"Host": "evil.example"}, 403, "unknown_host"),
        ({"Content-Type": "text/plain"}, 415, "unknown_content_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unknown_content_type"),
    ],
)
async def test_another_page_can_change_nothing(
    open_page: OpenPage, headers: dict[str, str], status: int, code: str
) -> None:
    page = await open_page(origins=["https://friend.example"])
    assert await page.code("POST", "/page/conversations", {"persona": "mara"}, headers=headers) == (
        status,
        code,
    )
    assert (await page.ask("GET", "/page/conversations"))[1] == {"conversations": []}


async def test_a_page_that_the_api_allows_reads_nothing_of_this_one(open_page: OpenPage) -> None:
    page = await open_page(origins=["https://friend.example"])
    headers = {"Origin": "https://friend.example"}
    async with page.client.get(f"{page.root}/page/conversations", headers=headers) as response:
        assert (response.status, "Access-Control-Allow-Origin" in response.headers) == (403, False)


async def test_a_change_without_any_origin_is_refused(page: Page) -> None:
    async with ClientSession() as client:
        path = f"{page.root}/page/conversations"
        async with client.post(path, json={"persona": "mara"}) as response:
            assert response.status == 403
        async with client.post(
            path, json={"persona": "mara"}, headers={"Sec-Fetch-Site": "same-origin"}
        ) as response:
            assert response.status == 201


@pytest.mark.parametrize(
    "headers", [{"Host": "tunnel.example.org"}, {"X-Forwarded-For": "203.0.113.9"}, {"Via": "1.1 proxy"}]
)
async def test_without_a_key_nobody_beyond_the_machine_uses_the_page(
    open_page: OpenPage, headers: dict[str, str]
) -> None:
    page = await open_page(hosts=["tunnel.example.org"])
    for path in ("/page/state", "/page/conversations", "/page/owner/overview"):
        async with page.client.get(page.root + path, headers=headers) as response:
            body = await response.json()
        assert (response.status, body["error"]["code"]) == (403, "key_needed")
        assert "ALTEREGO_API_KEY" in body["error"]["message"]
