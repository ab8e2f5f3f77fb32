"""Adapters of a persona with what their manifests say, its runs with their curves, and its report."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.adapter.folders import shown_folder
from bot.adapter.manifest import AdapterManifest, read_manifest, trained_names
from bot.api.errors import ApiError, bad_field
from bot.platforms.web.owner.personas import PersonaFolders
from bot.platforms.web.owner.replies import json_reply
from bot.platforms.web.owner.run_files import (
    REPORT_PAGE,
    list_runs,
    read_curve,
    read_report,
    report_home,
)
from bot.platforms.web.routes import RouteTable
from bot.untrusted import RefusedFile

_RUN_FACTS = ("run", "steps", "best_step", "best_loss", "seconds", "tokens", "learned")
_RECIPE_FACTS = ("rank", "alpha", "rate", "batch", "epochs", "dropout", "precision", "device", "seed")


class AdaptersPage:
    """Routes of adapters, runs and reports; all of them read files."""

    def __init__(self, folders: PersonaFolders) -> None:
        self._folders = folders

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/owner/personas/{key}/adapters", self._adapters)
        routes.add("GET", "/page/owner/personas/{key}/runs/{run}", self._curve)
        routes.add("GET", "/page/owner/personas/{key}/report.html", self._report_page)

    async def _adapters(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        folders, key = self._folders, values["key"]
        persona, folder = folders.persona(key), folders.folder(key)
        served = folders.chat.served(persona).adapter if persona.adapters else None
        loaded = key in folders.chat.engine.status().adapters
        return json_reply(
            await asyncio.to_thread(
                lambda: {
                    "adapters": [
                        _described(each, is_served=each == served and loaded) for each in persona.adapters
                    ],
                    "note": folders.chat.adapter_note(persona),
                    "strength": persona.strength,
                    "report": read_report(folder),
                    "runs": list_runs(folder / "work"),
                }
            )
        )

    async def _curve(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Return the losses of a run from a byte of its log on, so that a page reads each line once."""
        since = request.query.get("since", "0")
        if not (since.isascii() and since.isdecimal() and len(since) < 16):
            raise bad_field("since", "ask with the `next` of the answer before")
        work = self._folders.folder(values["key"]) / "work"
        curve = await asyncio.to_thread(read_curve, work, values["run"], int(since))
        if curve is None:
            raise ApiError(404, "There is no such run.", "run", "unknown_run")
        return json_reply(curve)

    async def _report_page(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Return report.html as a file to keep: it has a script of its own, which this page never runs."""
        content = await asyncio.to_thread(_report_content, self._folders.folder(values["key"]))
        return web.Response(
            body=content,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f'attachment; filename="{REPORT_PAGE}"',
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )


def _report_content(folder: Path) -> bytes:
    home = report_home(folder)
    if home is None or not (home / REPORT_PAGE).is_file():
        raise ApiError(404, "There is no report: `training evaluate` writes one.", code="unknown_report")
    return (home / REPORT_PAGE).read_bytes()


def _described(folder: Path, *, is_served: bool) -> dict[str, object]:
    """Return an adapter's folder, and the facts of its manifest by name."""
    told: dict[str, object] = {"folder": shown_folder(folder), "is_served": is_served, "fault": ""}
    try:
        return {**told, "facts": _facts(read_manifest(folder))}
    except RefusedFile as refused:
        return {**told, "fault": f"{refused.reason}: {refused.remedy}", "facts": {}}


def _facts(manifest: AdapterManifest) -> dict[str, object]:
    run: Mapping[str, Any] = manifest.run or {}
    record = run.get("record")
    recipe = record.get("recipe") if isinstance(record, dict) else None
    facts = {
        "base_model": manifest.base_model,
        "speaker_names": trained_names(manifest),
        **{name: run.get(name) for name in _RUN_FACTS},
        **{name: recipe.get(name) for name in _RECIPE_FACTS if isinstance(recipe, dict)},
        "authors": len(manifest.lineage.authors) if manifest.lineage else None,
    }
    return {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
