/* Operations of a decoding step that torch has no quick operator for, compiled for the processor that runs
   them.

   Activations, keys and values are bfloat16, or float where `wide` is set; every sum is in float. What limits
   a step is reading: each matrix once, with a few rows. A processor's own prefetching stops at the end of a
   page of memory, so everything here fetches ahead by itself, which alone doubles what a core reads in a
   second. No function checks its arguments, and none allocates: `native.py` says what each may be. */

#include <omp.h>
#include <stdint.h>
#include <string.h>

#define inlined static inline __attribute__((always_inline))

typedef uint16_t bf16;

/* As many numbers at once as the processor has room for: of halves twice as many. */
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
typedef float lanes __attribute__((vector_size(LANES * 4)));
typedef uint32_t words __attribute__((vector_size(LANES * 4)));
typedef int32_t whole __attribute__((vector_size(LANES * 4)));

enum {
    CHUNK = 64,         /* keys whose scores are held at once; inputs of an adapter that are read at once */
    AHEAD = 2048,       /* bytes between a weight that is used and one that is fetched */
    MOST_GROUP = 16,    /* query heads of a key head */
    MOST_INNER = 1024,  /* numbers between an adapter's two matrices */
    MOST_TOKENS = 8,    /* that are multiplied with an adapter at once */
    MOST_CHANGED = 1024 /* tokens that are told apart by bay at once */
};

/* Numbers of either kind. */

inlined float of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

inlined float widened(bf16 value) { return of_bits((uint32_t)value << 16); }

inlined bf16 rounded(float value) /* to the nearest, even one; NaN stays NaN */
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

inlined long bytes(long count, int wide) { return count * (wide ? 4 : 2); }
inlined void *moved(const void *from, long by, int wide) { return (char *)from + bytes(by, wide); }

inlined float get(const void *from, long at, int wide)
{
    return wide ? ((const float *)from)[at] : widened(((const bf16 *)from)[at]);
}

inlined void put(void *to, long at, float value, int wide)
{
    if (wide)
        ((float *)to)[at] = value;
    else
        ((bf16 *)to)[at] = rounded(value);
}

inlined void fetch(const void *from, long size)
{
    for (long at = 0; at < size; at += 64)
        __builtin_prefetch((const char *)from + at);
}

