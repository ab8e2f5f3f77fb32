"""200 clients of the API at once: `python -m tests.benchmarks.api_clients [--clients 200] [--tokens 24]`.

`alterego serve` runs in a process of its own with the default model; all clients ask at the same moment, each
for a streamed answer of a persona. Told are the answers that were lost, how far the order of first words
is from the order of arrival, the lag of the server's event loop, and the first word of a talk on the page
(a place in memory, as on Discord and Telegram) beside them, against the same talk with nobody else.
"""

import argparse
import asyncio
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from time import monotonic

from aiohttp import ClientResponse, ClientSession, ClientTimeout, TCPConnector

from tests.clients.served import serve_personas

PERSONAS = ("mara", "ozzo")
STAGGER = 0.02  # seconds between two clients, so that there is an order of arrival
TALKS = 8  # messages on the page in each round
LAG = re.compile(r'^alterego_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: its client's number, seconds to the first word and to the end, its pieces."""

    number: int
    first: float
    total: float
    pieces: int
    status: int


async def ask(session: ClientSession, api: str, number: int, tokens: int, began: float) -> Answered:
    await asyncio.sleep(number * STAGGER)
    sent, first, pieces = monotonic(), 0.0, 0
    body = {
        "model": PERSONAS[number % len(PERSONAS)],
        "messages": [{"role": "user", "content": f"Good evening, this is guest {number}. How is the sea?"}],
        "max_tokens": tokens,
        "stream": True,
    }
    async with session.post(f"{api}/chat/completions", json=body) as response:
        async for line in response.content:
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                first = first or monotonic() - began
                pieces += 1
    return Answered(number, first, monotonic() - sent, pieces, response.status)


async def talk(session: ClientSession, root: str, count: int) -> list[float]:
    """Say messages on the page, one after another; return the seconds to the first word of each answer."""
    made = await (await post(session, root, "/page/conversations", {"persona": "mara"})).json()
    where, waits = f"/page/conversations/{made['id']}", list[float]()
    async with session.get(f"{root}{where}/events") as events:
        for number in range(count):
            sent, waiting = monotonic(), True
            await post(session, root, f"{where}/messages", {"text": f"And evening number {number}?"})
            async for line in events.content:
                if waiting and line.startswith(b"event: draft"):
                    waits.append(monotonic() - sent)
                    waiting = False
                if not waiting and line.startswith(b"event: message"):
                    break
    return waits


async def post(session: ClientSession, root: str, path: str, body: object) -> ClientResponse:
    response = await session.post(root + path, json=body, headers={"Sec-Fetch-Site": "same-origin"})
    response.raise_for_status()
    return response


async def lag_p99(session: ClientSession, root: str) -> float:
    """Return the upper bound of the bucket of the 99th percentile, in seconds."""
    text = await (await session.get(f"{root}/metrics")).text()
    buckets = [(float(bound), float(count)) for bound, count in LAG.findall(text)]
    return next(bound for bound, count in buckets if count >= 0.99 * buckets[-1][1])


async def measure(api: str, options: argparse.Namespace) -> None:
    root = api.removesuffix("/v1")
    connector = TCPConnector(limit=0)
    async with ClientSession(timeout=ClientTimeout(total=3600), connector=connector) as session:
        await talk(session, root, 2)  # until the model is loaded, and its adapter is warm
        alone = await talk(session, root, TALKS)
        began = monotonic()
        asked = [ask(session, api, number, options.tokens, began) for number in range(options.clients)]
        answers, beside = await asyncio.gather(asyncio.gather(*asked), talk(session, root, TALKS))
        lag = await lag_p99(session, root)
    tell(answers, alone, beside, lag)


def tell(answers: list[Answered], alone: list[float], beside: list[float], lag: float) -> None:
    order = [each.number for each in sorted(answers, key=lambda each: each.first)]
    moved = [abs(place - number) for place, number in enumerate(order)]
    lost = [each for each in answers if each.status != 200 or not each.pieces]
    longest = max(each.total for each in answers)
    print(f"{len(answers)} clients: {len(lost)} lost; {longest:.1f} s for the longest answer")
    print(f"places between arrival and first word: median {median(moved)}, at most {max(moved)}")
    print(f"event loop lag, p99: at most {lag * 1000:.0f} ms")
    p95 = [quantiles(waits, n=20)[-1] for waits in (alone, beside)]
    print(f"first word on the page, p95: alone {p95[0]:.2f} s, beside the clients {p95[1]:.2f} s")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--tokens", type=int, default=24)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with serve_personas(folder, f"requests = {chosen.clients}\n") as api:
            asyncio.run(measure(api, chosen))


if __name__ == "__main__":
    main()
