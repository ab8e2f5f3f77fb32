"""The words that tell people about a format: how to export it, what is read, and what is left out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guide:
    """`steps` lead to the export in the platform's own words: menus, divided by ">", or a program's line.

    `reads` and `leaves_out` are lists in plain words. `marks` are what each file of the format holds, in
    words that a person finds in the file (keys of JSON, names of columns, tables of a database): where no
    reader knows a file, the one most of whose marks are there is named, with those that are missing.
    `example` is one record of a data set, for those who write one themselves.
    """

    steps: str
    reads: str
    leaves_out: str
    marks: tuple[str, ...] = ()
    example: str = ""