/* e^x to 2e-7, by Cephes' polynomial; the part of it for a rest below ln 2 / 2, of a number or of lanes. */
#define OF_REST(r)                                                                                           \
    ((((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r +     \
       1.6666665459e-1f) * r + 5.0000001201e-1f) * r * r + r + 1.f)

inlined float power(float x)
{
    float bound = x < -87.f ? -87.f : x > 88.f ? 88.f : x;
    float n = __builtin_rintf(bound * 1.44269504f);
    float r = bound - n * 0.693359375f + n * 2.12194440e-4f;
    return OF_REST(r) * of_bits((uint32_t)((int32_t)n + 127) << 23);
}

inlined lanes powers(lanes x) /* of at most 0 */
{
    whole low = x < -87.f, bits = ((whole)x & ~low) | ((whole)((lanes){0} - 87.f) & low);
    lanes bound = (lanes)bits;
    whole n = __builtin_convertvector(bound * 1.44269504f - 0.5f, whole);
    lanes m = __builtin_convertvector(n, lanes);
    lanes r = bound - m * 0.693359375f + m * 2.12194440e-4f;
    return OF_REST(r) * (lanes)((n + 127) << 23);
}

/* A function for numbers of both kinds, of one that is compiled for each by itself. */
#define BOTH_KINDS(name, parameters, ...)                                                                    \
    void name parameters                                                                                     \
    {                                                                                                        \
        if (wide)                                                                                            \
            name##_(__VA_ARGS__, 1);                                                                         \
        else                                                                                                 \
            name##_(__VA_ARGS__, 0);                                                                         \
    }

/* y = x / sqrt(sum of squares + epsilon) * weight: `rows` rows end to end, in each of `groups` that lie
   apart. */
inlined void norm_(const void *x, const float *weight, void *y, long groups, long rows, long x_apart,
                   long y_apart, long size, float epsilon, const int wide)
{
#pragma omp parallel for schedule(static) if (groups * rows * size > 65536)
    for (long n = 0; n < groups * rows; n++) {
        const void *from = moved(x, n / rows * x_apart + n % rows * size, wide);
        void *to = moved(y, n / rows * y_apart + n % rows * size, wide);
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (long i = 0; i < size; i++)
            sum += get(from, i, wide) * get(from, i, wide);
        float inverse = 1 / __builtin_sqrtf(sum + epsilon);
#pragma omp simd
        for (long i = 0; i < size; i++)
            put(to, i, get(from, i, wide) * inverse * weight[i], wide);
    }
}
BOTH_KINDS(norm,
           (const void *x, const float *weight, void *y, long groups, long rows, long x_apart, long y_apart,
            long size, float epsilon, int wide),
           x, weight, y, groups, rows, x_apart, y_apart, size, epsilon)

/* y [rows, size] = silu(x[:, :size]) * x[:, size:] */
inlined void gate_(const void *x, void *y, long rows, long size, const int wide)
{
#pragma omp parallel for schedule(static) if (rows * size > 8192)
    for (long n = 0; n < rows; n++) {
        const void *from = moved(x, 2 * n * size, wide);
        void *to = moved(y, n * size, wide);
#pragma omp simd
        for (long i = 0; i < size; i++) {
            float value = get(from, i, wide);
            put(to, i, value / (1 + power(-value)) * get(from, size + i, wide), wide);
        }
    }
}
BOTH_KINDS(gate, (const void *x, void *y, long rows, long size, int wide), x, y, rows, size)

/* Rotary positions, in place: the first `turning` of all `heads` of every token; cosines and sines [tokens,
   size]. */
inlined void rotate_(void *x, const void *cosines, const void *sines, long tokens, long heads, long turning,
                     long size, const int wide)
{
    long half = size / 2;
#pragma omp parallel for schedule(static) if (tokens * turning * size > 65536)
    for (long n = 0; n < tokens * turning; n++) {
        void *at = moved(x, (n / turning * heads + n % turning) * size, wide);
        const void *cos = moved(cosines, n / turning * size, wide),
                   *sin = moved(sines, n / turning * size, wide);
#pragma omp simd
        for (long i = 0; i < half; i++) {
            float one = get(at, i, wide), other = get(at, half + i, wide);
            put(at, i, one * get(cos, i, wide) - other * get(sin, i, wide), wide);
            put(at, half + i, other * get(cos, half + i, wide) + one * get(sin, half + i, wide), wide);
        }
    }
}
BOTH_KINDS(rotate,
           (void *x, const void *cosines, const void *sines, long tokens, long heads, long turning, long size,
            int wide),
           x, cosines, sines, tokens, heads, turning, size)

/* Attention of tokens that stand alone, each over the keys of its own row. */

struct attention {
    long slots, capacity, heads, group, size, window, query_apart, key_apart, wide;
    float scale, softcap; /* 0 is none, as of the window */
};

/* Two lanes of numbers. Halves are widened where they stand, which parts even ones from odd ones until
   `store` puts them together. */
inlined void load(const void *from, long pair, lanes *to, const int wide)
{
    words both;
    if (wide) {
        memcpy(to, moved(from, pair * 2 * LANES, 1), 2 * sizeof *to);
    } else {
        memcpy(&both, moved(from, pair * 2 * LANES, 0), sizeof both);
        to[0] = (lanes)(both << 16);
        to[1] = (lanes)(both & 0xffff0000);
    }
}

inlined void store(void *to, long pair, const lanes *from, const int wide)
{
    uint32_t both[LANES];
    if (wide) {
        memcpy(moved(to, pair * 2 * LANES, 1), from, 2 * sizeof *from);
    } else {
        for (long i = 0; i < LANES; i++)
            both[i] = rounded(from[0][i]) | (uint32_t)rounded(from[1][i]) << 16;
        memcpy(moved(to, pair * 2 * LANES, 0), both, sizeof both);
    }
}

/* The sums of as many vectors as there are lanes, as one, in two steps. This is the first: of every four
   vectors, four numbers from one place of each. */
inlined lanes fold(const lanes *of)
{
#if LANES == 16
    const words low = {0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29};
    const words lows = {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29};
#else
    const words low = {0, 8, 1, 9, 4, 12, 5, 13}, lows = {0, 1, 8, 9, 4, 5, 12, 13};
#endif
    lanes one = __builtin_shuffle(of[0], of[1], low) + __builtin_shuffle(of[0], of[1], low + 2);
    lanes two = __builtin_shuffle(of[2], of[3], low) + __builtin_shuffle(of[2], of[3], low + 2);
    return __builtin_shuffle(one, two, lows) + __builtin_shuffle(one, two, lows + 2);
}

inlined lanes summed(const lanes *folded)
{
#if LANES == 16
    const words even = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27}, odd = even + 4;
    lanes one = __builtin_shuffle(folded[0], folded[1], even) + __builtin_shuffle(folded[0], folded[1], odd);
    lanes two = __builtin_shuffle(folded[2], folded[3], even) + __builtin_shuffle(folded[2], folded[3], odd);
#else
    const words even = {0, 1, 2, 3, 8, 9, 10, 11}, odd = even + 4;
    lanes one = folded[0], two = folded[1];
#endif
    return __builtin_shuffle(one, two, even) + __builtin_shuffle(one, two, odd);
}

