"""Faults of devices by the errors that report them: memory that ran out, a lost context, a missing driver."""

import errno
from enum import Enum

import torch


class DeviceFault(Enum):
    """A kind of fault; its value says what happened and what to do."""

    OUT_OF_MEMORY = "the memory ran out: close other programs that use it, or choose a smaller model"
    CONTEXT_LOST = (
        "the graphics card stopped answering, as after a sleep or a reset of its driver: start the bot "
        "again; where that does not help, start the machine again"
    )
    NO_KERNEL_IMAGE = (
        "this torch has no code for the graphics card, which is too old or too new for it: install a torch "
        'for this card (pytorch.org/get-started/previous-versions), or set [model] device to "cpu"'
    )
    OLD_DRIVER = (
        "the driver of the graphics card is too old for this torch: install a newer driver, or a torch for "
        'an older CUDA, or set [model] device to "cpu"'
    )
    NO_CARD = (
        "torch finds no graphics card: install its driver and a torch that was built for it "
        '(pytorch.org/get-started), or set [model] device to "cpu"'
    )
    CARD_BUSY = (
        "the graphics card is busy or not ready: close the program that uses it, or start the machine again"
    )


# Numbers of cudaError_t and hipError_t, as torch.AcceleratorError has them in `error_code`.
_CODES = {
    DeviceFault.OUT_OF_MEMORY: {2},
    DeviceFault.OLD_DRIVER: {35, 36, 222, 803, 804},
    DeviceFault.NO_CARD: {100, 101},
    DeviceFault.NO_KERNEL_IMAGE: {98, 200, 209},
    DeviceFault.CARD_BUSY: {46, 802},
    DeviceFault.CONTEXT_LOST: {4, 201, 214, 220, *range(700, 722), 999} - {701},
}
# Lower-case words of torch, CUDA, cuBLAS, cuDNN, HIP, Metal and bitsandbytes. The first row that fits counts.
_WORDS = (
    (
        DeviceFault.OUT_OF_MEMORY,
        "out of memory",
        "not enough memory",
        "can't allocate memory",
        "cublas_status_alloc_failed",
        "cublas_status_not_initialized",
        "cudnn_status_alloc_failed",
        "cudnn_status_not_initialized",
        "cublas_status_internal_error",  # no room for a workspace, as far as the context still answers
        "hipblas_status_alloc_failed",
        "rocblas_status_memory_error",
        "os error 1455",  # the paging file of Windows is too small
    ),
    (
        DeviceFault.OLD_DRIVER,
        "driver version is insufficient",
        "driver on your system is too old",
        "not supported in the installed cuda driver",
        "unsupported toolchain",
        "unsupported display driver / cuda driver combination",
        "forward compatibility was attempted",
    ),
    (
        DeviceFault.NO_CARD,
        "no cuda gpus are available",
        "not compiled with cuda enabled",
        "found no nvidia driver",
        "no cuda-capable device",
        "no hip gpus are available",
        "invalid device ordinal",
        "you might not have a cuda gpu",
        "cuda unknown error",  # at the start of a process, as after a sleep: the driver must be loaded anew
    ),
    (
        DeviceFault.NO_KERNEL_IMAGE,
        "no kernel image is available",
        "device kernel image is invalid",
        "invalid device function",
        "cublas_status_arch_mismatch",
        "cudnn_status_arch_mismatch",
    ),
    (DeviceFault.CARD_BUSY, "busy or unavailable", "system not yet initialized"),
    (
        DeviceFault.CONTEXT_LOST,
        "unspecified launch failure",
        "illegal memory access",
        "illegal instruction",
        "illegal address",
        "misaligned address",
        "invalid program counter",
        "invalid device context",
        "hardware stack error",
        "device-side assert",
        "launch timed out",
        "device not ready",
        "driver shutting down",
        "uncorrectable ecc",
        "uncorrectable nvlink",
        "gpu is lost",
        "device lost",
        "cuda error: unknown error",
        "hip error: unknown error",
        "initialization error",
        "cublas_status_execution_failed",
        "cublas_status_mapping_error",
        "cudnn_status_execution_failed",
        "cudnn_status_internal_error",
        "cudnn_status_mapping_error",
    ),
)  # fmt: skip


def device_fault_of(error: BaseException) -> DeviceFault | None:
    """Return the fault of a device that an error or one of its causes reports; None for other errors."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if fault := _fault_of(cause):
            return fault
        seen.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None


def _fault_of(error: BaseException) -> DeviceFault | None:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return DeviceFault.OUT_OF_MEMORY
    if isinstance(error, OSError) and (error.errno == errno.ENOMEM or getattr(error, "winerror", 0) == 1455):
        return DeviceFault.OUT_OF_MEMORY
    code = getattr(error, "error_code", None) if isinstance(error, torch.AcceleratorError) else None
    if named := next((fault for fault, codes in _CODES.items() if code in codes), None):
        return named
    if not isinstance(error, RuntimeError | AssertionError | torch.cuda.DeferredCudaCallError):
        return None  # texts of other errors may quote a prompt
    text = str(error).lower()
    return next((fault for fault, *words in _WORDS if any(word in text for word in words)), None)
