"""Types for the modules that add commands to the command line."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

Commands = argparse._SubParsersAction  # argparse has no public name for this type
Folder = Callable[[Namespace], Path]  # returns the folder of the persona that the options name