/* Scores become weights, e^(score - top); returns their sum. Behind `count` there is room for whole lanes. */
inlined float weights_of(float *scores, long count, float top)
{
    lanes total = {0}, some;
    for (long n = count; n % LANES; n++)
        scores[n] = -__builtin_inff();
    for (long n = 0; n < count; n += LANES) {
        memcpy(&some, scores + n, sizeof some);
        some = powers(some - top);
        memcpy(scores + n, &some, sizeof some);
        total += some;
    }
    float sum = 0;
    for (long i = 0; i < LANES; i++)
        sum += total[i];
    return sum;
}

/* sums += weights values, for some heads at once, which share what is read. */
inlined void add_values(lanes *sums, const float (*weights)[CHUNK], const void *values, long count,
                        const long heads, const long parts, const int wide)
{
    lanes own[heads][parts], value[parts];
    memcpy(own, sums, sizeof own);
    for (long n = 0; n < count; n++) {
        for (long i = 0; i < parts; i += 2)
            load(values, (n * parts + i) / 2, value + i, wide);
        for (long g = 0; g < heads; g++)
            for (long i = 0; i < parts; i++)
                own[g][i] += value[i] * weights[g][n];
    }
    memcpy(sums, own, sizeof own);
}

/* The same for all heads of a group, as many at once as a processor has room for. */
inlined void add_all_values(lanes *sums, const float (*weights)[CHUNK], const void *values, long count,
                            long group, const long parts, const int wide)
{
    const long most = parts > 8 ? 1 : parts > 4 ? 2 : 4;
    for (long g = 0; g < group; g += most) {
        const long heads = group - g;
        if (heads >= most)
            add_values(sums + g * parts, weights + g, values, count, most, parts, wide);
        else if (heads == 3)
            add_values(sums + g * parts, weights + g, values, count, 3, parts, wide);
        else if (heads == 2)
            add_values(sums + g * parts, weights + g, values, count, 2, parts, wide);
        else
            add_values(sums + g * parts, weights + g, values, count, 1, parts, wide);
    }
}

/* The keys of a token's row and head, and the places of those it reads. */
struct keys {
    void *all;
    long first, length;
};

/* Every head of a group of one token over its keys, with sums that are scaled anew at every chunk of keys;
   fetches the values of a chunk while its keys are read, then the first of the `next` keys. */
