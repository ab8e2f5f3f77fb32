/* The products of attention on vectors of eight or sixteen numbers, of which one to eight are a head. */

#ifndef ALTEREGO_ATTENTION_WIDE_H
#define ALTEREGO_ATTENTION_WIDE_H

#include "attention_sums.h"

/* Into column n / 4 of quads: `sum_quads` of the products of each head's query with keys n to n + 3 of a
   chunk of `count` keys, and with any key in place of one behind the last, which may not be readable. */
INLINE void score_keys(const long parts, vfloat (*queries)[ARRAY_LENGTH(parts, MAX_PARTS)], long heads,
                       const void *chunk, long n, long count, vfloat (*quads)[CHUNK / 4], const int is_f32)
{
    vfloat key[4][ARRAY_LENGTH(parts, MAX_PARTS)], dots[4];
    for (long k = 0; k < 4; k++)
        for (long i = 0; i < parts; i += 2)
            load_pair(at_offset(chunk, (n + (n + k < count ? k : 0)) * parts * LANES, is_f32), i / 2,
                      key[k] + i, is_f32);
    for (long g = 0; g < heads; g++) {
        for (long k = 0; k < 4; k++) {
            dots[k] = queries[g][0] * key[k][0];
            for (long i = 1; i < parts; i++)
                dots[k] += queries[g][i] * key[k][i];
        }
        quads[g][n / 4] = sum_quads(dots);
    }
}

/* sums += weights values for a few query heads, which share each value that is loaded. */
INLINE void add_values(vfloat *sums, const float (*weights)[CHUNK], const void *values, long count,
                       const long heads, const long parts, const int is_f32)
{
    vfloat partial[ARRAY_LENGTH(heads, 4)][ARRAY_LENGTH(parts, MAX_PARTS)];
    vfloat value[ARRAY_LENGTH(parts, MAX_PARTS)];
    memcpy(partial, sums, heads * sizeof *partial);
    for (long n = 0; n < count; n++) {
        for (long i = 0; i < parts; i += 2)
            load_pair(values, (n * parts + i) / 2, value + i, is_f32);
        for (long g = 0; g < heads; g++)
            for (long i = 0; i < parts; i++)
                partial[g][i] += value[i] * weights[g][n];
    }
    memcpy(sums, partial, heads * sizeof *partial);
}

/* As `add_values` for all query heads of a group, as many at once as the vector registers hold. */
INLINE void add_group_values(vfloat *sums, const float (*weights)[CHUNK], const void *values, long count,
                             long group, const long parts, const int is_f32)
{
    const long most = parts > 8 ? 1 : parts > 4 ? 2 : 4, stride = ARRAY_LENGTH(parts, MAX_PARTS);
    for (long g = 0; g < group; g += most) {
        const long heads = group - g;
        if (heads >= most)
            add_values(sums + g * stride, weights + g, values, count, most, parts, is_f32);
        else if (heads == 3)
            add_values(sums + g * stride, weights + g, values, count, 3, parts, is_f32);
        else if (heads == 2)
            add_values(sums + g * stride, weights + g, values, count, 2, parts, is_f32);
        else
            add_values(sums + g * stride, weights + g, values, count, 1, parts, is_f32);
    }
}

#endif
