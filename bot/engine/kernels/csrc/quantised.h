/* Products with quantised weights, which stay as files hold them.

   A panel of LANES rows is decoded to codes of eight bits, a chunk of columns at a time, which stays in the
   first cache; all tokens are multiplied with it in integers, block by block, and each block's sum is scaled and
   added in float32. The order of these sums is the same for every number of tokens, so a token's answer never
   depends on its neighbours. */

#ifndef ALTEREGO_QUANTISED_H
#define ALTEREGO_QUANTISED_H

#include "quantised_activations.h"
#include "quantised_superblocks.h"

enum {
    CHUNK_COLUMNS = 2 * UNIT,
    MAX_GROUP_TOKENS = 96,     /* tokens whose sums a thread holds; a multiple of MAX_TILE */
    MAX_BLOCK_BYTES = 8 * 34   /* of UNIT numbers */
};

struct quantised_segment { /* a matrix: `type` is an index of FORMATS; row_order [rows] may be null */
    const uint8_t *data;
    const int64_t *row_order;
    long rows, row_bytes, type;
};

struct quantised_params { /* matrices that read the same input; bias [outputs] may be null */
    const struct quantised_segment *segments;
    const float *bias;
    long count, columns, outputs, is_f32;
};

enum { WITH_MINIMUM, RAISED_BY, AS_IT_IS, HALVES };

struct block_format {
    void (*decode)(const uint8_t *base, long stride, long numbers, struct panel panel);
    long unit_bytes, kind, shift; /* codes are raised by 128 >> shift */
};

#define WIDE (RAISED ? RAISED_BY : AS_IT_IS)
static const struct block_format FORMATS[] = { /* in the order of `QUANTISED_TYPES` of structs.py */
    {decode_q4_0, 8 * 18, RAISED_BY, 4},     {decode_q4_1, 8 * 20, WITH_MINIMUM, 0},
    {decode_q5_0, 8 * 22, RAISED_BY, 3},     {decode_q5_1, 8 * 24, WITH_MINIMUM, 0},
    {decode_q8_0, 8 * 34, WIDE, 0},          {decode_q4_k, 144, WITH_MINIMUM, 0},
    {decode_q5_k, 176, WITH_MINIMUM, 0},     {decode_q6_k, 210, HALVES, 2},
    {decode_iq4_nl, 8 * 18, WIDE, 0},        {decode_iq4_xs, 136, WIDE, 0},
    {decode_nf4, 4 * 36, WIDE, 0},           {decode_int8, 4 * 68, WIDE, 0},
};

/* sums [tokens] += the products of a panel with a tile of tokens, over `blocks` blocks of 32 columns. */
INLINE void multiply_tile(const struct panel *panel, const uint32_t *record, long blocks, long shift,
                          vfloat *sums, const long tokens, const int kind)
{
    const long parts = kind == HALVES ? 2 : 1, steps = 8 / parts;
    const vuint *codes = panel->codes;
    vfloat totals[ARRAY_LENGTH(tokens, MAX_TILE)];
    for (long t = 0; t < tokens; t++)
        totals[t] = sums[t];
    for (long b = 0; b < blocks; b++, record += RECORD_WORDS * tokens) {
        const float *scales = (const float *)record, *weighted = scales + tokens;
        const uint32_t *quads = record + RECORD_CODES * tokens;
        for (long part = 0; part < parts; part++) {
            const int32_t *starts = (const int32_t *)record + (kind == HALVES ? RECORD_HALVES + part : 2) * tokens;
            const vfloat scale = panel->scales[b * parts + part];
            vint dots[ARRAY_LENGTH(tokens, MAX_TILE)];
            for (long t = 0; t < tokens; t++)
                dots[t] = kind == RAISED_BY || kind == HALVES ? int_lanes(starts[t]) >> shift : (vint){0};
            for (long i = 0; i < steps; i++, codes++, quads += tokens)
                for (long t = 0; t < tokens; t++)
                    dots[t] = dot(dots[t], *codes, quads[t], kind == AS_IT_IS);
            for (long t = 0; t < tokens; t++)
                totals[t] = fused(__builtin_convertvector(dots[t], vfloat), scale * float_lanes(scales[t]),
                                  totals[t]);
        }
        if (kind == WITH_MINIMUM)
            for (long t = 0; t < tokens; t++)
                totals[t] = fused(panel->minima[b], float_lanes(weighted[t]), totals[t]);
    }
    for (long t = 0; t < tokens; t++)
        sums[t] = totals[t];
}

#define TILE_OF(n)                                                                                           \
    case n:                                                                                                  \
        multiply_tile(panel, record, blocks, shift, sums, n, kind);                                          \
        break;

INLINE void multiply_any_tile(const struct panel *panel, const uint32_t *record, long blocks, long shift,
                              vfloat *sums, long tokens, const int kind)
{
    switch (tokens) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
#if LANES != 8
        TILE_OF(5)
        TILE_OF(6)
        TILE_OF(7)
        TILE_OF(8)
#endif
#if LANES == 16
        TILE_OF(9)
        TILE_OF(10)
        TILE_OF(11)
        TILE_OF(12)
#endif
    }
}

static void multiply_tile_of_kind(const struct panel *panel, const uint32_t *record, long blocks, long tokens,
                                  const struct block_format *format, vfloat *sums)
{
    if (format->kind == WITH_MINIMUM)
        multiply_any_tile(panel, record, blocks, 0, sums, tokens, WITH_MINIMUM);
    else if (format->kind == RAISED_BY)
        multiply_any_tile(panel, record, blocks, format->shift, sums, tokens, RAISED_BY);
    else if (format->kind == HALVES)
        multiply_any_tile(panel, record, blocks, format->shift, sums, tokens, HALVES);
#if !(X86_LANES && HAS_VNNI)
    else
        multiply_any_tile(panel, record, blocks, 0, sums, tokens, AS_IT_IS);
#endif
}

