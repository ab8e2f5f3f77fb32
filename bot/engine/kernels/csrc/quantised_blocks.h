/* The types of quantised blocks: ggml's layouts (`ggml-common.h`), and NF4 and INT8 of `block_types.py`.

   A function reads up to 256 numbers of LANES rows; row n begins at base + n stride. Into scales and minima,
   [numbers / 32], goes what turns codes into weights: a weight is scale * code + minimum, with the code less 8,
   16 or 32 where FORMATS says so. Codes, four numbers of each row in a vector, are kept for many tokens, or
   multiplied with one token's on the way: each type has a function for either. */

#ifndef ALTEREGO_QUANTISED_BLOCKS_H
#define ALTEREGO_QUANTISED_BLOCKS_H

#include "quantised_activations.h"

/* Where a loop takes codes: its indices are constants then. */
#define UNROLL _Pragma("GCC unroll 8")

enum { UNIT = 256 }; /* numbers that are decoded at once: those of a superblock */

#define LOW_HALVES(bytes) ((bytes) & 0x0f0f0f0f)
#define HIGH_HALVES(bytes) ((bytes) >> 4 & 0x0f0f0f0f)

/* LANES rows: codes [numbers / 4], or their products with the quads, [numbers / 16]. From each vector of codes,
   scales and minima to the next are ABREAST. */
struct panel {
    vuint *codes;
    vfloat *scales, *minima;
    vint *dots;
    const uint32_t *record; /* of one token: `quantised_activations.h` */
    const uint8_t *ahead;   /* bytes that this thread reads later, `step` of them for 16 numbers */
    long step;
};

enum { KEEP, MULTIPLY, MULTIPLY_SIGNED };

/* Take the codes of 16 numbers: those of four quads, from quad `quad` of the unit on. Prefetches a little each
   time: a core waits for few bytes at once, and a burst would hold up what it reads now. */
INLINE void take_codes(struct panel panel, long quad, const vuint *codes, const int how)
{
    const uint8_t *ahead = panel.ahead + quad / 4 * panel.step;
    __builtin_prefetch(ahead, 0, 2); /* into the second cache */
    __builtin_prefetch(ahead + 64, 0, 2);
    if (how == KEEP) {
        for (long j = 0; j < 4; j++)
            panel.codes[ABREAST * (quad + j)] = codes[j];
        return;
    }
    const uint32_t *quads = panel.record + quad / 8 * RECORD_WORDS + RECORD_CODES + quad % 8;
    vint sum = panel.dots[quad / 4];
    for (long j = 0; j < 4; j++)
        sum = dot(sum, codes[j], quads[j], how == MULTIPLY_SIGNED);
    panel.dots[quad / 4] = sum;
}

#define READER(type, signs, ...)                                                                             \
    static void decode_##type(const uint8_t *base, long stride, long numbers, struct panel panel)            \
    {                                                                                                        \
        enum { HOW = KEEP };                                                                                 \
        __VA_ARGS__;                                                                                         \
    }                                                                                                        \
    static void multiply_##type(const uint8_t *base, long stride, long numbers, struct panel panel)          \
    {                                                                                                        \
        enum { HOW = signs };                                                                                \
        __VA_ARGS__;                                                                                         \
    }

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

/* Take the codes of 16 bytes, the low halves' as quads `low` and on, the high ones' as `high` and on, by a table
   unless it is null. */
INLINE void read_halves(const uint8_t *base, long stride, const uint8_t *table, struct panel panel, long low,
                        long high, const int how)
{
    vuint lower[4], upper[4];
    load_columns(base, stride, lower);
    for (long j = 0; j < 4; j++) {
        upper[j] = table ? look_up(table, HIGH_HALVES(lower[j])) : HIGH_HALVES(lower[j]);
        lower[j] = table ? look_up(table, LOW_HALVES(lower[j])) : LOW_HALVES(lower[j]);
    }
    take_codes(panel, low, lower, how);
    take_codes(panel, high, upper, how);
}

