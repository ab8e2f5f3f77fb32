"""What every module that adds commands to the command line needs."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

Commands = argparse._SubParsersAction  # argparse has no public name for what it gives
Folder = Callable[[Namespace], Path]  # finds the folder of the persona that the options name
