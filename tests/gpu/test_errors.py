"""Every error that a card, its driver or its libraries raise is one fault with one remedy."""

import pytest
import torch

from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.runtime.errors import DeviceLost, explain_failure, raise_if_lost
from bot.errors import UserError
from tests.fakes.card.card import pretended_card
from tests.fakes.card.guard import COMPILER

needs_card = pytest.mark.skipif(COMPILER is None, reason="a pretended card needs g++ once")
CUDA = torch.device("cuda")
ADVICE = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below"
)
FAULTS: dict[DeviceFault, list[BaseException]] = {
    DeviceFault.OUT_OF_MEMORY: [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity"),
        torch.OutOfMemoryError("HIP out of memory. Tried to allocate 2.00 GiB."),
        torch.AcceleratorError("CUDA error: out of memory" + ADVICE),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasGemmEx( handle, opa`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GiB, max allowed: 9.07 GiB)."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not enough memory"),
        RuntimeError("The paging file is too small for this operation to complete. (os error 1455)"),
        OSError(12, "Cannot allocate memory"),
        MemoryError(),
    ],
    DeviceFault.CONTEXT_LOST: [
        torch.AcceleratorError("CUDA error: unspecified launch failure" + ADVICE),
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered" + ADVICE),
        torch.AcceleratorError("CUDA error: an illegal instruction was encountered" + ADVICE),
        torch.AcceleratorError("CUDA error: misaligned address" + ADVICE),
        torch.AcceleratorError("CUDA error: device-side assert triggered" + ADVICE),
        torch.AcceleratorError("CUDA error: the launch timed out and was terminated" + ADVICE),
        torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered" + ADVICE),
        torch.AcceleratorError("CUDA error: unknown error" + ADVICE),
        torch.AcceleratorError("CUDA error: driver shutting down" + ADVICE),
        RuntimeError("HIP error: unspecified launch failure"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx( handle, opa`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ],
    DeviceFault.NO_KERNEL_IMAGE: [
        torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device"),
        torch.AcceleratorError("HIP error: invalid device function"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ARCH_MISMATCH when calling `cublasGemmEx( handle, opa`"),
    ],
    DeviceFault.OLD_DRIVER: [
        RuntimeError("The NVIDIA driver on your system is too old (found version 11040)."),
        torch.AcceleratorError("CUDA error: CUDA driver version is insufficient for CUDA runtime version"),
        torch.AcceleratorError("CUDA error: the provided PTX was compiled with an unsupported toolchain."),
        torch.AcceleratorError("CUDA error: forward compatibility was attempted on non supported HW"),
    ],
    DeviceFault.NO_CARD: [
        RuntimeError("No CUDA GPUs are available"),
        AssertionError("Torch not compiled with CUDA enabled"),
        RuntimeError("Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
        torch.AcceleratorError("CUDA error: no CUDA-capable device is detected"),
        torch.AcceleratorError("CUDA error: invalid device ordinal"),
        RuntimeError("CUDA unknown error - this may be due to an incorrectly set up environment"),
    ],
    DeviceFault.CARD_BUSY: [
        torch.AcceleratorError("CUDA error: CUDA-capable device(s) is/are busy or unavailable"),
        torch.AcceleratorError("CUDA error: system not yet initialized"),
    ],
}  # fmt: skip
CASES = [(fault, error) for fault, errors in FAULTS.items() for error in errors]
CODES = {
    2: "OUT_OF_MEMORY",
    700: "CONTEXT_LOST",
    719: "CONTEXT_LOST",
    209: "NO_KERNEL_IMAGE",
    35: "OLD_DRIVER",
}


@pytest.mark.parametrize(("fault", "error"), CASES, ids=lambda value: str(value)[:60])
def test_an_error_has_its_fault(fault: DeviceFault, error: BaseException) -> None:
    assert device_fault_of(error) is fault


@pytest.mark.parametrize(("code", "name"), CODES.items())
def test_a_number_of_cuda_tells_where_words_do_not(code: int, name: str) -> None:
    error = torch.AcceleratorError("CUDA error: in words of a later version")
    error.error_code = code  # type: ignore[attr-defined]
    assert device_fault_of(error) is DeviceFault[name]


@pytest.mark.parametrize(
    "error",
    [KeyError("CUDA error: out of memory"), ValueError("not enough memory"), RuntimeError("size mismatch")],
)
def test_other_errors_are_no_fault_of_a_device(error: Exception) -> None:
    assert device_fault_of(error) is None
    assert explain_failure(error) is error


def test_an_error_that_wraps_a_fault_has_the_fault() -> None:
    error = ValueError("the model could not be loaded")
    error.__cause__ = torch.OutOfMemoryError("CUDA out of memory.")
    assert device_fault_of(error) is DeviceFault.OUT_OF_MEMORY


@pytest.mark.parametrize(("fault", "error"), CASES, ids=lambda value: str(value)[:60])
def test_a_request_that_meets_a_fault_fails_with_a_remedy(fault: DeviceFault, error: BaseException) -> None:
    told = explain_failure(error)
    assert isinstance(told, UserError)
    assert ":" in str(told)
    assert str(told).count(".") - str(told).count("pytorch.org") == 1
    assert "CUDA error" not in str(told)


@needs_card
@pytest.mark.parametrize(("fault", "error"), CASES, ids=lambda value: str(value)[:60])
def test_only_a_card_that_computes_nothing_any_more_is_lost(fault: DeviceFault, error: BaseException) -> None:
    with pretended_card() as card:
        raise_if_lost(error, CUDA)
        card.fail(torch.AcceleratorError("CUDA error: unspecified launch failure"), sticky=True)
        with pytest.raises(DeviceLost) as lost:
            raise_if_lost(error, CUDA)
        assert lost.value.__cause__ is error


@needs_card
def test_a_full_card_is_not_lost() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory.")
    with pretended_card() as card:
        card.fail(error, sticky=True)
        raise_if_lost(error, CUDA)


@needs_card
def test_an_error_that_is_no_fault_of_a_card_asks_no_card() -> None:
    with pretended_card() as card:
        card.fail(torch.AcceleratorError("CUDA error: unspecified launch failure"), sticky=True)
        raise_if_lost(KeyError("a bug"), CUDA)
