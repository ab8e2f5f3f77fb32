/* The types of quantised blocks: ggml's layouts (`ggml-common.h`), and NF4 and INT8 of `block_types.py`.

   A function decodes up to 256 numbers of LANES rows; row n begins at base + n stride. Into codes [numbers / 4]
   go four numbers of each row, into scales and minima, [numbers / 32], what turns them into weights: a weight is
   scale * code + minimum, with the code less 8, 16 or 32 where FORMATS says so. */

#ifndef ALTEREGO_QUANTISED_BLOCKS_H
#define ALTEREGO_QUANTISED_BLOCKS_H

#include "quantised_lanes.h"

enum { UNIT = 256 }; /* numbers that are decoded at once: those of a superblock */

#define LOW_HALVES(bytes) ((bytes) & 0x0f0f0f0f)
#define HIGH_HALVES(bytes) ((bytes) >> 4 & 0x0f0f0f0f)

struct panel { /* decoded weights: LANES rows */
    vuint *codes;
    vfloat *scales, *minima;
};

/* Copy the 2 or 4 bytes at `base` of each block of each row into one lane a row. */
INLINE void gather(const uint8_t *base, long stride, long block_bytes, long blocks, long size, vuint *lanes)
{
    uint32_t words[UNIT / 32][LANES] __attribute__((aligned(64))) = {0};
    for (long b = 0; b < blocks; b++)
        for (long n = 0; n < LANES; n++)
            memcpy(&words[b][n], base + n * stride + b * block_bytes, size);
    memcpy(lanes, words, blocks * sizeof *lanes);
}

/* The codes of a block of 32: 16 bytes, of which byte j holds numbers j and j + 16. */
INLINE void decode_halves(const uint8_t *base, long stride, vuint *codes)
{
    vuint bytes[4];
    load_columns(base, stride, bytes);
    for (long j = 0; j < 4; j++) {
        codes[j] = LOW_HALVES(bytes[j]);
        codes[4 + j] = HIGH_HALVES(bytes[j]);
    }
}

/* Q4_0, Q4_1, Q5_0 and Q5_1: a scale, a minimum, the fifth bits, the halves. */
INLINE void decode_small(const uint8_t *base, long stride, long numbers, struct panel panel,
                         const int has_minimum, const int has_fifth)
{
    static const uint8_t own_bit[2][4] = {{1, 2, 4, 8}, {16, 32, 64, 128}};
    const long bits_at = has_minimum ? 4 : 2, codes_at = bits_at + 4 * has_fifth;
    const long block_bytes = codes_at + COLUMN, blocks = numbers / 32;
    vuint heads[UNIT / 32], fifths[UNIT / 32];
    gather(base, stride, block_bytes, blocks, has_minimum ? 4 : 2, heads);
    if (has_fifth)
        gather(base + bits_at, stride, block_bytes, blocks, 4, fifths);
    for (long b = 0; b < blocks; b++) {
        vuint *codes = panel.codes + 8 * b;
        decode_halves(base + b * block_bytes + codes_at, stride, codes);
        for (long j = 0; has_fifth && j < 8; j++) {
            vuint byte = fifths[b] >> (j / 2 * 8) & 0xff, mask;
            uint32_t bits;
            memcpy(&bits, own_bit[j % 2], 4);
            byte |= byte << 8;
            byte |= byte << 16;
            mask = byte & bits; /* one bit in each byte, which moves to bit 4 */
            codes[j] |= j % 2 ? (mask & 0x10) | (mask >> 1 & 0x1000) | (mask >> 2 & 0x100000) |
                                    (mask >> 3 & 0x10000000)
                              : (mask << 4 & 0x10) | (mask << 3 & 0x1000) | (mask << 2 & 0x100000) |
                                    (mask << 1 & 0x10000000);
        }
        panel.scales[b] = floats_of_halves(heads[b]);
        if (has_minimum)
            panel.minima[b] = floats_of_halves(heads[b] >> 16);
    }
}

static void decode_q4_0(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 0, 0);
}

static void decode_q4_1(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 1, 0);
}

static void decode_q5_0(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 0, 1);
}

static void decode_q5_1(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 1, 1);
}

/* Q8_0 and INT8: a scale of `head` bytes, and a byte for each of the `values` numbers. */
INLINE void decode_bytes(const uint8_t *base, long stride, long numbers, struct panel panel, const long head,
                         const long values)
{
    const long block_bytes = head + values, blocks = numbers / values;
    vuint heads[UNIT / 32];
    gather(base, stride, block_bytes, blocks, head, heads);
    for (long b = 0; b < blocks; b++) {
        for (long i = 0; i < values / COLUMN; i++) {
            vuint *codes = panel.codes + (b * values + i * COLUMN) / 4;
            load_columns(base + b * block_bytes + head + i * COLUMN, stride, codes);
            for (long j = 0; j < 4; j++)
                codes[j] ^= RAISED;
        }
        for (long i = 0; i < values / 32; i++)
            panel.scales[b * (values / 32) + i] = head == 2 ? floats_of_halves(heads[b]) : (vfloat)heads[b];
    }
}

static void decode_q8_0(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_bytes(base, stride, numbers, panel, 2, 32);
}

static void decode_int8(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_bytes(base, stride, numbers, panel, 4, 64);
}

/* Of IQ4_NL and IQ4_XS; and of NF4 the nearest multiples of 1 / NF4_SCALE, which are within 0.004. */
#define NF4_SCALE 112
static const int8_t IQ4_TABLE[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
static const int8_t NF4_TABLE[16] = {-112, -78, -59, -44, -32, -21, -10, 0, 9, 18, 28, 38, 49, 63, 81, 112};

INLINE void replace_by_table(const int8_t *table, vuint *codes, long count)
{
    for (long j = 0; j < count; j++)
        codes[j] = look_up((const uint8_t *)table, codes[j]) ^ RAISED;
}

static void decode_iq4_nl(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 0, 0);
    replace_by_table(IQ4_TABLE, panel.codes, numbers / 4);
}

static void decode_nf4(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    const long block_bytes = 36, blocks = numbers / 64;
    vuint heads[UNIT / 32], bytes[4];
    gather(base, stride, block_bytes, blocks, 4, heads);
    for (long b = 0; b < blocks; b++) {
        vuint *codes = panel.codes + 16 * b;
        for (long i = 0; i < 2; i++) {
            load_columns(base + b * block_bytes + 4 + i * COLUMN, stride, bytes);
            for (long j = 0; j < 4; j++) {
                codes[4 * i + j] = LOW_HALVES(bytes[j]);
                codes[8 + 4 * i + j] = HIGH_HALVES(bytes[j]);
            }
        }
        replace_by_table(NF4_TABLE, codes, 16);
        panel.scales[2 * b] = panel.scales[2 * b + 1] = (vfloat)heads[b] * (1.f / NF4_SCALE);
    }
}

#endif
