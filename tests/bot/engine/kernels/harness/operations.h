/* Each operation of the library on vectors of the generator: inputs and results as records. */

#ifndef HARNESS_OPERATIONS_H
#define HARNESS_OPERATIONS_H

#include "quantised_params.h"
#include "records.h"

static void try_rms_norm(long size, int is_f32)
{
    const long groups = 2, rows = 3, x_stride = 5 * size, y_stride = rows * size;
    void *x = random_numbers(groups * x_stride, 2, is_f32), *y = allocate(groups * y_stride, is_f32);
    float *weight = random_numbers(size, 1, 1);
    rms_norm(x, weight, y, groups, rows, x_stride, y_stride, size, 0.5f, is_f32);
    WRITE_CASE("rms_norm", is_f32, groups, rows, size);
    write_numbers("x", x, groups * x_stride, is_f32);
    write_numbers("weight", weight, size, 1);
    write_numbers("y", y, groups * y_stride, is_f32);
    free(x), free(y), free(weight);
}

static void try_silu_and_mul(long rows, long size, int is_f32)
{
    void *x = random_numbers(rows * 2 * size, 100, is_f32), *y = allocate(rows * size, is_f32);
    silu_and_mul(x, y, rows, size, is_f32);
    WRITE_CASE("silu_and_mul", is_f32, rows, size);
    write_numbers("x", x, rows * 2 * size, is_f32);
    write_numbers("y", y, rows * size, is_f32);
    free(x), free(y);
}

static void try_rotary_embedding(long size, int is_f32)
{
    const long tokens = 3, heads = 5, rotated = 4, count = tokens * heads * size;
    void *x = random_numbers(count, 1, is_f32), *cosines = random_numbers(tokens * size, 1, is_f32),
         *sines = random_numbers(tokens * size, 1, is_f32);
    WRITE_CASE("rotary_embedding", is_f32, tokens, heads, rotated, size);
    write_numbers("x", x, count, is_f32);
    write_numbers("cosines", cosines, tokens * size, is_f32);
    write_numbers("sines", sines, tokens * size, is_f32);
    rotary_embedding(x, cosines, sines, tokens, heads, rotated, size, is_f32);
    write_numbers("y", x, count, is_f32);
    free(x), free(cosines), free(sines);
}

/* Slots of lengths around CHUNK, in another order than the tokens. */
static void try_decode_attention(long size, long group, long window, float softcap, int is_f32)
{
    const int targets[] = {0, 3, 0, 1, 0, 1, 2, 4, 63, 3, 1, 64, 4, 2, 130};
    const long tokens = 5, slots = 6, capacity = 140, heads = 2, width = (group + 2) * heads * size;
    const struct attention_params params = {slots, capacity, heads, group, size, window, width, width,
                                            is_f32, 0.2f, softcap};
    const long cached = 2 * slots * heads * capacity * size, answered = tokens * heads * group * size;
    void *joined = random_numbers(tokens * width, 1, is_f32), *cache = random_numbers(cached, 1, is_f32),
         *out = allocate(answered, is_f32), *key = at_offset(joined, group * heads * size, is_f32);
    WRITE_CASE("decode_attention", is_f32, slots, capacity, heads, group, size, window, softcap);
    write_integers("targets", targets, tokens * 3);
    write_numbers("joined", joined, tokens * width, is_f32);
    decode_attention(&params, joined, key, at_offset(key, heads * size, is_f32), cache, out, targets, tokens);
    write_numbers("cache", cache, cached, is_f32);
    write_numbers("out", out, answered, is_f32);
    free(joined), free(cache), free(out);
}

