/* Activations as int8 codes with a scale for each 32 of them, in tiles of tokens. */

#ifndef ALTEREGO_QUANTISED_ACTIVATIONS_H
#define ALTEREGO_QUANTISED_ACTIVATIONS_H

#include "quantised_lanes.h"
#include "quantised_params.h"

/* Of a tile of tokens, 32 activations of each: a record of 13 words a token, all tokens' scales first, then the
   scales times the codes' sums, -128 times the sums, the same of either half, and eight words of codes. */
enum { RECORD_CODES = 5 };

/* The tile that holds a token of a call: tiles differ by a token at most. */
struct tile {
    long first, tokens;
};

INLINE long tile_count(long tokens) { return (tokens + MAX_TILE - 1) / MAX_TILE; }

INLINE struct tile tile_of(long tokens, long index)
{
    const long count = tile_count(tokens), size = tokens / count, longer = tokens % count;
    return (struct tile){index * size + (index < longer ? index : longer), size + (index < longer)};
}

/* Quantise x [32] into token `n` of a record of `tokens`. A NaN or an infinity makes the scale one. */
INLINE void quantise_activations(const void *x, long at, long n, long tokens, uint32_t *record,
                                 const int is_f32)
{
    float values[32], scale;
    uint32_t largest = 0, words[8];
    int32_t sums[2] = {0, 0};
    int8_t codes[32];
    for (long i = 0; i < 32; i++)
        values[i] = load_scalar(x, at + i, is_f32);
    for (long i = 0; i < 32; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, 4);
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    scale = float_of_bits(largest) / 127;
    const float factor = float_of_bits(largest) > 0 ? 127 / float_of_bits(largest) : 0;
    for (long i = 0; i < 32; i++) { /* the lower bits of a number of this size are its nearest integer's */
        const float moved = values[i] * factor + 12582912.f;
        uint32_t bits;
        memcpy(&bits, &moved, 4);
        codes[i] = (int8_t)bits;
    }
    for (long i = 0; i < 16; i++) {
        sums[0] += codes[i];
        sums[1] += codes[16 + i];
    }
    const float weighted = scale * (float)(sums[0] + sums[1]);
    const int32_t starts[3] = {-128 * (sums[0] + sums[1]), -32 * sums[0], -32 * sums[1]};
    memcpy(words, codes, sizeof words);
    memcpy(record + n, &scale, 4);
    memcpy(record + tokens + n, &weighted, 4);
    for (long i = 0; i < 3; i++)
        memcpy(record + (2 + i) * tokens + n, starts + i, 4);
    for (long i = 0; i < 8; i++)
        record[(RECORD_CODES + i) * tokens + n] = words[i];
}

/* Quantise x [tokens, columns] into records, tile by tile; called by all threads of a team. */
INLINE void quantise_tiles(const void *x, long tokens, long columns, uint32_t *records, const int is_f32)
{
    const long blocks = columns / 32, tiles = tile_count(tokens);
#pragma omp for schedule(static)
    for (long item = 0; item < tiles * blocks; item++) {
        const struct tile tile = tile_of(tokens, item / blocks);
        const long block = item % blocks;
        uint32_t *record = records + RECORD_WORDS * (tile.first * blocks + block * tile.tokens);
        for (long n = 0; n < tile.tokens; n++)
            quantise_activations(x, (tile.first + n) * columns + block * 32, n, tile.tokens, record, is_f32);
    }
}

#endif
