"""Who may call: keys, hosts, origins, loopback; and what errors tell."""

import pytest

from bot.api.security import check_exposure, host_name
from bot.config import ServeSettings
from bot.errors import UserError
from tests.bot.api.conftest import Api, OpenApi, asked

KEY = "a-key-of-twenty-letters-é"
ORIGIN = "https://chat.example.org"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY} "},
        {"X-API-KEY": KEY},
        {"Authorization": "Bearer wrong", "x-api-key": KEY},
    ],
)
async def test_the_key_opens_all_routes(open_api: OpenApi, headers: dict[str, str]) -> None:
    api = await open_api(key=KEY)
    assert (await api.get("/v1/models", headers=headers))[0] == 200
    assert (await api.post("/v1/chat/completions", asked(), headers=headers))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": "Bearer"}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY}, {"X-API-KEY": ""}, {"X-API-KEY": KEY[:-1]}, {"X-API-KEY": f"{KEY}x"},
    ],
)  # fmt: skip
async def test_without_the_key_nothing_is_told_but_that_the_server_lives(
    open_api: OpenApi, headers: dict[str, str]
) -> None:
    api = await open_api(key=KEY)
    for status, body in [
        await api.get("/v1/models", headers=headers),
        await api.get("/v1/models/mara", headers=headers),
        await api.post("/v1/chat/completions", asked(), headers=headers),
        await api.post("/tokenize", {"prompt": "x"}, headers=headers),
    ]:
        assert (status, body["error"]["code"]) == (401, "invalid_api_key")
    assert (await api.get("/health", headers=headers))[0] == 200
    assert api.engine.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_key(host: str) -> None:
    check_exposure(ServeSettings(host=host), "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_a_host_that_others_reach_needs_a_key(host: str) -> None:
    with pytest.raises(UserError, match="set ALTEREGO_API_KEY in the environment"):
        check_exposure(ServeSettings(host=host), "")
    check_exposure(ServeSettings(host=host), KEY)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200), ("LOCALHOST", 200), ("127.0.0.1", 200), ("[::1]:80", 200),
        ("192.168.1.5", 200),
        ("box.lan:8000", 200), ("Box.lan.", 200), ("evil.example", 403), ("localhost.evil.example", 403),
        ("127.0.0.1.nip.io", 403), ("", 403), ("localhost:80@evil.example", 403),
        ("localhost@evil.example", 403),
        ("[::1]evil.example", 403), ("[fe80::1%25evil.example]", 403), ("2130706433", 403),
        ("localhost:", 200), ("[::1]:", 200),
    ],
)  # fmt: skip
async def test_a_request_must_name_this_machine(open_api: OpenApi, host: str, status: int) -> None:
    api = await open_api(hosts=["box.lan"])
    told, body = await api.get("/v1/models", headers={"Host": host})
    assert told == status
    if status != 200:
        assert body["error"]["code"] == "unknown_host"
        assert "hosts in [serve]" in body["error"]["message"]


def test_a_host_is_read_without_its_port() -> None:
    assert [host_name(host) for host in ("[::1]:80", "A.b:1", "a.", "")] == ["::1", "a.b", "a", ""]


async def test_a_page_that_nobody_allowed_is_refused_and_sees_no_header(open_api: OpenApi) -> None:
    api = await open_api(origins=[ORIGIN])
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", f"{ORIGIN}:8443", ""):
        url = api.root + "/v1/chat/completions"
        for method in ("POST", "OPTIONS"):
            async with api.client.request(method, url, json=asked(), headers={"Origin": origin}) as response:
                assert response.status == 403
                assert (await response.json())["error"]["code"] == "unknown_origin"
                assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert api.engine.requests == []


async def test_the_servers_own_pages_are_its_own_origin(api: Api) -> None:
    assert (await api.get("/v1/models", headers={"Origin": api.root}))[0] == 200


async def test_an_allowed_page_reads_answers_streams_and_errors(open_api: OpenApi) -> None:
    api = await open_api(origins=[ORIGIN], key=KEY)
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {KEY}"}
    for body, status in ((asked(), 200), (asked(stream=True), 200), ({}, 400)):
        url = api.root + "/v1/chat/completions"
        async with api.client.post(url, json=body, headers=headers) as response:
            assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (status, ORIGIN)
            assert response.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in response.headers
    async with api.client.get(api.root + "/v1/models", headers={"Origin": ORIGIN}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)


async def test_a_preflight_needs_no_key(open_api: OpenApi) -> None:
    api = await open_api(origins=[ORIGIN], key=KEY)
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-stainless-os",
        "Access-Control-Request-Private-Network": "true",
    }
    async with api.client.options(api.root + "/v1/chat/completions", headers=headers) as response:
        cors = {k: v for k, v in response.headers.items() if k.startswith("Access-Control")}
        assert (response.status, cors) == (
            204,
            {
                "Access-Control-Allow-Origin": ORIGIN,
                "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
                "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-KEY, *",
                "Access-Control-Max-Age": "600",
                "Access-Control-Allow-Private-Network": "true",
            },
        )


async def test_programs_send_no_origin_and_see_no_cors(open_api: OpenApi) -> None:
    api = await open_api(origins=[ORIGIN])
    async with api.client.get(api.root + "/v1/models") as response:
        assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("headers", "is_told"),
    [
        ({}, True), ({"User-Agent": "via"}, True),
        *[({name: "1.1 proxy"}, False) for name in ("X-Forwarded-For", "Via", "Forwarded", "x-forwarded-by")],
        *[({name: "203.0.113.5"}, False) for name in ("CF-Connecting-IP", "X-Real-IP", "True-Client-IP")],
    ],
)  # fmt: skip
async def test_only_the_owner_reads_paths_in_errors(api: Api, headers: dict[str, str], is_told: bool) -> None:
    api.engine.scripts = [[UserError("The file /home/ana/model.gguf is damaged.")]]
    status, body = await api.post("/v1/chat/completions", asked(), headers=headers)
    assert (status, "/home/ana" in body["error"]["message"]) == (503, is_told)


async def test_with_a_key_nobody_reads_paths_since_a_proxy_may_say_nothing_of_itself(
    open_api: OpenApi,
) -> None:
    api = await open_api(key=KEY)
    api.engine.scripts = [[UserError("The file /home/ana/model.gguf is damaged.")]]
    status, body = await api.post("/v1/chat/completions", asked(), headers={"X-API-KEY": KEY})
    assert (status, "/home/ana" in body["error"]["message"]) == (503, False)


async def test_a_fault_of_the_program_is_told_without_its_words(api: Api) -> None:
    api.engine.scripts = [[RuntimeError("/secret")]]
    status, body = await api.post("/v1/chat/completions", asked())
    assert (status, body["error"]["type"], body["error"]["code"]) == (500, "server_error", "internal_error")
    assert "secret" not in str(body)


async def test_clients_are_asked_not_to_try_again_by_themselves(api: Api) -> None:
    async with api.client.get(api.root + "/nowhere") as response:
        assert response.headers["x-should-retry"] == "false"
