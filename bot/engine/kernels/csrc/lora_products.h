/* The two products of a LoRA, shrink and expand, for neighbouring tokens of one LoRA slot: inner = x A, then
   y += inner B. A and B have 8 bits, with a scale for each row of A, and for each row of each block of B. */

#ifndef ALTEREGO_LORA_PRODUCTS_H
#define ALTEREGO_LORA_PRODUCTS_H

#include "common.h"

struct lora_shape {
    long inputs, outputs, inner, rank, blocks, width, is_f32;
    const int *block_layer; /* [blocks] the joined layer that a block of outputs belongs to */
};

struct lora_matrices {
    const int8_t *a, *b;              /* [slots, inputs / 4, inner, 4], [slots, blocks, rank / 4, width, 4] */
    const float *a_scales, *b_scales; /* [slots, inputs], [slots, blocks, rank]; divided by 2^24 */
};

struct lora_group { /* neighbouring tokens of one LoRA slot, and the slot's matrices */
    struct lora_matrices matrices;
    const int *tokens;
    const float *strengths;
    float *inner; /* [count, shape->inner]: the numbers between A and B */
    long count;
};

/* Load four rows of LANES columns as floats, times 2^24: a word holds the four numbers of one column, so a
   shift moves each number to the top of its word and no number changes its lane. */
INLINE void load_int8_rows(const int8_t *base, vfloat *rows)
{
    vuint packed;
    memcpy(&packed, base, sizeof packed);
    rows[0] = __builtin_convertvector((vint)(packed << 24), vfloat);
    rows[1] = __builtin_convertvector((vint)(packed << 16 & 0xff000000), vfloat);
    rows[2] = __builtin_convertvector((vint)(packed << 8 & 0xff000000), vfloat);
    rows[3] = __builtin_convertvector((vint)(packed & 0xff000000), vfloat);
}

/* Two sums instead of one halve the chain of dependent additions. */
INLINE void add_weighted_rows(vfloat *sums, const vfloat *rows, const float *weights)
{
#if LANES == 4
    for (long i = 0; i < 4; i++)
        sums[i / 2] = multiply_add(sums[i / 2], rows[i], splat(weights[i]));
#else
    sums[0] += rows[0] * weights[0] + rows[1] * weights[1];
    sums[1] += rows[2] * weights[2] + rows[3] * weights[3];
#endif
}

/* inner = strengths * x A, from column `first` to `last`; prefetches the beginning of B on the way. */
INLINE void lora_shrink(const struct lora_shape *shape, const void *x, const struct lora_group *group,
                        long first, long last, const long tokens, const int is_f32)
{
    vfloat sums[MAX_LORA_INNER / LANES][ARRAY_LENGTH(tokens, MAX_LORA_GROUP)][2], rows[4];
    float inputs[ARRAY_LENGTH(tokens, MAX_LORA_GROUP)][CHUNK];
    const long share = shape->rank * shape->width * CHUNK / shape->inputs * (last - first) / shape->inner;
    memset(sums[first / LANES], 0, (last - first) / LANES * sizeof sums[0]);
    for (long start = 0; start < shape->inputs; start += CHUNK) {
        const int8_t *a = group->matrices.a + start * shape->inner;
        const long count = shape->inputs - start < CHUNK ? shape->inputs - start : CHUNK;
        for (long t = 0; t < tokens; t++)
            for (long i = 0; i < count; i++)
                inputs[t][i] = load_scalar(x, group->tokens[t] * shape->inputs + start + i, is_f32) *
                               group->matrices.a_scales[start + i];
        for (long i = count; i < 2 * count; i += 4)
            prefetch(a + i * shape->inner + first * 4, (last - first) * 4);
        prefetch(group->matrices.b + start / CHUNK * share, share);
        for (long j = first; j < last; j += LANES) {
            vfloat partial[ARRAY_LENGTH(tokens, MAX_LORA_GROUP)][2];
            memcpy(partial, sums[j / LANES], tokens * sizeof *partial);
            for (long i = 0; i < count; i += 4) {
                load_int8_rows(a + i * shape->inner + j * 4, rows);
                for (long t = 0; t < tokens; t++)
                    add_weighted_rows(partial[t], rows, inputs[t] + i);
            }
            memcpy(sums[j / LANES], partial, tokens * sizeof *partial);
        }
    }
    for (long t = 0; t < tokens; t++)
        for (long j = first; j < last; j += LANES) {
            vfloat sum = (sums[j / LANES][t][0] + sums[j / LANES][t][1]) * group->strengths[t];
            memcpy(group->inner + t * shape->inner + j, &sum, sizeof sum);
        }
}

