/* Operations of a decoding step that torch has no fast operator for, compiled for the CPU that runs them.

   Memory bandwidth limits a decoding step: each matrix is read once and multiplied with a few tokens. A CPU's
   hardware prefetcher stops at the end of a memory page, so these operations prefetch by themselves, which
   alone doubles the bytes that a core reads in a second. No function checks its arguments, and none allocates
   memory: `native.py` says which arguments are valid.

   All headers but those of `quantised.c` are parts of this one translation unit, so that every operation can
   inline its parts. */

#include "elementwise.h"

#include "attention.h"

#include "lora.h"

#if HAS_AMX
#include "amx.h"
#else
int has_amx(void) { return 0; }
#endif

#include "decoder_layer.h"