inlined void attend_row(const struct attention *how, const void *query, struct keys own, const void *values,
                        const void *next, void *out, const long parts, const int wide)
{
    const long size = parts * LANES;
    lanes queries[MOST_GROUP][parts], sums[MOST_GROUP][parts], folded[MOST_GROUP][CHUNK / 4];
    float weights[MOST_GROUP][CHUNK], tops[MOST_GROUP], totals[MOST_GROUP];
    for (long g = 0; g < how->group; g++) {
        tops[g] = -__builtin_inff();
        totals[g] = 0;
        for (long i = 0; i < parts; i += 2)
            load(query, (g * parts + i) / 2, &queries[g][i], wide);
        for (long i = 0; i < parts; i++) {
            queries[g][i] *= how->scale;
            sums[g][i] = (lanes){0};
        }
    }
    for (long start = own.first; start < own.length; start += CHUNK) {
        const long count = own.length - start < CHUNK ? own.length - start : CHUNK;
        const void *chunk = moved(own.all, start * size, wide), *value = moved(values, start * size, wide);
        for (long n = 0; n < count; n += 4) {
            const long later = start + n + CHUNK;
            lanes key[4][parts], dots[4];
            fetch(later < own.length ? moved(own.all, later * size, wide)
                                     : moved(next, (later - own.length) * size, wide),
                  bytes(4 * size, wide));
            fetch(moved(value, n * size, wide), bytes(4 * size, wide));
            for (long k = 0; k < 4; k++) /* behind the last one there may be nothing to read */
                for (long i = 0; i < parts; i += 2)
                    load(moved(chunk, (n + (n + k < count ? k : 0)) * size, wide), i / 2, key[k] + i, wide);
            for (long g = 0; g < how->group; g++) {
                for (long k = 0; k < 4; k++) {
                    dots[k] = queries[g][0] * key[k][0];
                    for (long i = 1; i < parts; i++)
                        dots[k] += queries[g][i] * key[k][i];
                }
                folded[g][n / 4] = fold(dots);
            }
        }
        for (long g = 0; g < how->group; g++) {
            float *scores = weights[g], top = tops[g];
            for (long n = 0; n < count; n += LANES) {
                lanes some = summed(folded[g] + n / 4);
                memcpy(scores + n, &some, sizeof some);
            }
            if (how->softcap)
                for (long n = 0; n < count; n++)
                    scores[n] = how->softcap * (1 - 2 / (1 + power(2 * scores[n] / how->softcap)));
#pragma omp simd reduction(max : top)
            for (long n = 0; n < count; n++)
                top = scores[n] > top ? scores[n] : top;
            float kept = power(tops[g] - top);
            for (long i = 0; i < parts; i++)
                sums[g][i] *= kept;
            totals[g] = totals[g] * kept + weights_of(scores, count, top);
            tops[g] = top;
        }
        add_all_values(sums[0], weights, value, count, how->group, parts, wide);
    }
    for (long g = 0; g < how->group; g++) {
        for (long i = 0; i < parts; i++)
            sums[g][i] /= totals[g];
        for (long i = 0; i < parts; i += 2)
            store(out, (g * parts + i) / 2, sums[g] + i, wide);
    }
}

/* Of one token and head, `n` of all; `rows` and cache as for `attend`. */
inlined struct keys keys_of(const struct attention *how, void *cache, const int *rows, long n)
{
    const int *row = rows + n / how->heads * 3;
    const long length = row[2] + 1, head = row[1] * how->heads + n % how->heads;
    return (struct keys){moved(cache, head * how->capacity * how->size, how->wide),
                         how->window && length > how->window ? length - how->window : 0, length};
}

/* Writes the key and the value of every token behind its row's, then attends. `rows` [count, 3]: the token's
   place, its row's slot and length; query, key and value [tokens, heads, size], `apart` from token to token;
   cache [2, slots, heads, capacity, size]; out [tokens, heads * group * size]. */
void attend(const struct attention *how, const void *query, const void *key, const void *value, void *cache,
            void *out, const int *rows, long count)
{
    const int wide = how->wide;
    const long size = how->size, all = how->slots * how->heads * how->capacity * size;
    const long items = count * how->heads;
#pragma omp parallel for schedule(static, 1) /* a thread knows what it reads next */
    for (long n = 0; n < items; n++) {
        long place = rows[n / how->heads * 3], head = n % how->heads, later = n + omp_get_num_threads();
        struct keys own = keys_of(how, cache, rows, n), next = keys_of(how, cache, rows, later % items);
        void *values = moved(own.all, all, wide);
        const void *then = moved(next.all, next.first * size, wide);
        const void *from = moved(query, place * how->query_apart + head * how->group * size, wide);
        void *to = moved(out, (place * how->heads + head) * how->group * size, wide);
        const long new = (own.length - 1) * size, at = place * how->key_apart + head * size;
        memcpy(moved(own.all, new, wide), moved(key, at, wide), bytes(size, wide));
        memcpy(moved(values, new, wide), moved(value, at, wide), bytes(size, wide));
        if (wide)
            attend_row(how, from, own, values, then, to, size / LANES, 1);
        else if (size == 64)
            attend_row(how, from, own, values, then, to, 64 / LANES, 0);
        else if (size == 128)
            attend_row(how, from, own, values, then, to, 128 / LANES, 0);
        else
            attend_row(how, from, own, values, then, to, size / LANES, 0);
    }
}

