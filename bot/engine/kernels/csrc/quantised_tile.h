/* The product of a decoded panel with a tile of tokens, whose sums stay in registers. */

#ifndef ALTEREGO_QUANTISED_TILE_H
#define ALTEREGO_QUANTISED_TILE_H

#include "quantised_activations.h"
#include "quantised_blocks.h"

/* What turns codes into weights: a scale and a minimum; a scale, of codes that are raised or have a sign; and a
   scale for each half of a block of 32. */
enum { WITH_MINIMUM, RAISED_BY, AS_IT_IS, HALVES };

/* dots [tokens] = the products of `steps` quads of codes with a tile of tokens. */
INLINE void multiply_codes(const wide_uint *codes, const uint32_t *quads, const int32_t *starts, long shift,
                           wide_int *dots, const long tokens, const long steps, const int kind)
{
    for (long t = 0; t < tokens; t++)
        dots[t] = starts ? wide_ints(starts[t]) : (wide_int){0};
    if (shift)
        for (long t = 0; t < tokens; t++)
            dots[t] >>= shift;
    for (long i = 0; i < steps; i++)
        for (long t = 0; t < tokens; t++)
            dots[t] = wide_dot(dots[t], codes[i], quads[i * tokens + t], kind == AS_IT_IS);
}

INLINE wide_float wide_floats_of(wide_int dots) { return __builtin_convertvector(dots, wide_float); }

/* sums [tokens] += the products of panels abreast with a tile of tokens, over `blocks` blocks of 32 columns. */
INLINE void multiply_tile(const struct panel *panel, const uint32_t *record, long blocks, long shift,
                          wide_float *sums, const long tokens, const int kind)
{
    const wide_uint *codes = (const wide_uint *)panel->codes;
    const wide_float *panel_scales = (const wide_float *)panel->scales,
                     *minima = (const wide_float *)panel->minima;
    wide_float totals[MAX_TILE];
    wide_int dots[MAX_TILE], upper[MAX_TILE];
    for (long t = 0; t < tokens; t++)
        totals[t] = sums[t];
    for (long b = 0; b < blocks; b++, codes += 8, record += RECORD_WORDS * tokens) {
        const float *scales = (const float *)record, *weighted = scales + tokens;
        const int32_t *starts = (const int32_t *)record + 2 * tokens;
        const uint32_t *quads = record + RECORD_CODES * tokens;
        if (kind == HALVES) {
            const wide_float scale = panel_scales[2 * b], other = panel_scales[2 * b + 1];
            wide_float parts[MAX_TILE];
            multiply_codes(codes, quads, starts + tokens, 0, dots, tokens, 4, kind);
            for (long t = 0; t < tokens; t++)
                parts[t] = wide_floats_of(dots[t]) * scale;
            multiply_codes(codes + 4, quads + 4 * tokens, starts + 2 * tokens, 0, upper, tokens, 4, kind);
            for (long t = 0; t < tokens; t++)
                totals[t] = wide_fused(wide_fused(wide_floats_of(upper[t]), other, parts[t]), wide_floats(scales[t]), totals[t]);
            continue;
        }
        multiply_codes(codes, quads, kind == RAISED_BY ? starts : 0, shift, dots, tokens, 8, kind);
        for (long t = 0; t < tokens; t++)
            totals[t] = wide_fused(wide_floats_of(dots[t]), panel_scales[b] * wide_floats(scales[t]), totals[t]);
        if (kind == WITH_MINIMUM)
            for (long t = 0; t < tokens; t++)
                totals[t] = wide_fused(minima[b], wide_floats(weighted[t]), totals[t]);
    }
    for (long t = 0; t < tokens; t++)
        sums[t] = totals[t];
}

/* Start the products of one token with a unit of `blocks` blocks, as `multiply_codes` does. */
INLINE void start_dots(const uint32_t *record, long blocks, long shift, vint *dots, const int kind)
{
    for (long b = 0; b < blocks; b++, record += RECORD_WORDS) {
        const int32_t *starts = (const int32_t *)record + 2;
        dots[2 * b] = kind == HALVES      ? int_lanes(starts[1])
                      : kind == RAISED_BY ? int_lanes(starts[0]) >> shift
                                          : (vint){0};
        dots[2 * b + 1] = kind == HALVES ? int_lanes(starts[2]) : (vint){0};
    }
}

INLINE vfloat floats_of(vint dots) { return __builtin_convertvector(dots, vfloat); }

/* Return `total` plus the products of one token with a unit, in the order of `multiply_tile`. */
INLINE vfloat add_dots(const struct panel *panel, long blocks, vfloat total, const int kind)
{
    const float *record = (const float *)panel->record;
    for (long b = 0; b < blocks; b++, record += RECORD_WORDS) {
        const vint *dots = panel->dots + 2 * b;
        if (kind == HALVES) {
            const vfloat part = floats_of(dots[0]) * panel->scales[ABREAST * 2 * b];
            total = fused(fused(floats_of(dots[1]), panel->scales[ABREAST * (2 * b + 1)], part), float_lanes(record[0]), total);
            continue;
        }
        total = fused(floats_of(dots[0] + dots[1]), panel->scales[ABREAST * b] * float_lanes(record[0]), total);
        if (kind == WITH_MINIMUM)
            total = fused(panel->minima[ABREAST * b], float_lanes(record[1]), total);
    }
    return total;
}

#define TILE_OF(n)                                                                                           \
    case n:                                                                                                  \
        multiply_tile(panel, record, blocks, shift, sums, n, kind);                                          \
        break;

INLINE void multiply_any_tile(const struct panel *panel, const uint32_t *record, long blocks, long shift,
                              wide_float *sums, long tokens, const int kind)
{
    switch (tokens) { /* never one: `multiply_row` */
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
#if MAX_TILE > 4
        TILE_OF(5)
        TILE_OF(6)
        TILE_OF(7)
        TILE_OF(8)
#endif
    }
}

#endif