/* Q4_0, Q4_1, Q5_0, Q5_1 and IQ4_NL: a scale, a minimum, the fifth bits, the halves. */
INLINE void read_small(const uint8_t *base, long stride, long numbers, struct panel panel, const int has_minimum,
                       const int has_fifth, const uint8_t *table, const int how)
{
    const long bits_at = has_minimum ? 4 : 2, codes_at = bits_at + 4 * has_fifth;
    const long block_bytes = codes_at + COLUMN, blocks = numbers / 32;
    struct words heads, fifths;
    vuint lower[4], upper[4];
    if (has_fifth)
        gather_words(base + bits_at, stride, block_bytes, blocks, &fifths);
    gather_words(base, stride, block_bytes, blocks, &heads);
    UNROLL
    for (long b = 0; b < blocks; b++) {
        if (!has_fifth) {
            read_halves(base + b * block_bytes + codes_at, stride, table, panel, 8 * b, 8 * b + 4, how);
            continue;
        }
        const vuint bits = load_words(&fifths, b);
        load_columns(base + b * block_bytes + codes_at, stride, lower);
        for (long j = 0; j < 4; j++) {
            upper[j] = HIGH_HALVES(lower[j]) | fifth_bits(bits, 4 + j);
            lower[j] = LOW_HALVES(lower[j]) | fifth_bits(bits, j);
        }
        take_codes(panel, 8 * b, lower, how);
        take_codes(panel, 8 * b + 4, upper, how);
    }
    for (long b = 0; b < blocks; b++) {
        const vuint head = load_words(&heads, b);
        panel.scales[ABREAST * b] = floats_of_halves(head);
        if (has_minimum)
            panel.minima[ABREAST * b] = floats_of_halves(head >> 16);
    }
}

READER(q4_0, MULTIPLY, read_small(base, stride, numbers, panel, 0, 0, 0, HOW))
READER(q4_1, MULTIPLY, read_small(base, stride, numbers, panel, 1, 0, 0, HOW))
READER(q5_0, MULTIPLY, read_small(base, stride, numbers, panel, 0, 1, 0, HOW))
READER(q5_1, MULTIPLY, read_small(base, stride, numbers, panel, 1, 1, 0, HOW))
READER(iq4_nl, MULTIPLY_SIGNED, read_small(base, stride, numbers, panel, 0, 0, IQ4_TABLE, HOW))

/* Q8_0 and INT8: a scale of `head` bytes, and a byte for each of the `values` numbers. */
INLINE void read_bytes(const uint8_t *base, long stride, long numbers, struct panel panel, const long head,
                       const long values, const int how)
{
    const long block_bytes = head + values, blocks = numbers / values;
    struct words heads;
    vuint codes[4];
    gather_words(base, stride, block_bytes, blocks, &heads);
    for (long b = 0; b < blocks; b++)
        UNROLL
        for (long i = 0; i < values / COLUMN; i++) {
            load_columns(base + b * block_bytes + head + i * COLUMN, stride, codes);
            for (long j = 0; j < 4; j++)
                codes[j] ^= RAISED;
            take_codes(panel, (b * values + i * COLUMN) / 4, codes, how);
        }
    for (long b = 0; b < blocks; b++)
        for (long i = 0; i < values / 32; i++) {
            const vuint word = load_words(&heads, b);
            panel.scales[ABREAST * (b * (values / 32) + i)] = head == 2 ? floats_of_halves(word) : (vfloat)word;
        }
}

READER(q8_0, MULTIPLY_SIGNED, read_bytes(base, stride, numbers, panel, 2, 32, HOW))
READER(int8, MULTIPLY_SIGNED, read_bytes(base, stride, numbers, panel, 4, 64, HOW))

INLINE void read_nf4(const uint8_t *base, long stride, long numbers, struct panel panel, const int how)
{
    const long block_bytes = 36, blocks = numbers / 64;
    struct words heads;
    gather_words(base, stride, block_bytes, blocks, &heads);
    UNROLL
    for (long b = 0; b < blocks; b++)
        UNROLL
        for (long i = 0; i < 2; i++)
            read_halves(base + b * block_bytes + 4 + i * COLUMN, stride, NF4_TABLE, panel, 16 * b + 4 * i,
                        16 * b + 4 * i + 8, how);
    for (long b = 0; b < 2 * blocks; b++)
        panel.scales[ABREAST * b] = (vfloat)load_words(&heads, b / 2) * (1.f / NF4_SCALE);
}

READER(nf4, MULTIPLY_SIGNED, read_nf4(base, stride, numbers, panel, HOW))

#endif
