"""The folders that tests read: the repository and the invented exports."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPORTS = ROOT / "tests" / "exports"
