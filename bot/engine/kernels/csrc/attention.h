/* Attention of decoding tokens, each over the keys of its own KV slot. */

#ifndef ALTEREGO_ATTENTION_H
#define ALTEREGO_ATTENTION_H

#include "attention_sums.h"
#if LANES == 4
#include "attention_narrow.h"
#else
#include "attention_wide.h"
#endif

struct attention_params {
    long slots, capacity, heads, group, size, window, query_stride, key_stride, is_f32;
    float scale, softcap; /* softcap 0 and window 0 mean none */
};

/* Replace scores by the weights e^(score - top), and return the sum of the weights. The array has room for a
   whole vector behind `count`. */
INLINE float softmax_weights(float *scores, long count, float top)
{
    vfloat total = {0}, vector;
    for (long n = count; n % LANES; n++)
        scores[n] = -__builtin_inff();
    for (long n = 0; n < count; n += LANES) {
        memcpy(&vector, scores + n, sizeof vector);
        vector = exp_vector(vector - top);
        memcpy(scores + n, &vector, sizeof vector);
        total += vector;
    }
    float sum = 0;
    for (long i = 0; i < LANES; i++)
        sum += total[i];
    return sum;
}

/* The keys of one KV slot and head, and the range of tokens in them that a query may read. */
struct key_range {
    void *keys;
    long first, length;
};

/* Attend with all query heads of one token's group over one key range, rescaling the running sums at every
   chunk of keys (online softmax). Prefetches a chunk's values while its keys are read, then the first of
   `next_keys`, which the thread reads afterwards. */
INLINE void attend_group(const struct attention_params *params, const void *query, struct key_range range,
                         const void *values, const void *next_keys, void *out, const long parts,
                         const int is_f32)
{
    const long size = parts * LANES;
    vfloat queries[MAX_GROUP][PARTS], sums[MAX_GROUP][PARTS];
    vfloat quads[MAX_GROUP][CHUNK / 4];
    float weights[MAX_GROUP][CHUNK], tops[MAX_GROUP], totals[MAX_GROUP];
    for (long g = 0; g < params->group; g++) {
        tops[g] = -__builtin_inff();
        totals[g] = 0;
        for (long i = 0; i < parts; i += 2)
            load_pair(query, (g * parts + i) / 2, &queries[g][i], is_f32);
        for (long i = 0; i < parts; i++) {
            queries[g][i] *= params->scale;
            sums[g][i] = (vfloat){0};
        }
    }
    for (long start = range.first; start < range.length; start += CHUNK) {
        const long count = range.length - start < CHUNK ? range.length - start : CHUNK;
        const void *chunk = at_offset(range.keys, start * size, is_f32),
                   *value = at_offset(values, start * size, is_f32);
        for (long n = 0; n < count; n += 4) {
            const long later = start + n + CHUNK;
#if LANES != 4
            vfloat key[4][PARTS], dots[4];
#endif
            prefetch(later < range.length ? at_offset(range.keys, later * size, is_f32)
                                          : at_offset(next_keys, (later - range.length) * size, is_f32),
                     byte_count(4 * size, is_f32));
            prefetch(at_offset(value, n * size, is_f32), byte_count(4 * size, is_f32));
#if LANES == 4
            score_keys(parts, queries, params->group, chunk, n, count, quads, is_f32);
#else
            for (long k = 0; k < 4; k++) /* memory behind the last key may not be readable */
                for (long i = 0; i < parts; i += 2)
                    load_pair(at_offset(chunk, (n + (n + k < count ? k : 0)) * size, is_f32), i / 2,
                              key[k] + i, is_f32);
            for (long g = 0; g < params->group; g++) {
                for (long k = 0; k < 4; k++) {
                    dots[k] = queries[g][0] * key[k][0];
                    for (long i = 1; i < parts; i++)
                        dots[k] += queries[g][i] * key[k][i];
                }
                quads[g][n / 4] = sum_quads(dots);
            }
#endif
        }
        for (long g = 0; g < params->group; g++) {
            float *scores = weights[g], top = tops[g];
            for (long n = 0; n < count; n += LANES) {
                vfloat vector = sum_lanes(quads[g] + n / 4);
                memcpy(scores + n, &vector, sizeof vector);
            }
            if (params->softcap)
                for (long n = 0; n < count; n++)
                    scores[n] = params->softcap * (1 - 2 / (1 + exp_scalar(2 * scores[n] / params->softcap)));
#pragma omp simd reduction(max : top)
            for (long n = 0; n < count; n++)
                top = scores[n] > top ? scores[n] : top;
            float rescale = exp_scalar(tops[g] - top);
            for (long i = 0; i < parts; i++)
                sums[g][i] *= rescale;
            totals[g] = totals[g] * rescale + softmax_weights(scores, count, top);
            tops[g] = top;
        }
        add_group_values(sums[0], weights, value, count, params->group, parts, is_f32);
    }
    for (long g = 0; g < params->group; g++) {
        for (long i = 0; i < parts; i++)
            sums[g][i] /= totals[g];
        for (long i = 0; i < parts; i += 2)
            store_pair(out, (g * parts + i) / 2, sums[g] + i, is_f32);
    }
}

/* The key range of item n, of count * heads; targets and cache as for `decode_attention`. */
INLINE struct key_range key_range_of(const struct attention_params *params, void *cache, const int *targets,
                                     long n)
{
    const int *target = targets + n / params->heads * 3;
    const long length = target[2] + 1, head = target[1] * params->heads + n % params->heads;
    return (struct key_range){at_offset(cache, head * params->capacity * params->size, params->is_f32),
                              params->window && length > params->window ? length - params->window : 0,
                              length};
}

/* Append the key and the value of every token to its KV slot, then attend over the slot.

   targets [count, 3]: the token's index, the index of its slot in the slab, the slot's length. query, key and
   value [tokens, heads, size], with strides from token to token; cache [2, slots, heads, capacity, size]; out
   [tokens, heads * group * size]. */
void decode_attention(const struct attention_params *params, const void *query, const void *key,
                      const void *value, void *cache, void *out, const int *targets, long count)
{
    const int is_f32 = params->is_f32;
    const long size = params->size, all = params->slots * params->heads * params->capacity * size;
    const long items = count * params->heads;
#pragma omp parallel for schedule(static, 1) /* so a thread knows which item it reads next */
    for (long n = 0; n < items; n++) {
        long token = targets[n / params->heads * 3], head = n % params->heads,
             later = n + omp_get_num_threads();
        struct key_range range = key_range_of(params, cache, targets, n),
                         next = key_range_of(params, cache, targets, later % items);
        void *values = at_offset(range.keys, all, is_f32);
        const void *next_keys = at_offset(next.keys, next.first * size, is_f32);
        const void *group =
            at_offset(query, token * params->query_stride + head * params->group * size, is_f32);
        void *output = at_offset(out, (token * params->heads + head) * params->group * size, is_f32);
        const long last = (range.length - 1) * size, source = token * params->key_stride + head * size;
        memcpy(at_offset(range.keys, last, is_f32), at_offset(key, source, is_f32),
               byte_count(size, is_f32));
        memcpy(at_offset(values, last, is_f32), at_offset(value, source, is_f32), byte_count(size, is_f32));
        if (is_f32)
            attend_group(params, group, range, values, next_keys, output, size / LANES, 1);
        else if (size == 64)
            attend_group(params, group, range, values, next_keys, output, 64 / LANES, 0);
        else if (size == 128)
            attend_group(params, group, range, values, next_keys, output, 128 / LANES, 0);
        else
            attend_group(params, group, range, values, next_keys, output, size / LANES, 0);
    }
}

#endif
