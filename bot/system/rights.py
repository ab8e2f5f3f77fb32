"""Rights of files: whether other users of this machine can read a file.

A new file on Windows has the rights of its folder, and `os.chmod` changes none of them.
"""

import os
import re
import stat
import sys
from pathlib import Path

# Everyone, Anonymous, Authenticated Users, Users, Guests, Interactive, Domain Users
_EVERYBODY = ("WD", "AN", "AU", "BU", "BG", "IU", "DU")
_ALLOWED = re.compile(r"\((?:A|XA);([A-Z]*);([A-Z]*|0x[0-9a-fA-F]+);[^;]*;[^;]*;([^;)]+)[;)]")
_READING = {"GA", "GR", "FA", "FR"}
_READ_BITS = 0x1 | 0x80000000 | 0x10000000  # FILE_READ_DATA, GENERIC_READ, GENERIC_ALL


def make_private(path: Path) -> None:
    """Remove the rights of group and others. The owner gets none: a read-only file may be intended.

    Does nothing on Windows, where the rights of the folder protect the file.
    """
    if sys.platform == "win32":
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        os.chmod(path, mode & 0o700)


def others_can_read(path: Path) -> bool:
    """Return whether users other than the owner and administrators may read a file, or files of a folder."""
    if sys.platform == "win32":
        return lets_everybody_read(_descriptor(path))
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def private_command(path: Path) -> str:
    """Return the command that leaves a file or folder to its owner."""
    if sys.platform == "win32":
        user, inherited = os.environ.get("USERNAME", "NAME"), "(OI)(CI)" if path.is_dir() else ""
        return f'icacls "{path}" /inheritance:r /grant:r "{user}:{inherited}F"'
    return f"chmod {'700' if path.is_dir() else '600'} {path}"


def lets_everybody_read(descriptor: str) -> bool:
    """Return whether a security descriptor in SDDL lets a group of all users read.

    Without an access list, everybody may do everything.
    """
    if "D:" not in descriptor or "NO_ACCESS_CONTROL" in descriptor:
        return True
    return any(
        trustee in _EVERYBODY and _reads(rights) for _, rights, trustee in _ALLOWED.findall(descriptor)
    )


def _reads(rights: str) -> bool:
    if rights.startswith("0x"):
        return bool(int(rights, 16) & _READ_BITS)
    return bool(_READING & {rights[at : at + 2] for at in range(0, len(rights), 2)})


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    def _descriptor(path: Path) -> str:
        """Return the access list of a file in Windows' security descriptor language (SDDL)."""
        security, kernel = ctypes.WinDLL("advapi32", use_last_error=True), ctypes.WinDLL("kernel32")
        kernel.LocalFree.argtypes = (ctypes.c_void_p,)
        found, text = ctypes.c_void_p(), wintypes.LPWSTR()
        error = security.GetNamedSecurityInfoW(
            ctypes.c_wchar_p(str(path)), 1, 4, None, None, None, None, ctypes.byref(found)
        )  # SE_FILE_OBJECT, DACL_SECURITY_INFORMATION
        if error:
            raise ctypes.WinError(error)
        try:
            if not security.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                found, 1, 4, ctypes.byref(text), None
            ):
                raise ctypes.WinError(ctypes.get_last_error())
            return text.value or ""
        finally:
            kernel.LocalFree(found)
            kernel.LocalFree(text)
