/* Products of bfloat16 by AMX tiles, which Intel CPUs since Sapphire Rapids have. */

#ifndef ALTEREGO_AMX_H
#define ALTEREGO_AMX_H

#include "common.h"

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tile_config { /* the operand of LDTILECFG */
    uint8_t palette, start, unused[14];
    uint16_t bytes[16];
    uint8_t rows[16];
};

/* Whether this process may use AMX: Linux grants it on request (ARCH_REQ_XCOMP_PERM of XTILEDATA). */
int has_amx(void) { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

/* y [rows, out] = x [rows, in] W^T for at most 32 rows; weights in oneDNN's order [out / width, in / 2,
   width, 2]. */
void amx_matmul(const bf16 *x, const bf16 *weights, bf16 *y, long rows, long in, long out, long width)
{
    const int upper = rows > 16 ? 16 : rows, lower = rows - upper;
    struct tile_config config = {.palette = 1}; /* tiles 0 and 1 hold x, 2 and 3 weights, 4 to 7 sums */
    for (int n = 0; n < 8; n++) {
        config.bytes[n] = 64;
        config.rows[n] = n == 2 || n == 3 ? 16 : n == 1 || n > 5 ? lower + !lower : upper;
    }
#pragma omp parallel
    {
        float sums[32][32] __attribute__((aligned(64)));
        struct tile_config before; /* other libraries may rely on this thread's configuration */
        _tile_storeconfig(&before);
        _tile_loadconfig(&config);
#pragma omp for schedule(static)
        for (long column = 0; column < out; column += 32) {
            const bf16 *block = weights + column / width * width * in + column % width * 2;
            _tile_zero(4);
            _tile_zero(5);
            _tile_zero(6);
            _tile_zero(7);
            for (long i = 0; i < in; i += 32) {
                const bf16 *part = block + i * width;
                for (int n = 0; n < 16; n++)
                    prefetch((const char *)(part + n * 2 * width) + PREFETCH_AHEAD, 128);
                _tile_loadd(0, x + i, in * 2);
                _tile_loadd(2, part, width * 4);
                _tile_loadd(3, part + 32, width * 4);
                _tile_dpbf16ps(4, 0, 2);
                _tile_dpbf16ps(5, 0, 3);
                if (lower) {
                    _tile_loadd(1, x + 16 * in + i, in * 2);
                    _tile_dpbf16ps(6, 1, 2);
                    _tile_dpbf16ps(7, 1, 3);
                }
            }
            _tile_stored(4, &sums[0][0], 128);
            _tile_stored(5, &sums[0][16], 128);
            if (lower) {
                _tile_stored(6, &sums[16][0], 128);
                _tile_stored(7, &sums[16][16], 128);
            }
            for (long n = 0; n < rows; n++)
                for (long i = 0; i < 32; i++)
                    y[n * out + column + i] = bf16_of_float(sums[n][i]);
        }
        _tile_loadconfig(&before);
    }
}

#endif