/* What adapters add, whose matrices have 8 bits: a scale for each row of A, and for each row of each block
   of B. */

struct change {
    long inputs, outputs, inner, rank, blocks, width, wide;
    const int *chosen; /* [blocks] which part of the inner numbers a block of outputs comes from */
};

struct matrices {
    const int8_t *a, *b;              /* [bays, inputs / 4, inner, 4], [bays, blocks, rank / 4, width, 4] */
    const float *a_scales, *b_scales; /* [bays, inputs], [bays, blocks, rank], of numbers times 2^24 */
};

struct group { /* neighbours of one bay, and its matrices */
    struct matrices own;
    const int *places;
    const float *strengths;
};

/* Four rows of as many columns as there are lanes, times 2^24: a word holds the four of a column, and none
   needs to be moved. */
inlined void rows_of(const int8_t *from, lanes *to)
{
    words four;
    memcpy(&four, from, sizeof four);
    to[0] = __builtin_convertvector((whole)(four << 24), lanes);
    to[1] = __builtin_convertvector((whole)(four << 16 & 0xff000000), lanes);
    to[2] = __builtin_convertvector((whole)(four << 8 & 0xff000000), lanes);
    to[3] = __builtin_convertvector((whole)(four & 0xff000000), lanes);
}

inlined void add_rows(lanes *sums, const lanes *rows, const float *weights) /* in two sums, which wait less */
{
    sums[0] += rows[0] * weights[0] + rows[1] * weights[1];
    sums[1] += rows[2] * weights[2] + rows[3] * weights[3];
}

/* inner [tokens, MOST_INNER] = strengths * x A; fetches the first block of B on its way. */
inlined void inner_of(const struct change *how, const void *x, const struct group *group,
                      float (*inner)[MOST_INNER], const long tokens, const int wide)
{
    lanes sums[MOST_INNER / LANES][tokens][2], rows[4];
    float read[tokens][CHUNK];
    const long share = how->rank * how->width * CHUNK / how->inputs;
    memset(sums, 0, how->inner / LANES * sizeof sums[0]);
    for (long start = 0; start < how->inputs; start += CHUNK) {
        const int8_t *a = group->own.a + start * how->inner;
        const long count = how->inputs - start < CHUNK ? how->inputs - start : CHUNK;
        for (long t = 0; t < tokens; t++)
            for (long i = 0; i < count; i++)
                read[t][i] =
                    get(x, group->places[t] * how->inputs + start + i, wide) * group->own.a_scales[start + i];
        fetch(a + count * how->inner, count * how->inner);
        fetch(group->own.b + start / CHUNK * share, share);
        for (long j = 0; j < how->inner; j += LANES) {
            lanes own[tokens][2];
            memcpy(own, sums[j / LANES], sizeof own);
            for (long i = 0; i < count; i += 4) {
                rows_of(a + i * how->inner + j * 4, rows);
                for (long t = 0; t < tokens; t++)
                    add_rows(own[t], rows, read[t] + i);
            }
            memcpy(sums[j / LANES], own, sizeof own);
        }
    }
    for (long t = 0; t < tokens; t++)
        for (long j = 0; j < how->inner; j += LANES) {
            lanes both = (sums[j / LANES][t][0] + sums[j / LANES][t][1]) * group->strengths[t];
            memcpy(inner[t] + j, &both, sizeof both);
        }
}

/* y += inner B, each block of outputs from its own part; fetches a block ahead. */
inlined void add_outer(const struct change *how, void *y, const struct group *group,
                       float (*inner)[MOST_INNER], const long tokens, const int wide)
{
    const long block = how->rank * how->width;
    for (long n = 0; n < how->blocks; n++) {
        const int8_t *b = group->own.b + n * block;
        float weights[tokens][how->rank];
        for (long t = 0; t < tokens; t++)
            for (long r = 0; r < how->rank; r++)
                weights[t][r] =
                    inner[t][how->chosen[n] * how->rank + r] * group->own.b_scales[n * how->rank + r];
        for (long start = 0; start < how->width; start += LANES) {
            lanes sums[tokens][2], rows[4];
            float own[LANES];
            memset(sums, 0, sizeof sums);
            if (n + 1 < how->blocks)
                fetch(b + block + start * how->rank, LANES * how->rank);
            for (long r = 0; r < how->rank; r += 4) {
                rows_of(b + r * how->width + start * 4, rows);
                for (long t = 0; t < tokens; t++)
                    add_rows(sums[t], rows, weights[t] + r);
            }
            for (long t = 0; t < tokens; t++) {
                void *to = moved(y, group->places[t] * how->outputs + n * how->width + start, wide);
                sums[t][0] += sums[t][1];
                memcpy(own, sums[t], sizeof own);
#pragma omp simd
                for (long i = 0; i < LANES; i++)
                    put(to, i, get(to, i, wide) + own[i], wide);
            }
        }
    }
}

