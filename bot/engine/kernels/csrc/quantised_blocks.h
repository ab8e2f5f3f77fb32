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

/* The 4 bytes at `base` of each block of each row, one row in each lane. A CPU reads a vector late that it has
   just written word by word, so `load_words` comes after the codes were decoded. */
struct words {
    uint32_t lanes[UNIT / 32][LANES];
};

INLINE void gather_words(const uint8_t *base, long stride, long block_bytes, long blocks, struct words *words)
{
    for (long b = 0; b < blocks; b++)
        for (long n = 0; n < LANES; n++)
            memcpy(&words->lanes[b][n], base + n * stride + b * block_bytes, 4);
}

INLINE vuint load_words(const struct words *words, long block)
{
    vuint lanes;
    memcpy(&lanes, words->lanes[block], sizeof lanes);
    return lanes;
}

/* The codes of IQ4_NL and IQ4_XS; and of NF4 the nearest multiples of 1 / NF4_SCALE, which are within 0.004. */
#define NF4_SCALE 112
#define CODE(number) ((uint8_t)((number) + (RAISED ? 128 : 0)))
static const uint8_t IQ4_TABLE[16] = {CODE(-127), CODE(-104), CODE(-83), CODE(-65), CODE(-49), CODE(-35),
                                      CODE(-22),  CODE(-10),  CODE(1),   CODE(13),  CODE(25),  CODE(38),
                                      CODE(53),   CODE(69),   CODE(89),  CODE(113)};
static const uint8_t NF4_TABLE[16] = {CODE(-112), CODE(-78), CODE(-59), CODE(-44), CODE(-32), CODE(-21),
                                      CODE(-10),  CODE(0),   CODE(9),   CODE(18),  CODE(28),  CODE(38),
                                      CODE(49),   CODE(63),  CODE(81),  CODE(112)};

/* The codes of 16 bytes, the low halves' into codes [4], the high ones' into high [4], by a table unless null. */
INLINE void decode_halves(const uint8_t *base, long stride, const uint8_t *table, vuint *codes, vuint *high)
{
    vuint bytes[4];
    load_columns(base, stride, bytes);
    for (long j = 0; j < 4; j++) {
        codes[j] = table ? look_up(table, LOW_HALVES(bytes[j])) : LOW_HALVES(bytes[j]);
        high[j] = table ? look_up(table, HIGH_HALVES(bytes[j])) : HIGH_HALVES(bytes[j]);
    }
}

/* Q4_0, Q4_1, Q5_0, Q5_1 and IQ4_NL: a scale, a minimum, the fifth bits, the halves. */
INLINE void decode_small(const uint8_t *base, long stride, long numbers, struct panel panel,
                         const int has_minimum, const int has_fifth, const uint8_t *table)
{
    const long bits_at = has_minimum ? 4 : 2, codes_at = bits_at + 4 * has_fifth;
    const long block_bytes = codes_at + COLUMN, blocks = numbers / 32;
    struct words heads, fifths;
    gather_words(base, stride, block_bytes, blocks, &heads);
    if (has_fifth)
        gather_words(base + bits_at, stride, block_bytes, blocks, &fifths);
    for (long b = 0; b < blocks; b++)
        decode_halves(base + b * block_bytes + codes_at, stride, table, panel.codes + 8 * b,
                      panel.codes + 8 * b + 4);
    for (long b = 0; b < blocks; b++) {
        const vuint head = load_words(&heads, b);
        panel.scales[b] = floats_of_halves(head);
        if (has_minimum)
            panel.minima[b] = floats_of_halves(head >> 16);
        for (long j = 0; has_fifth && j < 8; j++)
            panel.codes[8 * b + j] |= fifth_bits(load_words(&fifths, b), j);
    }
}

static void decode_q4_0(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 0, 0, 0);
}

static void decode_q4_1(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 1, 0, 0);
}

static void decode_q5_0(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 0, 1, 0);
}

static void decode_q5_1(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 1, 1, 0);
}

/* Q8_0 and INT8: a scale of `head` bytes, and a byte for each of the `values` numbers. */
INLINE void decode_bytes(const uint8_t *base, long stride, long numbers, struct panel panel, const long head,
                         const long values)
{
    const long block_bytes = head + values, blocks = numbers / values;
    struct words heads;
    gather_words(base, stride, block_bytes, blocks, &heads);
    for (long b = 0; b < blocks; b++)
        for (long i = 0; i < values / COLUMN; i++) {
            vuint *codes = panel.codes + (b * values + i * COLUMN) / 4;
            load_columns(base + b * block_bytes + head + i * COLUMN, stride, codes);
            for (long j = 0; j < 4; j++)
                codes[j] ^= RAISED;
        }
    for (long b = 0; b < blocks; b++)
        for (long i = 0; i < values / 32; i++) {
            const vuint word = load_words(&heads, b);
            panel.scales[b * (values / 32) + i] = head == 2 ? floats_of_halves(word) : (vfloat)word;
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

static void decode_iq4_nl(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    decode_small(base, stride, numbers, panel, 0, 0, IQ4_TABLE);
}

static void decode_nf4(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    const long block_bytes = 36, blocks = numbers / 64;
    struct words heads;
    gather_words(base, stride, block_bytes, blocks, &heads);
    for (long b = 0; b < blocks; b++)
        for (long i = 0; i < 2; i++) {
            vuint *codes = panel.codes + 16 * b + 4 * i;
            decode_halves(base + b * block_bytes + 4 + i * COLUMN, stride, NF4_TABLE, codes, codes + 8);
        }
    for (long b = 0; b < 2 * blocks; b++)
        panel.scales[b] = (vfloat)load_words(&heads, b / 2) * (1.f / NF4_SCALE);
}

#endif
