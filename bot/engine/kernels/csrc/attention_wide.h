/* The products of attention on vectors of eight or sixteen numbers, of which a head has two to thirty-two. */

#ifndef ALTEREGO_ATTENTION_WIDE_H
#define ALTEREGO_ATTENTION_WIDE_H

#include "attention_sums.h"

/* sums += weights values for a few query heads, which share each value that is loaded. */
INLINE void add_values(vfloat *sums, const float (*weights)[CHUNK], const void *values, long count,
                       const long heads, const long parts, const int is_f32)
{
    vfloat partial[ARRAY_LENGTH(heads, 4)][PARTS];
    vfloat value[PARTS];
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
    const long most = parts > 8 ? 1 : parts > 4 ? 2 : 4;
    for (long g = 0; g < group; g += most) {
        const long heads = group - g;
        if (heads >= most)
            add_values(sums + g * PARTS, weights + g, values, count, most, parts, is_f32);
        else if (heads == 3)
            add_values(sums + g * PARTS, weights + g, values, count, 3, parts, is_f32);
        else if (heads == 2)
            add_values(sums + g * PARTS, weights + g, values, count, 2, parts, is_f32);
        else
            add_values(sums + g * PARTS, weights + g, values, count, 1, parts, is_f32);
    }
}

#endif