INLINE const uint8_t *row_address(const struct quantised_segment *segment, long row)
{
    const long last = row < segment->rows ? row : segment->rows - 1;
    return segment->data + (segment->row_order ? segment->row_order[last] : last) * segment->row_bytes;
}

/* Decode UNIT numbers, or the last ones, of a panel from byte `at` of its rows on; prefetch those of the next. */
INLINE void decode_unit(const struct quantised_segment *segment, long row, long at, long numbers,
                        struct panel panel)
{
    uint8_t copy[LANES * MAX_BLOCK_BYTES];
    const struct block_format *format = FORMATS + segment->type;
    const long bytes = format->unit_bytes * numbers / UNIT;
    const uint8_t *base = row_address(segment, row) + at;
    long stride = segment->row_bytes;
    if (row + LANES < segment->rows)
        for (long n = 0; n < LANES; n++)
            prefetch(row_address(segment, row + LANES + n) + at, bytes);
    if (segment->row_order || row + LANES > segment->rows) {
        for (long n = 0; n < LANES; n++)
            memcpy(copy + n * bytes, row_address(segment, row + n) + at, bytes);
        base = copy;
        stride = bytes;
    }
    format->decode(base, stride, numbers, panel);
}

/* Write the sums [tokens] of rows `output` and on of y [tokens, outputs]. */
INLINE void store_sums(void *y, long outputs, long output, long rows, long tokens, const vfloat *sums,
                       const int is_f32)
{
    for (long t = 0; t < tokens; t++) {
        float values[LANES];
        memcpy(values, sums + t, sizeof values);
        if (is_f32 && rows == LANES)
            memcpy((float *)y + t * outputs + output, values, sizeof values);
        else
            for (long n = 0; n < rows; n++)
                store_scalar(y, t * outputs + output + n, values[n], is_f32);
    }
}

/* Multiply the panel from `row` of a segment on with the tiles of a group of tokens, whose first tile is `tile`
   of `all` tokens. */
static void multiply_panel(const struct quantised_params *params, const struct quantised_segment *segment,
                           long row, long output, const uint32_t *records, void *y, long all, long tile,
                           long tiles)
{
    vuint codes[CHUNK_COLUMNS / 4];
    vfloat scales[CHUNK_COLUMNS / 16], minima[CHUNK_COLUMNS / 32], sums[MAX_GROUP_TOKENS], start = {0};
    const struct panel panel = {codes, scales, minima};
    const struct block_format *format = FORMATS + segment->type;
    const long rows = segment->rows - row < LANES ? segment->rows - row : LANES;
    const long first = tile_of(all, tile).first, blocks = params->columns / 32;
    if (params->bias)
        memcpy(&start, params->bias + output, rows * sizeof(float));
    for (long t = 0; t < MAX_GROUP_TOKENS; t++)
        sums[t] = start;
    for (long column = 0; column < params->columns; column += CHUNK_COLUMNS) {
        const long rest = params->columns - column, count = rest < CHUNK_COLUMNS ? rest : CHUNK_COLUMNS;
        for (long i = 0; i < count; i += UNIT) {
            const long part = format->kind == HALVES ? 16 : 32;
            decode_unit(segment, row, (column + i) / UNIT * format->unit_bytes,
                        count - i < UNIT ? count - i : UNIT,
                        (struct panel){codes + i / 4, scales + i / part, minima + i / 32});
        }
        for (long n = tile; n < tile + tiles; n++) {
            const struct tile own = tile_of(all, n);
            const uint32_t *record = records + RECORD_WORDS * (own.first * blocks + column / 32 * own.tokens);
            multiply_tile_of_kind(&panel, record, count / 32, own.tokens, format, sums + own.first - first);
        }
    }
    const struct tile last = tile_of(all, tile + tiles - 1);
    store_sums(at_offset(y, first * params->outputs, params->is_f32), params->outputs, output, rows,
               last.first + last.tokens - first, sums, params->is_f32);
}

/* y [tokens, outputs] = x [tokens, columns] W^T + bias, with the segments' rows as W, one after the other.
   scratch: 52 bytes for each token and each 32 columns. */
void quantised_matmul(const struct quantised_params *params, const void *x, void *y, uint32_t *scratch,
                      long tokens)
{
    const long tiles = tile_count(tokens), group = MAX_GROUP_TOKENS / MAX_TILE;
    long panels = 0;
    for (long i = 0; i < params->count; i++)
        panels += (params->segments[i].rows + LANES - 1) / LANES;
#pragma omp parallel
    {
        if (params->is_f32)
            quantise_tiles(x, tokens, params->columns, scratch, 1);
        else
            quantise_tiles(x, tokens, params->columns, scratch, 0);
        for (long tile = 0; tile < tiles; tile += group) {
#pragma omp for schedule(static) nowait
            for (long n = 0; n < panels; n++) {
                const struct quantised_segment *segment = params->segments;
                long row = n * LANES, output = 0;
                while (row >= (segment->rows + LANES - 1) / LANES * LANES) {
                    row -= (segment->rows + LANES - 1) / LANES * LANES;
                    output += segment->rows;
                    segment++;
                }
                multiply_panel(params, segment, row, output + row, scratch, y, tokens, tile,
                               tiles - tile < group ? tiles - tile : group);
            }
        }
    }
}

#endif
