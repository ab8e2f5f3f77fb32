"""Types of the modules that add commands to the command line."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

Commands = argparse._SubParsersAction  # of add_subparsers; argparse has no public name for the class
Folder = Callable[[Namespace], Path]  # finds the folder of the persona that the options name
