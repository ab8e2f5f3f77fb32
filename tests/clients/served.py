"""The command `serve` as a process of its own, for clients that others wrote."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.paths import ROOT


@contextmanager
def serve_personas(folder: Path, more: str = "") -> Iterator[str]:
    """Serve the personas of the repository on a free port; yield the address with `/v1`.

    `more`: further lines of `[serve]`.
    """
    port = free_port()
    config = folder / "config.toml"
    config.write_text(f'[paths]\npersonas = "{ROOT / "personas"}"\n[serve]\nport = {port}\n{more}', "utf-8")
    command = (sys.executable, "-m", "bot", "--config", str(config), "serve")
    with run_process(command, ROOT, folder / "serve.log", {"ALTEREGO_DATA": str(folder / "data")}):
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def run_process(
    command: tuple[str, ...], folder: Path, log: Path, environment: dict[str, str]
) -> Iterator[None]:
    """Run a program with its output in a file, and end it with its children."""
    with log.open("wb") as out:
        program = psutil.Popen(command, cwd=folder, stdout=out, stderr=out, env={**os.environ, **environment})
    try:
        yield
    finally:
        family = [*program.children(recursive=True), program]
        for process in family:
            process.terminate()
        _, left = psutil.wait_procs(family, timeout=20)
        for process in left:
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, seconds: float = 300) -> None:
    """Wait until something listens. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"Nothing listens on port {port}.")
