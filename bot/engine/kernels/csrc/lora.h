/* LoRA of decoding tokens: y += strength * (x A) B in the two steps of Punica (arXiv 2310.18547), shrink and
   expand. A and B have 8 bits, with a scale for each row of A, and for each row of each block of B. */

#ifndef ALTEREGO_LORA_H
#define ALTEREGO_LORA_H

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

/* inner [tokens, MAX_LORA_INNER] = strengths * x A; prefetches the first block of B on the way. */
INLINE void lora_shrink(const struct lora_shape *shape, const void *x, const struct lora_group *group,
                        float (*inner)[MAX_LORA_INNER], const long tokens, const int is_f32)
{
    vfloat sums[MAX_LORA_INNER / LANES][ARRAY_LENGTH(tokens, MAX_LORA_GROUP)][2], rows[4];
    float inputs[ARRAY_LENGTH(tokens, MAX_LORA_GROUP)][CHUNK];
    const long share = shape->rank * shape->width * CHUNK / shape->inputs;
    memset(sums, 0, shape->inner / LANES * sizeof sums[0]);
    for (long start = 0; start < shape->inputs; start += CHUNK) {
        const int8_t *a = group->matrices.a + start * shape->inner;
        const long count = shape->inputs - start < CHUNK ? shape->inputs - start : CHUNK;
        for (long t = 0; t < tokens; t++)
            for (long i = 0; i < count; i++)
                inputs[t][i] = load_scalar(x, group->tokens[t] * shape->inputs + start + i, is_f32) *
                               group->matrices.a_scales[start + i];
        prefetch(a + count * shape->inner, count * shape->inner);
        prefetch(group->matrices.b + start / CHUNK * share, share);
        for (long j = 0; j < shape->inner; j += LANES) {
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
        for (long j = 0; j < shape->inner; j += LANES) {
            vfloat sum = (sums[j / LANES][t][0] + sums[j / LANES][t][1]) * group->strengths[t];
            memcpy(inner[t] + j, &sum, sizeof sum);
        }
}

/* y += inner B, each block of outputs from the inner numbers of its layer; prefetches the next block. */
INLINE void lora_expand(const struct lora_shape *shape, void *y, const struct lora_group *group,
                        float (*inner)[MAX_LORA_INNER], const long tokens, const int is_f32)
{
    const long block = shape->rank * shape->width;
    for (long n = 0; n < shape->blocks; n++) {
        const int8_t *b = group->matrices.b + n * block;
        float weights[tokens][shape->rank];
        for (long t = 0; t < tokens; t++)
            for (long r = 0; r < shape->rank; r++)
                weights[t][r] = inner[t][shape->block_layer[n] * shape->rank + r] *
                                group->matrices.b_scales[n * shape->rank + r];
        for (long start = 0; start < shape->width; start += LANES) {
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
                long first = group->tokens[t] * shape->outputs + n * shape->width + start;
                void *output = at_offset(y, first, is_f32);
                sums[t][0] += sums[t][1];
                memcpy(change, sums[t], sizeof change);
#pragma omp simd
                for (long i = 0; i < LANES; i++)
                    store_scalar(output, i, load_scalar(output, i, is_f32) + change[i], is_f32);
            }
        }
    }
}

INLINE void shrink_and_expand(const struct lora_shape *shape, const void *x, void *y,
                              const struct lora_group *group, const long tokens, const int is_f32)
{
    float inner[MAX_LORA_GROUP][MAX_LORA_INNER];
    lora_shrink(shape, x, group, inner, tokens, is_f32);
    lora_expand(shape, y, group, inner, tokens, is_f32);
}

/* The compiler unrolls the loops over tokens for each of the four group sizes. */
INLINE void add_lora_group(const struct lora_shape *shape, const void *x, void *y,
                           const struct lora_group *group, long tokens, const int is_f32)
{
    if (tokens == 1)
        shrink_and_expand(shape, x, y, group, 1, is_f32);
    else if (tokens == 2)
        shrink_and_expand(shape, x, y, group, 2, is_f32);
    else if (tokens == 4)
        shrink_and_expand(shape, x, y, group, 4, is_f32);
    else
        shrink_and_expand(shape, x, y, group, 8, is_f32);
}

/* As `add_lora`, for at most MAX_LORA_TOKENS tokens. One, two, four or eight neighbours of one LoRA slot read
   its matrices once. */
static void add_lora_chunk(const struct lora_shape *shape, const struct lora_matrices *all, const void *x,
                           void *y, const int *tokens, const int *slots, const float *strengths, long count)
{
    int starts[MAX_LORA_TOKENS + 1] = {0}, groups = 0;
    for (int n = 0; n < count; n = starts[groups]) {
        int alike = 1;
        while (alike < MAX_LORA_GROUP && n + alike < count && slots[n + alike] == slots[n])
            alike++;
        starts[++groups] = n + (alike == 8 ? 8 : alike >= 4 ? 4 : alike >= 2 ? 2 : 1);
    }
#pragma omp parallel for schedule(static)
    for (int n = 0; n < groups; n++) {
        long first = starts[n], slot = slots[first], rows = shape->blocks * shape->rank;
        struct lora_group group = {
            {all->a + slot * shape->inputs * shape->inner, all->b + slot * rows * shape->width,
             all->a_scales + slot * shape->inputs, all->b_scales + slot * rows},
            tokens + first,
            strengths + first};
        prefetch(group.matrices.a, CHUNK * shape->inner);
        if (shape->is_f32)
            add_lora_group(shape, x, y, &group, starts[n + 1] - first, 1);
        else
            add_lora_group(shape, x, y, &group, starts[n + 1] - first, 0);
    }
}

/* y[token] += strength * (x[token] A) B with the matrices of the token's LoRA slot: x [all tokens, inputs],
   y [all tokens, outputs]; tokens, slots and strengths [count]. */
void add_lora(const struct lora_shape *shape, const struct lora_matrices *all, const void *x, void *y,
              const int *tokens, const int *slots, const float *strengths, long count)
{
    for (long n = 0; n < count; n += MAX_LORA_TOKENS)
        add_lora_chunk(shape, all, x, y, tokens + n, slots + n, strengths + n,
                       count - n < MAX_LORA_TOKENS ? count - n : MAX_LORA_TOKENS);
}

#endif
