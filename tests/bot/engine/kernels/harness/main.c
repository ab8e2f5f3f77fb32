/* A program of the library's own source, which runs every operation on the same vectors on every CPU. */

#include "native.c"

#include "operations.h"

/* Numbers whose rounding is special: ties, the largest numbers, subnormal ones, infinities and NaN. */
static const uint32_t SPECIAL[] = {0x00000000, 0x80000000, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001,
                                   0x7f7fffff, 0xff7fffff, 0x7f7f7fff, 0x00000001, 0x00008000, 0x807fffff,
                                   0x7f800000, 0xff800000, 0x7f800001, 0x7fc00000, 0xffc12345};

static void try_rounding(void)
{
    const long count = sizeof SPECIAL / sizeof *SPECIAL;
    float values[32];
    bf16 rounded[32];
    for (long i = 0; i < count; i++) {
        values[i] = float_of_bits(SPECIAL[i]);
        rounded[i] = bf16_of_float(values[i]);
    }
    WRITE_CASE("rounding", count);
    write_numbers("x", values, count, 1);
    write_numbers("y", rounded, count, 0);
}

static void try_lanes(void) /* sums of small integers, which are exact in every order */
{
    vfloat vectors[LANES], quads[LANES / 4], sums;
    float numbers[LANES * LANES], expected[LANES], found[LANES];
    memset(expected, 0, sizeof expected);
    for (long i = 0; i < LANES * LANES; i++)
        expected[i / LANES] += numbers[i] = (float)(int)(1000 * next_number());
    memcpy(vectors, numbers, sizeof vectors);
    for (long i = 0; i < LANES / 4; i++)
        quads[i] = sum_quads(vectors + 4 * i);
    sums = sum_lanes(quads);
    memcpy(found, &sums, sizeof found);
    WRITE_CASE("lanes", LANES);
    write_numbers("expected", expected, LANES, 1);
    write_numbers("found", found, LANES, 1);
}

static void try_exponentials(void)
{
    enum { COUNT = 1024 };
    float x[COUNT], vectors[COUNT], scalars[COUNT];
    for (long i = 0; i < COUNT; i++) {
        x[i] = -100 * (float)i / COUNT;
        scalars[i] = exp_scalar(x[i]);
    }
    for (long i = 0; i < COUNT; i += LANES) {
        vfloat vector;
        memcpy(&vector, x + i, sizeof vector);
        vector = exp_vector(vector);
        memcpy(vectors + i, &vector, sizeof vector);
    }
    WRITE_CASE("exponentials", COUNT);
    write_numbers("x", x, COUNT, 1);
    write_numbers("vectors", vectors, COUNT, 1);
    write_numbers("scalars", scalars, COUNT, 1);
}

int main(void)
{
    static const long sizes[] = {32, 64, 96, 128, 256}, groups[] = {1, 2, 3, 4, 7, 16};
    static const int alone[] = {0}, mixed[] = {0, 0, 2, 2, 2, 2, 2, 1}, nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    printf("%s 0\n", simd_name());
    try_rounding();
    try_exponentials();
    for (int is_f32 = 0; is_f32 < 2; is_f32++) {
        try_rms_norm(24, is_f32);
        try_rms_norm(576, is_f32);
        try_silu_and_mul(3, 35, is_f32);
        try_silu_and_mul(9, 1024, is_f32); /* enough for all threads */
        try_rotary_embedding(16, is_f32);
        try_rotary_embedding(128, is_f32);
        for (long i = 0; i < 5; i++)
            try_decode_attention(sizes[i], 3, 0, 0, is_f32);
        for (long i = 0; i < 6; i++)
            try_decode_attention(64, groups[i], 9, 0, is_f32);
        try_decode_attention(128, 5, 0, 2, is_f32);
        try_add_lora(alone, 1, 96, 1, 16, is_f32);
        try_add_lora(mixed, 8, 100, 4, 32, is_f32);
        try_add_lora(nine, 9, 96, 4, 16, is_f32);
        try_add_lora(alone, 1, 1320, 4, 32, is_f32); /* all threads share it */
        try_quantised_matmuls(is_f32);
    }
    try_lanes(); /* last: its count of numbers depends on the CPU */
    return 0;
}
