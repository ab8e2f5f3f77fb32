/* LoRA of decoding tokens: y += strength * (x A) B in the two steps of Punica (arXiv 2310.18547), shrink and
   expand, each group of tokens by one thread, or by all where there are fewer groups. */

#ifndef ALTEREGO_LORA_H
#define ALTEREGO_LORA_H

#include "lora_products.h"

/* A chunk's tokens in groups of one, two, four or eight neighbours of one LoRA slot, which read its matrices
   once; starts [groups + 1]. */
struct lora_chunk {
    const struct lora_matrices *all;
    const int *tokens, *slots;
    const float *strengths;
    int starts[MAX_LORA_TOKENS + 1], groups;
};

static void find_groups(struct lora_chunk *chunk, long count)
{
    chunk->groups = chunk->starts[0] = 0;
    for (int n = 0; n < count; n = chunk->starts[chunk->groups]) {
        int alike = 1;
        while (alike < MAX_LORA_GROUP && n + alike < count && chunk->slots[n + alike] == chunk->slots[n])
            alike++;
        chunk->starts[++chunk->groups] = n + (alike == 8 ? 8 : alike >= 4 ? 4 : alike >= 2 ? 2 : 1);
    }
}

INLINE struct lora_group lora_group_of(const struct lora_shape *shape, const struct lora_chunk *chunk, long n,
                                       float *inner)
{
    const struct lora_matrices *all = chunk->all;
    const long first = chunk->starts[n], slot = chunk->slots[first], rows = shape->blocks * shape->rank;
    return (struct lora_group){
        {all->a + slot * shape->inputs * shape->inner, all->b + slot * rows * shape->width,
         all->a_scales + slot * shape->inputs, all->b_scales + slot * rows},
        chunk->tokens + first,
        chunk->strengths + first,
        inner,
        chunk->starts[n + 1] - first};
}

/* Each group by one thread; one group alone wakes no others. */
static void add_groups(const struct lora_shape *shape, const struct lora_chunk *chunk, const void *x, void *y)
{
#pragma omp parallel for schedule(static) if (chunk->groups > 1)
    for (int n = 0; n < chunk->groups; n++) {
        float inner[MAX_LORA_GROUP * MAX_LORA_INNER];
        const struct lora_group group = lora_group_of(shape, chunk, n, inner);
        prefetch(group.matrices.a, CHUNK * shape->inner);
        shrink(shape, x, &group, 0, shape->inner, shape->is_f32);
        expand(shape, y, &group, 0, shape->outputs, shape->is_f32);
    }
}

/* Each group by all threads, which divide the columns of A, then the outputs, and wait for each other twice. */
static void add_shared_groups(const struct lora_shape *shape, const struct lora_chunk *chunk, const void *x,
                              void *y, long threads)
{
    float inner[MAX_SHARED_GROUPS][MAX_LORA_GROUP * MAX_LORA_INNER];
    const long columns = shape->inner / LANES, outputs = shape->outputs / LANES;
    const long parts = threads < columns ? threads : columns;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (long n = 0; n < chunk->groups * parts; n++) {
            const struct lora_group group = lora_group_of(shape, chunk, n / parts, inner[n / parts]);
            const long part = n % parts;
            shrink(shape, x, &group, columns * part / parts * LANES, columns * (part + 1) / parts * LANES,
                   shape->is_f32);
        }
#pragma omp for schedule(static)
        for (long n = 0; n < chunk->groups * threads; n++) {
            const struct lora_group group = lora_group_of(shape, chunk, n / threads, inner[n / threads]);
            const long part = n % threads;
            expand(shape, y, &group, outputs * part / threads * LANES,
                   outputs * (part + 1) / threads * LANES, shape->is_f32);
        }
    }
}

/* y[token] += strength * (x[token] A) B with the matrices of the token's LoRA slot: x [all tokens, inputs],
   y [all tokens, outputs]; tokens, slots and strengths [count]. */
void add_lora(const struct lora_shape *shape, const struct lora_matrices *all, const void *x, void *y,
              const int *tokens, const int *slots, const float *strengths, long count)
{
    const long threads = omp_get_max_threads();
    const int is_large = shape->inputs * shape->inner + shape->rank * shape->outputs >= MIN_SHARED_SIZE;
    for (long n = 0; n < count; n += MAX_LORA_TOKENS) {
        struct lora_chunk chunk = {all, tokens + n, slots + n, strengths + n, {0}, 0};
        find_groups(&chunk, count - n < MAX_LORA_TOKENS ? count - n : MAX_LORA_TOKENS);
        if (is_large && chunk.groups < threads && chunk.groups <= MAX_SHARED_GROUPS)
            add_shared_groups(shape, &chunk, x, y, threads);
        else
            add_groups(shape, &chunk, x, y);
    }
}

#endif