inlined void change_some(const struct change *how, const void *x, void *y, const struct group *group,
                         const long tokens, const int wide)
{
    float inner[MOST_TOKENS][MOST_INNER];
    inner_of(how, x, group, inner, tokens, wide);
    add_outer(how, y, group, inner, tokens, wide);
}

inlined void change_group(const struct change *how, const void *x, void *y, const struct group *group,
                          long tokens, const int wide)
{
    if (tokens == 1)
        change_some(how, x, y, group, 1, wide);
    else if (tokens == 2)
        change_some(how, x, y, group, 2, wide);
    else if (tokens == 4)
        change_some(how, x, y, group, 4, wide);
    else
        change_some(how, x, y, group, 8, wide);
}

/* y[place] += strength * (x[place] A) B, each token with the matrices of its bay. Neighbours of one bay (one,
   two, four or eight) read them once. */
static void change_many(const struct change *how, const struct matrices *all, const void *x, void *y,
                        const int *places, const int *bays, const float *strengths, long count)
{
    int starts[MOST_CHANGED + 1] = {0}, groups = 0;
    for (int n = 0; n < count; n = starts[groups]) {
        int alike = 1;
        while (alike < MOST_TOKENS && n + alike < count && bays[n + alike] == bays[n])
            alike++;
        starts[++groups] = n + (alike == 8 ? 8 : alike >= 4 ? 4 : alike >= 2 ? 2 : 1);
    }
#pragma omp parallel for schedule(static)
    for (int n = 0; n < groups; n++) {
        long first = starts[n], bay = bays[first], rows = how->blocks * how->rank;
        struct group group = {{all->a + bay * how->inputs * how->inner, all->b + bay * rows * how->width,
                               all->a_scales + bay * how->inputs, all->b_scales + bay * rows},
                              places + first,
                              strengths + first};
        fetch(group.own.a, CHUNK * how->inner);
        if (how->wide)
            change_group(how, x, y, &group, starts[n + 1] - first, 1);
        else
            change_group(how, x, y, &group, starts[n + 1] - first, 0);
    }
}

void change(const struct change *how, const struct matrices *all, const void *x, void *y, const int *places,
            const int *bays, const float *strengths, long count)
{
    for (long n = 0; n < count; n += MOST_CHANGED)
        change_many(how, all, x, y, places + n, bays + n, strengths + n,
                    count - n < MOST_CHANGED ? count - n : MOST_CHANGED);
}

/* Products with the base model's weights, by the tiles (AMX) of newer processors. */

#if defined(__AMX_BF16__) && defined(__linux__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tiles {
    uint8_t palette, start, unused[14];
    uint16_t bytes[16];
    uint8_t rows[16];
};

