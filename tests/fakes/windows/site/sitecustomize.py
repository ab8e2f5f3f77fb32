"""Python imports this before anything else in a process whose PYTHONPATH names this folder.

It pretends Windows to the packages `bot` and `training`, then runs the next `sitecustomize.py` on the path.
"""

import runpy
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[4]))  # the repository, for `tests`

from tests.fakes.windows.pretence import pretend_windows

pretend_windows()

own = Path(__file__).parent
others = (Path(folder) / "sitecustomize.py" for folder in sys.path if folder and Path(folder) != own)
if following := next((other for other in others if other.is_file()), None):
    runpy.run_path(str(following))
