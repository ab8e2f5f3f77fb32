"""The operations of `csrc/` on the same vectors by every compiler and processor: x86, and ARM in qemu."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.engine.kernels import toolchain
from bot.engine.kernels.compiler import cpu_features
from bot.engine.kernels.structs import QUANTISED_TYPES
from tests.bot.engine.kernels import reference
from tests.bot.engine.kernels.reference import Case
from tests.paths import ROOT

HARNESS = Path(__file__).parent / "harness"
FLAGS = [flag for flag in toolchain.FLAGS if flag not in ("-shared", "-fPIC")]
CROSS = "aarch64-linux-gnu-gcc"
ALONE, TOGETHER = {True: 1e-5, False: 5e-3}, {True: 2e-6, False: 3e-3}  # by `is_f32`: relative to the norm
TIES, NF4 = 1e-4, 0.01  # activations half way between two codes; codes of NF4 are multiples of 1/112


@dataclass(frozen=True)
class Build:
    """One program of the harness: who compiles it for which processor, and what runs it."""

    name: str  # `simd_name` of the library
    compiler: str
    cpu: str  # the compiler's flags
    runner: tuple[str, ...] = ()
    options: tuple[str, ...] = ("-fopenmp",)

    def __str__(self) -> str:
        return f"{self.compiler} {self.cpu}"

    def skip_unless_installed(self) -> None:
        """Skip the test where a program is missing, or where this CPU lacks the instructions."""
        programs = (self.compiler, *self.runner[:1], *((CROSS,) if self.runner else ()))
        for program in programs:
            if shutil.which(program) is None:
                pytest.skip(f"this machine has no {program}")
        if not self.runner and X86[self.cpu] not in cpu_features().split():
            pytest.skip(f"this CPU does not run code for {self.cpu}")


X86 = {  # and a flag that Linux lists for it
    "-march=x86-64-v3": b"avx2",
    "-march=x86-64-v4": b"avx512vl",
    "-march=x86-64-v3 -mavxvnni": b"avx_vnni",
    "-march=x86-64-v4 -mavx512vnni": b"avx512_vnni",
}
CLANG_FOR_ARM = ("--target=aarch64-linux-gnu", "-static")  # without an OpenMP, as Debian's clang has none


def qemu(cpu: str) -> tuple[str, ...]:
    return "qemu-aarch64", "-cpu", cpu


BUILDS = [
    Build("avx2", "gcc", "-march=x86-64-v3"),
    Build("avx512", "gcc", "-march=x86-64-v4"),
    Build("avx2 vnni", "gcc", "-march=x86-64-v3 -mavxvnni"),
    Build("avx512 vnni", "gcc", "-march=x86-64-v4 -mavx512vnni"),
    Build("avx2", "clang", "-march=x86-64-v3", options=()),
    Build("neon", CROSS, "-march=armv8-a", qemu("cortex-a53"), ("-static", "-fopenmp")),
    # Raspberry Pi 5
    Build("neon dotprod", CROSS, "-mcpu=cortex-a76", qemu("cortex-a76"), ("-static", "-fopenmp")),
    # Graviton 3: i8mm, bf16, and SVE of 32 bytes
    Build(
        "neon dotprod i8mm",
        CROSS,
        "-mcpu=neoverse-v1",
        qemu("max,sve-default-vector-length=32"),
        ("-static", "-fopenmp"),
    ),
    Build("neon dotprod", "clang", "-mcpu=apple-m1", qemu("max"), CLANG_FOR_ARM),
]


@cache
def cases_of(build: Build, folder: Path) -> tuple[str, tuple[Case, ...]]:
    """Compile and run the harness once; return the library's `simd_name` and the cases."""
    program = folder / str(build).replace(" ", "-")
    folder_of_sources = ROOT / "bot/engine/kernels/csrc"
    sources = ["-I", str(folder_of_sources), str(HARNESS / "main.c"), str(folder_of_sources / "quantised.c")]
    command = [build.compiler, *FLAGS, *build.cpu.split(), *build.options, *sources, "-o", str(program)]
    subprocess.run([*command, "-lm"], check=True, capture_output=True, text=True)
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    run = subprocess.run([*build.runner, str(program)], check=True, capture_output=True, env=environment)
    program.unlink()
    return reference.read_cases(run.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("harness")
    cases_of.cache_clear()


# of the two that are like another one, the compilation and the run in qemu take 20 s each
SLOW = {"aarch64-linux-gnu-gcc -march=armv8-a", "clang -mcpu=apple-m1"}
ROWS = [pytest.param(each, marks=[pytest.mark.slow] * (str(each) in SLOW)) for each in BUILDS]


@pytest.fixture(params=ROWS, ids=map(str, BUILDS))
def build(request: pytest.FixtureRequest) -> Build:
    chosen: Build = request.param
    chosen.skip_unless_installed()
    return chosen


def test_a_build_has_the_instructions_that_it_is_for(build: Build, folder: Path) -> None:
    name, cases = cases_of(build, folder)
    assert name == build.name
    assert {case.operation for case in cases} == {*reference.FORMULAS, "rounding", "lanes", "exponentials"}


def test_every_operation_is_its_formula_in_float64(build: Build, folder: Path) -> None:
    for case in cases_of(build, folder)[1]:
        if formula := reference.FORMULAS.get(case.operation):
            error = relative_error(case.result, formula(case))
            assert error <= allowed_error(case), (str(case), error)


def test_a_token_has_the_same_product_alone(build: Build, folder: Path) -> None:
    cases = [case for case in cases_of(build, folder)[1] if case.operation == "quantised_matmul"]
    assert cases
    for case in cases:
        assert case["alone"].tobytes() == case["y"].tobytes(), str(case)


def test_rounding_and_sums_of_lanes_are_exact(build: Build, folder: Path) -> None:
    cases = {case.operation: case for case in cases_of(build, folder)[1]}
    rounding, lanes = cases["rounding"], cases["lanes"]
    assert rounding["y"].tobytes() == reference.rounded_to_bf16(rounding["x"]).tobytes()
    assert (lanes["found"] == lanes["expected"]).all()


def test_exponentials_have_the_relative_error_that_the_source_states(build: Build, folder: Path) -> None:
    (case,) = (case for case in cases_of(build, folder)[1] if case.operation == "exponentials")
    expected = np.exp(np.maximum(case["x"].astype(np.float64), -87))
    for kind, most in {"vectors": 4e-7, "scalars": 5e-6}.items():
        assert (np.abs(case[kind] / expected - 1) < most).all(), kind


def test_appended_keys_and_values_are_the_tokens_own(build: Build, folder: Path) -> None:
    for case in cases_of(build, folder)[1]:
        if case.operation == "decode_attention":
            for written, own in reference.appended_pairs(case):
                assert (written == own).all(), str(case)


def test_arm_and_x86_answer_the_same_vectors_alike(build: Build, folder: Path) -> None:
    """As near as sums in another order are; results in bfloat16 may be rounded to a neighbour."""
    gcc = next(each for each in BUILDS if each.compiler == "gcc" and each is not build)
    gcc.skip_unless_installed()
    for mine, other in zip(cases_of(build, folder)[1], cases_of(gcc, folder)[1], strict=True):
        if mine.operation in reference.FORMULAS:
            assert mine.inputs.keys() == other.inputs.keys()
            assert all((mine[name] == other[name]).all() for name in mine.inputs if name != "alone"), str(
                mine
            )
            error = relative_error(mine.result, other.result.astype(np.float64))
            assert error <= TOGETHER[mine.is_f32], (str(mine), error)


def allowed_error(case: Case) -> float:
    """Return the error relative to the norm that an operation's way to compute allows."""
    if case.operation != "quantised_matmul":
        return ALONE[case.is_f32]
    is_nf4 = QUANTISED_TYPES[case.sizes[0]] == "NF4"
    return ALONE[case.is_f32] + (NF4 if is_nf4 else TIES)


def relative_error(mine: NDArray[np.float32], expected: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(mine.ravel() - expected.ravel()) / np.linalg.norm(expected))