/* Whether this process may use them: Linux gives them on request (ARCH_REQ_XCOMP_PERM, XTILEDATA). */
int has_tiles(void) { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

/* y [rows, out] = x [rows, in] W^T, for up to 32 rows; weights as oneDNN packs them: [out / width, in / 2,
   width, 2]. */
void product(const bf16 *x, const bf16 *weights, bf16 *y, long rows, long in, long out, long width)
{
    const int upper = rows > 16 ? 16 : rows, lower = rows - upper;
    struct tiles wanted = {.palette = 1}; /* tiles 0 and 1 hold x, 2 and 3 weights, 4 to 7 sums */
    for (int n = 0; n < 8; n++) {
        wanted.bytes[n] = 64;
        wanted.rows[n] = n == 2 || n == 3 ? 16 : n == 1 || n > 5 ? lower + !lower : upper;
    }
#pragma omp parallel
    {
        float sums[32][32] __attribute__((aligned(64)));
        struct tiles before; /* others of this thread's libraries may count on theirs */
        _tile_storeconfig(&before);
        _tile_loadconfig(&wanted);
#pragma omp for schedule(static)
        for (long column = 0; column < out; column += 32) {
            const bf16 *own = weights + column / width * width * in + column % width * 2;
            _tile_zero(4);
            _tile_zero(5);
            _tile_zero(6);
            _tile_zero(7);
            for (long i = 0; i < in; i += 32) {
                const bf16 *part = own + i * width;
                for (int n = 0; n < 16; n++)
                    fetch((const char *)(part + n * 2 * width) + AHEAD, 128);
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
                    y[n * out + column + i] = rounded(sums[n][i]);
        }
        _tile_loadconfig(&before);
    }
}

/* A whole layer of the usual kind, h += attention(norm(h)), h += down(gate(norm(h))), for tokens that stand
   alone. */

struct linear {
    const bf16 *weights, *bias; /* NULL without one */
    struct matrices matrices;   /* NULL where no adapter changes it */
    long block;                 /* outputs that oneDNN packs together */
    struct change change;       /* also the inputs and outputs of the product */
};

struct layer {
    const float *first_norm, *second_norm, *query_norm, *key_norm;
    const struct linear *joined, *out, *gated, *down;
    struct attention attention;
    long heads, turning; /* queries, keys and values; the first ones, which turn */
    float first_epsilon, second_epsilon, query_epsilon, key_epsilon;
};

struct page {
    const int *rows; /* as `attend` takes them */
    long count, slots, capacity;
};

struct pass {
    const struct page *pages;
    const int *places, *bays;
    const float *strengths;
    bf16 *one, *two,
        *three; /* room for all tokens: for a layer's widest input, its widest output, its size */
    long tokens, page_count, changed;
};

static void apply(const struct linear *linear, const struct pass *pass, const bf16 *x, bf16 *y)
{
    const struct change *how = &linear->change;
    product(x, linear->weights, y, pass->tokens, how->inputs, how->outputs, linear->block);
    if (linear->bias)
        for (long n = 0; n < pass->tokens; n++)
            for (long i = 0; i < how->outputs; i++)
                y[n * how->outputs + i] =
                    rounded(widened(y[n * how->outputs + i]) + widened(linear->bias[i]));
    if (linear->matrices.a && pass->changed)
        change(how, &linear->matrices, x, y, pass->places, pass->bays, pass->strengths, pass->changed);
}

static void add(bf16 *restrict to, const bf16 *restrict from, long count)
{
    for (long i = 0; i < count; i++)
        to[i] = rounded(widened(to[i]) + widened(from[i]));
}

/* caches: of each page, this layer's. */
void layer(const struct layer *layer, const struct pass *pass, void *const *caches, const bf16 *cosines,
           const bf16 *sines, bf16 *hidden)
{
    const long size = layer->attention.size, keys = layer->attention.heads,
               queries = keys * layer->attention.group;
    const long tokens = pass->tokens, width = layer->down->change.outputs, apart = layer->heads * size;
    bf16 *one = pass->one, *two = pass->two, *key = two + queries * size;
    norm(hidden, layer->first_norm, one, 1, tokens, 0, 0, width, layer->first_epsilon, 0);
    apply(layer->joined, pass, one, two);
    if (layer->query_norm) {
        norm(two, layer->query_norm, two, tokens, queries, apart, apart, size, layer->query_epsilon, 0);
        norm(key, layer->key_norm, key, tokens, keys, apart, apart, size, layer->key_epsilon, 0);
    }
    rotate(two, cosines, sines, tokens, layer->heads, layer->turning, size, 0);
    for (long n = 0; n < pass->page_count; n++) {
        struct attention how = layer->attention;
        how.slots = pass->pages[n].slots;
        how.capacity = pass->pages[n].capacity;
        attend(&how, two, key, key + keys * size, caches[n], one, pass->pages[n].rows, pass->pages[n].count);
    }
    apply(layer->out, pass, one, pass->three);
    add(hidden, pass->three, tokens * width);
    norm(hidden, layer->second_norm, one, 1, tokens, 0, 0, width, layer->second_epsilon, 0);
    apply(layer->gated, pass, one, two);
    gate(two, one, tokens, layer->gated->change.outputs / 2, 0);
    apply(layer->down, pass, one, pass->three);
    add(hidden, pass->three, tokens * width);
}
#else
int has_tiles(void) { return 0; }
#endif
