#!/usr/bin/env bash
# Makes the adapters of the demo personas anew from their invented exports: `personas/rebuild.sh [NAME ...]`, with the
# `python` that is first on the path. The evaluation's reports are put beside the adapters.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ozzo mara xiaoman

for name in "$@"; do
    me=()
    [ "$name" = ozzo ] && me=(--me ozzo)  # DiscordChatExporter does not say whose export it is
    python -m training import "personas/$name/export" --persona "$name" "${me[@]}"
    python -m training build --persona "$name"
    python -m training train --persona "$name"
    python -m training evaluate --persona "$name"
    cp "personas/$name/work/report.html" "personas/$name/work/report.json" "personas/$name/"
done
