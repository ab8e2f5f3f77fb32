"""Training from an export that is dropped on the page: each step runs the command of that name."""

import asyncio
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from bot.api.body import read_body
from bot.api.errors import ApiError, bad_field
from bot.config import Config
from bot.errors import UserError
from bot.persona.new_folder import check_key
from bot.platforms.web.owner.personas import PersonaFolders
from bot.platforms.web.owner.replies import json_reply
from bot.platforms.web.owner.training_job import TrainingJobs
from bot.platforms.web.owner.training_steps import ADVICE, StepCommand, StepFields, is_installed, step_command
from bot.platforms.web.owner.upload import BINARY, KEPT_FREE, store_upload
from bot.platforms.web.routes import RouteTable
from bot.system import replacing

log = logging.getLogger(__name__)

MAX_EXPORT = 20_000_000_000  # bytes
_HOME, _NAME, _DRAFT = Path("page") / "training", "export", "incoming"
_KIND = re.compile(
    r"\.(zip|json|jsonl|ndjson|txt|csv|tsv|html?|xml|mbox|eml|db|sqlite|js|md|car|tar|gz|tgz|tar\.gz)"
)
_LEARNS = ("train", "resume", "make")  # steps behind which a persona may have a new adapter


class TrainingPage:
    """Routes of an export, and of the steps that learn from it.

    The file of the export has a name of our own in the data folder; of its old name, the known ending stays.
    """

    def __init__(
        self, folders: PersonaFolders, settings: Config, limit: int = MAX_EXPORT, kept_free: int = KEPT_FREE
    ) -> None:
        self._folders, self._settings, self._limit, self._kept_free = folders, settings, limit, kept_free
        self._home = settings.data / _HOME
        self._jobs = TrainingJobs(self._home, settings.file.parent, self._ended)
        self._is_receiving = False

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/owner/training", self._state)
        routes.add("PUT", "/page/owner/training/export", self._receive, takes=BINARY)
        routes.add("DELETE", "/page/owner/training/export", self._remove)
        routes.add("POST", "/page/owner/training/start", self._start)
        routes.add("POST", "/page/owner/training/stop", self._stop)
        routes.add("GET", "/page/owner/training/output", self._output)

    def close(self) -> None:
        """Ask a step that runs to stop."""
        self._jobs.close()

    async def _state(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        return json_reply(await self._described())

    async def _described(self) -> dict[str, object]:
        export = await asyncio.to_thread(self._export)
        status = export and export.stat()
        return {
            "advice": "" if is_installed() else ADVICE,
            "export": export
            and status
            and {"bytes": status.st_size, "kind": export.suffix, "time": status.st_mtime},
            "job": self._jobs.job and self._jobs.job.described(),
        }

    def _export(self) -> Path | None:
        """Return the file of the export that is here."""
        return next(iter(sorted(self._home.glob(f"{_NAME}*"))), None)

    async def _receive(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Take an export in place of the one before."""
        kind = request.query.get("kind", "").lower()
        if kind and not _KIND.fullmatch(kind):
            raise bad_field("kind", "an export is a zip, or a file such as .json, .txt, .csv or .html")
        self._jobs.check_idle()
        if self._is_receiving:
            raise ApiError(409, "Another export is on its way: wait until it is there.", code="busy")
        self._is_receiving = True
        try:
            await asyncio.to_thread(self._prepare)
            draft = self._home / _DRAFT
            await store_upload(request, draft, self._limit, self._kept_free)
            await asyncio.to_thread(self._take, draft, kind)
        finally:
            self._is_receiving = False
        return json_reply(await self._described())

    def _prepare(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        replacing.delete(self._home / _DRAFT)

    def _take(self, draft: Path, kind: str) -> None:
        self._jobs.check_idle()
        self._delete_export()
        replacing.replace(draft, self._home / f"{_NAME}{kind}")

    def _delete_export(self) -> None:
        while export := self._export():
            replacing.delete(export)

    async def _remove(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        self._jobs.check_idle()
        await asyncio.to_thread(self._delete_export)
        return json_reply(await self._described())

    async def _start(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        fields = await read_body(request, StepFields.read)
        if not is_installed():
            raise ApiError(400, ADVICE, code="not_installed")
        check_key(self._settings.personas, fields.persona)
        export = await asyncio.to_thread(self._export)
        await self._jobs.begin(step_command(fields, self._settings.file, export))
        return json_reply(await self._described())

    async def _stop(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        return json_reply({"stopped": self._jobs.stop(), **await self._described()})

    async def _output(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Return the output of the newest step from a byte on; a page that comes back begins with 0."""
        since = request.query.get("since", "0")
        if not (since.isascii() and since.isdecimal() and len(since) < 16):
            raise bad_field("since", "ask with the `next` of the answer before")
        job = self._jobs.job
        told = job and job.described()  # before the output is read, so that an end has all of it
        text, position = await asyncio.to_thread(self._jobs.output, int(since))
        return json_reply({"text": text, "next": position, "job": told})

    async def _ended(self, command: StepCommand, code: int) -> None:
        """Let a persona speak under what it has learned."""
        if command.step in _LEARNS:
            async with self._folders.lock:
                try:
                    await self._folders.chat.reload_personas("")
                except UserError as error:
                    log.warning("personas_not_reloaded", extra={"reason": str(error)})
