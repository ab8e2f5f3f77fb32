"""The compiler is one that shares OpenMP threads with torch; its flags fit system, CPU and compiler."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.engine.kernels import compiler, toolchain
from bot.engine.kernels.toolchain import find_toolchains, toolchains_of
from tests.paths import ROOT

LIBOMP = Path("/venv/torch/lib/libomp.dylib")
GCC, CLANG, APPLE = (
    "gcc (Debian 12.2.0-14) 12.2.0",
    "Debian clang version 14.0.6",
    "Apple clang version 16.0.0",
)


@pytest.mark.parametrize(
    ("version", "libomp", "machine", "cpus", "openmp"),
    [
        (GCC, None, "x86_64", [("-march=native",)], ("-fopenmp",)),
        (GCC, None, "aarch64", [("-mcpu=native",), ()], ("-fopenmp",)),
        (APPLE, LIBOMP, "arm64", [("-mcpu=native",), ()], ("-Xclang", "-fopenmp")),
        (CLANG, LIBOMP, "x86_64", [("-march=native",)], ("-Xclang", "-fopenmp")),
        (CLANG, None, "x86_64", [], ()),  # torch's threads are gcc's, which clang cannot compile for
        (APPLE, None, "arm64", [], ()),
        (GCC, LIBOMP, "arm64", [], ()),
        ("", None, "x86_64", [("-march=native",)], ("-fopenmp",)),
    ],
)
def test_flags_fit_the_compiler_the_cpu_and_the_openmp_of_torch(
    version: str, libomp: Path | None, machine: str, cpus: list[tuple[str, ...]], openmp: tuple[str, ...]
) -> None:
    found = [*toolchains_of(["/bin/cc"], version, libomp, machine, ".so")]
    assert [each.flags for each in found] == [(*cpu, *openmp, *toolchain.FLAGS) for cpu in cpus]
    for each in found:
        assert each.links[-1] == "-lm"
        assert (str(LIBOMP) in each.links) == (libomp is not None)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of our own, as its folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CC", raising=False)
    return folder


def add_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="of compilers on Linux")
@pytest.mark.parametrize(
    ("cc", "expected"),
    [
        (None, [["gcc"]]),
        ("gcc-13", [["gcc-13"], ["gcc"]]),
        ("ccache gcc-13", [["ccache", "gcc-13"], ["gcc"]]),
        ("clang", [["gcc"]]),
        ("gcc-99", [["gcc"]]),
        ("", [["gcc"]]),
    ],
)
def test_cc_is_tried_first_where_it_is_here_and_shares_threads_with_torch(
    programs: Path, monkeypatch: pytest.MonkeyPatch, cc: str | None, expected: list[list[str]]
) -> None:
    for name, version in {"gcc": GCC, "gcc-13": GCC, "ccache": GCC, "clang": CLANG}.items():
        add_program(programs, name, f"echo '{version}'")
    if cc is not None:
        monkeypatch.setenv("CC", cc)
    commands = [[Path(each.command[0]).name, *each.command[1:]] for each in find_toolchains()]
    # each command once for every way to name the CPU
    assert list(dict.fromkeys(map(tuple, commands))) == [tuple(words) for words in expected]


@pytest.mark.parametrize(("installed", "tried"), [(True, True), (False, False)])
def test_macos_is_asked_for_its_compiler_only_where_that_is_installed(
    programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool, tried: bool
) -> None:
    """Else the system opens a window: here its place holder leaves a note when it is called."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(toolchain, "find_torch_libomp", lambda: LIBOMP)
    add_program(programs, "clang", f"echo called > {tmp_path / 'called'}; echo '{APPLE}'")
    add_program(programs, "xcode-select", "echo /Developer" if installed else "exit 2")
    assert bool([*find_toolchains()]) == tried
    assert (tmp_path / "called").exists() == tried
    assert all(each.suffix == ".dylib" for each in find_toolchains())


@pytest.mark.parametrize("system", ["win32", "freebsd14"])
def test_other_systems_use_the_operators_of_torch(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert not [*find_toolchains()]


def test_the_openmp_of_torch_is_found_without_its_import(tmp_path: Path) -> None:
    (tmp_path / "torch/lib").mkdir(parents=True)
    (tmp_path / "torch/__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "torch/lib/libomp.dylib").touch()
    code = "from bot.engine.kernels.toolchain import find_torch_libomp; print(find_torch_libomp())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path))}
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(tmp_path / "torch/lib/libomp.dylib")


def test_the_next_way_is_tried_when_a_compiler_does_not_know_this_cpu(
    programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As clang did on ARM for years."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(toolchain.platform, "machine", lambda: "aarch64")
    script = 'case "$*" in *-mcpu=native*) exit 1;; esac\n'
    script += 'for out in "$@"; do [ "$before" = -o ] && echo x > "$out"; before=$out; done; true'
    add_program(programs, "gcc", script)
    library = compiler.build_library(tmp_path / "cache")
    assert library is not None
    assert library.read_text() == "x\n"


def test_clang_links_the_openmp_that_it_is_given(tmp_path: Path) -> None:
    """The flags for macOS, as far as Linux can show them: two threads, by LLVM's OpenMP and no other."""
    files = [*Path("/usr/lib").glob("llvm-*/lib/libomp.so.5"), *Path("/usr/lib").glob("*/libomp.so.5")]
    if shutil.which("clang") is None or not files:
        pytest.skip("this machine has no clang with LLVM's OpenMP")
    (way,) = toolchains_of(["clang"], CLANG, files[0], "x86_64", ".so")
    source = tmp_path / "threads.c"
    source.write_text(
        "int omp_get_num_threads(void);\n"
        "int threads(void) { int n = 0;\n#pragma omp parallel\nn = omp_get_num_threads(); return n; }\n"
    )
    output = tmp_path / "threads.so"
    subprocess.run([*way.command, *way.flags, str(source), "-o", str(output), *way.links], check=True)
    code = (
        f"import ctypes; print(ctypes.CDLL({str(output)!r}).threads()); print(open('/proc/self/maps').read())"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert found.stdout.startswith("2\n")
    assert "libomp" in found.stdout
    assert "libgomp" not in found.stdout


@pytest.mark.skipif(shutil.which("clang") is None, reason="this machine has no clang")
def test_clang_compiles_every_operation_for_apples_processors(tmp_path: Path) -> None:
    """As far as a machine shows it that has no headers of macOS: two declarations stand for them."""
    (tmp_path / "string.h").write_text(
        "void *memcpy(void *, const void *, __SIZE_TYPE__);\nvoid *memset(void *, int, __SIZE_TYPE__);\n"
    )
    (way, _) = toolchains_of(["clang"], APPLE, LIBOMP, "arm64", ".dylib")
    apple = ["--target=arm64-apple-macosx14", "-ffreestanding", "-isystem", str(tmp_path), "-c"]
    flags = [flag for flag in way.flags if flag not in ("-mcpu=native", "-shared")]
    names = b""
    for name in ("native", "quantised"):
        source, output = str(ROOT / f"bot/engine/kernels/csrc/{name}.c"), tmp_path / f"{name}.o"
        command = [*way.command, *flags, *apple, source, "-o", str(output)]
        subprocess.run(command, check=True, capture_output=True)
        names += output.read_bytes()
    for operation in (
        "rms_norm",
        "silu_and_mul",
        "rotary_embedding",
        "decode_attention",
        "add_lora",
        "quantised_matmul",
    ):
        assert f"_{operation}\0".encode() in names
    assert b"___kmpc_fork_call\0" in names  # of LLVM's OpenMP
