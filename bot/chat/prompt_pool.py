"""Threads that build prompts, and nothing else: a slow prompt delays neither files nor another persona."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
THREADS, _OF_PERSONA = 4, 2  # prompts at once, and those of one persona: half stays for all others


class PromptPool:
    """Runs functions on its threads, of which one persona's prompts never take all."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "prompt")
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_OF_PERSONA))

    async def run(
        self,
        persona: str,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Result:
        """Return the result of a function that builds a prompt of this persona, by its key."""
        async with self._turns[persona]:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, lambda: function(*args, **options))

    def close(self) -> None:
        """Take no more work; functions under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