/* y += inner B for outputs from `first` to `last`, each block of outputs from the inner numbers of its layer;
   prefetches the next block. */
INLINE void lora_expand(const struct lora_shape *shape, void *y, const struct lora_group *group, long first,
                        long last, const long tokens, const int is_f32)
{
    const long block = shape->rank * shape->width;
    for (long n = first / shape->width; n * shape->width < last; n++) {
        const int8_t *b = group->matrices.b + n * block;
        const long begin = first - n * shape->width, rest = last - n * shape->width;
        float weights[tokens][shape->rank];
        for (long t = 0; t < tokens; t++)
            for (long r = 0; r < shape->rank; r++)
                weights[t][r] = group->inner[t * shape->inner + shape->block_layer[n] * shape->rank + r] *
                                group->matrices.b_scales[n * shape->rank + r];
        for (long start = begin > 0 ? begin : 0; start < (rest < shape->width ? rest : shape->width);
             start += LANES) {
            vfloat sums[ARRAY_LENGTH(tokens, MAX_LORA_GROUP)][2], rows[4];
            float change[LANES];
            memset(sums, 0, tokens * sizeof *sums);
            if (n + 1 < shape->blocks)
                prefetch(b + block + start * shape->rank, LANES * shape->rank);
            for (long r = 0; r < shape->rank; r += 4) {
                load_int8_rows(b + r * shape->width + start * 4, rows);
                for (long t = 0; t < tokens; t++)
                    add_weighted_rows(sums[t], rows, weights[t] + r);
            }
            for (long t = 0; t < tokens; t++) {
                long place = group->tokens[t] * shape->outputs + n * shape->width + start;
                void *output = at_offset(y, place, is_f32);
                sums[t][0] += sums[t][1];
                memcpy(change, sums[t], sizeof change);
#pragma omp simd
                for (long i = 0; i < LANES; i++)
                    store_scalar(output, i, load_scalar(output, i, is_f32) + change[i], is_f32);
            }
        }
    }
}

/* The compiler unrolls the loops over tokens for each of the four group sizes. Threads that divide columns or
   outputs run the very code of a thread that has them all, so every sum keeps its order. */
INLINE void shrink_(const struct lora_shape *shape, const void *x, const struct lora_group *group, long first,
                    long last, const int is_f32)
{
    if (group->count == 1)
        lora_shrink(shape, x, group, first, last, 1, is_f32);
    else if (group->count == 2)
        lora_shrink(shape, x, group, first, last, 2, is_f32);
    else if (group->count == 4)
        lora_shrink(shape, x, group, first, last, 4, is_f32);
    else
        lora_shrink(shape, x, group, first, last, 8, is_f32);
}
static NOINLINE FOR_BOTH_DTYPES(shrink,
                                (const struct lora_shape *shape, const void *x,
                                 const struct lora_group *group, long first, long last, int is_f32),
                                shape, x, group, first, last)

INLINE void expand_(const struct lora_shape *shape, void *y, const struct lora_group *group, long first,
                    long last, const int is_f32)
{
    if (group->count == 1)
        lora_expand(shape, y, group, first, last, 1, is_f32);
    else if (group->count == 2)
        lora_expand(shape, y, group, first, last, 2, is_f32);
    else if (group->count == 4)
        lora_expand(shape, y, group, first, last, 4, is_f32);
    else
        lora_expand(shape, y, group, first, last, 8, is_f32);
}
static NOINLINE FOR_BOTH_DTYPES(expand,
                                (const struct lora_shape *shape, void *y, const struct lora_group *group,
                                 long first, long last, int is_f32),
                                shape, y, group, first, last)

#endif
