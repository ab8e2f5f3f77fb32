# Run README's lines for PowerShell as a person would, then the tests that need no POSIX system.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
$OutputEncoding = [Text.UTF8Encoding]::new()
Set-Location (Split-Path $PSScriptRoot)
$env:ALTEREGO_DATA = Join-Path ([IO.Path]::GetTempPath()) "alterego-$PID"

# The lines of the block of README behind a marker.
function Get-Block($marker) {
    $after = (Get-Content README.md -Raw -Encoding utf8) -split [regex]::Escape("<!-- $marker -->"), 2
    if ($after.Count -lt 2) { throw "README has lost its block $marker" }
    ($after[1] -split '```')[1].Trim() -split "\r?\n"
}

$lines = Get-Block 'talk-windows'
$lines | Select-Object -SkipLast 1 | ForEach-Object { Invoke-Expression $_ }
Invoke-Expression "'Good evening. My name is Ana.' | $($lines[-1])"
.venv\Scripts\python -m bot chat --say 'Do you know my name?' --prompts prompts.jsonl
if (-not (Select-String -Quiet 'My name is Ana' prompts.jsonl)) { throw 'It has forgotten what was said.' }
.venv\Scripts\python -m bot data forget --author local
.venv\Scripts\python -m bot data status

.venv\Scripts\pip install -e '.[test]' torch==2.13.0
.venv\Scripts\mypy
$tests = 'tests/bot/prompt', 'tests/bot/text', 'tests/bot/persona', 'tests/bot/engine/core', 'tests/training/scrub', 'tests/training/dataset'
.venv\Scripts\python -m pytest -q -n 2 --dist loadfile @tests
