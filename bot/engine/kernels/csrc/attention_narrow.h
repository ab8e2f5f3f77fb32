/* The products of attention on vectors of four numbers (NEON), of which a head has eight to sixty-four: tiles
   of four by four sums, which stay in sixteen of the thirty-two registers. */

#ifndef ALTEREGO_ATTENTION_NARROW_H
#define ALTEREGO_ATTENTION_NARROW_H

#include "attention_sums.h"

/* `score_keys` for `tile` heads, which share each key that is loaded. */
INLINE void score_tile(const long tile, const long parts, vfloat (*queries)[PARTS],
                       const void *const *keys, long n, vfloat (*quads)[CHUNK / 4], const int is_f32)
{
    vfloat dots[ARRAY_LENGTH(tile, 4)][4], key[4][2];
    memset(dots, 0, tile * sizeof *dots);
    for (long i = 0; i < parts; i += 2) {
        for (long k = 0; k < 4; k++)
            load_pair(keys[k], i / 2, key[k], is_f32);
        for (long j = 0; j < 2; j++)
            for (long g = 0; g < tile; g++)
                for (long k = 0; k < 4; k++)
                    dots[g][k] = multiply_add(dots[g][k], queries[g][i + j], key[k][j]);
    }
    for (long g = 0; g < tile; g++)
        quads[g][n / 4] = sum_quads(dots[g]);
}

/* Into column n / 4 of quads: `sum_quads` of the products of each head's query with keys n to n + 3 of a
   chunk of `count` keys, and with any key in place of one behind the last, which may not be readable. */
INLINE void score_keys(const long parts, vfloat (*queries)[PARTS], long heads,
                       const void *chunk, long n, long count, vfloat (*quads)[CHUNK / 4], const int is_f32)
{
    const void *keys[4];
    for (long k = 0; k < 4; k++)
        keys[k] = at_offset(chunk, (n + (n + k < count ? k : 0)) * parts * LANES, is_f32);
    for (long g = 0; g < heads; g += 4) {
        if (heads - g >= 4)
            score_tile(4, parts, queries + g, keys, n, quads + g, is_f32);
        else if (heads - g == 3)
            score_tile(3, parts, queries + g, keys, n, quads + g, is_f32);
        else if (heads - g == 2)
            score_tile(2, parts, queries + g, keys, n, quads + g, is_f32);
        else
            score_tile(1, parts, queries + g, keys, n, quads + g, is_f32);
    }
}

/* sums += weights values for `tile` heads, which share each value that is loaded: four vectors of the `parts`
   of each. */
INLINE void add_value_tile(const long tile, vfloat *sums, const float (*weights)[CHUNK], const void *values,
                           long count, const long parts, const int is_f32)
{
    const long stride = PARTS;
    vfloat partial[ARRAY_LENGTH(tile, 4)][4], value[4];
    for (long g = 0; g < tile; g++)
        memcpy(partial[g], sums + g * stride, sizeof partial[g]);
    for (long n = 0; n < count; n++) {
        for (long i = 0; i < 4; i += 2)
            load_pair(at_offset(values, n * parts * LANES, is_f32), i / 2, value + i, is_f32);
        for (long g = 0; g < tile; g++)
            for (long i = 0; i < 4; i++)
                partial[g][i] = multiply_add(partial[g][i], value[i], splat(weights[g][n]));
    }
    for (long g = 0; g < tile; g++)
        memcpy(sums + g * stride, partial[g], sizeof partial[g]);
}

/* As in `attention_wide.h`. */
INLINE void add_group_values(vfloat *sums, const float (*weights)[CHUNK], const void *values, long count,
                             long group, const long parts, const int is_f32)
{
    const long stride = PARTS;
    for (long g = 0; g < group; g += 4)
        for (long i = 0; i < parts; i += 4) {
            const void *part = at_offset(values, i * LANES, is_f32);
            if (group - g >= 4)
                add_value_tile(4, sums + g * stride + i, weights + g, part, count, parts, is_f32);
            else if (group - g == 3)
                add_value_tile(3, sums + g * stride + i, weights + g, part, count, parts, is_f32);
            else if (group - g == 2)
                add_value_tile(2, sums + g * stride + i, weights + g, part, count, parts, is_f32);
            else
                add_value_tile(1, sums + g * stride + i, weights + g, part, count, parts, is_f32);
        }
}

#endif