/* `slots` names the LoRA slot of every other token; groups of one, two, four and eight neighbours arise. */
static void try_add_lora(const int *slots, long count, long inputs, long blocks, long rank, int is_f32)
{
    const int layers[] = {0, 0, 1, 2};
    const long held = 3, parts = blocks == 1 ? 1 : 3, width = 48, outputs = blocks * width, tokens = 40;
    const struct lora_shape shape = {inputs, outputs, parts * rank, rank, blocks, width, is_f32, layers};
    int8_t *a = random_bytes(held * inputs * parts * rank), *b = random_bytes(held * blocks * rank * width);
    float *a_scales = random_numbers(held * inputs, 0x1p-31f, 1),
          *b_scales = random_numbers(held * blocks * rank, 0x1p-31f, 1);
    void *x = random_numbers(tokens * inputs, 1, is_f32), *y = random_numbers(tokens * outputs, 1, is_f32);
    const struct lora_matrices matrices = {a, b, a_scales, b_scales};
    int places[20];
    float strengths[20];
    for (long n = 0; n < count; n++) {
        places[n] = (int)(2 * n);
        strengths[n] = n % 2 ? 1.5f : 0.5f;
    }
    WRITE_CASE("add_lora", is_f32, held, inputs, blocks, parts, rank, width, tokens);
    write_integers("slots", slots, count);
    write_numbers("strengths", strengths, count, 1);
    for (long i = 0, n = held * inputs * parts * rank; i < 2; i++, n = held * blocks * rank * width) {
        float *numbers = allocate(n, 1);
        for (long j = 0; j < n; j++)
            numbers[j] = i ? b[j] : a[j];
        write_numbers(i ? "b" : "a", numbers, n, 1);
        free(numbers);
    }
    write_numbers("a_scales", a_scales, held * inputs, 1);
    write_numbers("b_scales", b_scales, held * blocks * rank, 1);
    write_numbers("x", x, tokens * inputs, is_f32);
    write_numbers("before", y, tokens * outputs, is_f32);
    add_lora(&shape, &matrices, x, y, places, slots, strengths, count);
    write_numbers("y", y, tokens * outputs, is_f32);
    free(a), free(b), free(a_scales), free(b_scales), free(x), free(y);
}

/* A positive float16 below 1/8 in each place of `places`, of which -1 ends the list. */
static void set_scales(uint8_t *block, const int *places)
{
    for (long i = 0; places[i] >= 0; i++) {
        block[places[i]] = (uint8_t)(int)(127 * next_number() + 128);
        block[places[i] + 1] = 0x2c;
    }
}

/* Two matrices, of which the second has its rows in another order, with the bias of both; then each token alone.
   `places`: where a block of `values` numbers in `bytes` bytes has its float16 scales. */
static void try_quantised_matmul(long type, long values, long bytes, const int *places, long tokens, int is_f32)
{
    const long columns = 768, first = 37, second = 21, rows = first + second, row_bytes = columns / values * bytes;
    int64_t order[21];
    uint8_t *weights = (uint8_t *)random_bytes(rows * row_bytes);
    for (long i = 0; i < second; i++)
        order[i] = second - 1 - i;
    for (long i = 0; i < rows * row_bytes; i += bytes) {
        const float scale = next_number();
        set_scales(weights + i, places);
        if (values == 64)
            memcpy(weights + i, &scale, 4);
    }
    const struct quantised_segment segments[] = {{weights, 0, first, row_bytes, type},
                                                 {weights + first * row_bytes, order, second, row_bytes, type}};
    float *bias = random_numbers(rows, 1, 1), *bytes_read = allocate(rows * row_bytes, 1);
    const struct quantised_params params = {segments, bias, 2, columns, rows, is_f32};
    void *x = random_numbers(tokens * columns, 1, is_f32), *y = allocate(tokens * rows, is_f32),
         *alone = allocate(tokens * rows, is_f32);
    uint32_t *scratch = allocate(tokens * columns / 32 * RECORD_WORDS, 1);
    quantised_matmul(&params, x, y, scratch, tokens);
    for (long t = 0; t < tokens; t++)
        quantised_matmul(&params, at_offset(x, t * columns, is_f32), at_offset(alone, t * rows, is_f32), scratch,
                         1);
    for (long i = 0; i < rows * row_bytes; i++)
        bytes_read[i] = weights[i];
    WRITE_CASE("quantised_matmul", is_f32, type, columns, first, second, tokens);
    write_numbers("weights", bytes_read, rows * row_bytes, 1);
    write_numbers("bias", bias, rows, 1);
    write_numbers("x", x, tokens * columns, is_f32);
    write_numbers("alone", alone, tokens * rows, is_f32);
    write_numbers("y", y, tokens * rows, is_f32);
    free(weights), free(bias), free(bytes_read), free(x), free(y), free(alone), free(scratch);
}

/* Every type, with a number of tokens of its own: one tile, and several of two sizes. */
static void try_quantised_matmuls(int is_f32)
{
    static const int first[] = {0, -1}, both[] = {0, 2, -1}, last[] = {208, -1}, none[] = {-1};
    static const struct {
        long values, bytes;
        const int *places;
    } types[] = {{32, 18, first}, {32, 20, both},  {32, 22, first}, {32, 24, both},   {32, 34, first}, {256, 144, both},
                 {256, 176, both}, {256, 210, last}, {32, 18, first}, {256, 136, first}, {64, 36, none},  {64, 68, none}};
    for (long i = 0; i < 12; i++)
        try_quantised_matmul(i, types[i].values, types[i].bytes, types[i].places, 1 + i * 3 % 14, is_f32);
    try_quantised_matmul(5, 256, 144, both, 101, is_f32); /* more than a group of tokens */
}

#endif
