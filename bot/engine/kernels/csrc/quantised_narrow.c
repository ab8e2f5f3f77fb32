/* Products of quantised weights with a few tokens on CPUs with AVX-512: in vectors of 256 bits, of which a core
   starts three at once, and two of 512 bits. Most of this work is the decoding, which longer vectors do not
   speed up; two pinned threads decode and multiply 1.5 times as fast. The sums are the very same. */

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define NARROW
#define quantised_matmul quantised_matmul_narrow
#include "quantised.h"
#else
typedef int unused; /* a source may not be empty */
#endif
