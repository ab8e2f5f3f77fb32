/* Products with quantised weights, which stay as files hold them.

   A panel of LANES rows, or two abreast, is decoded to codes of eight bits, a chunk of columns at a time, which
   stays in the first cache; all tokens are multiplied with it in integers, block by block, and each block's sum is
   scaled and added in float32. The codes of one token's product are multiplied as they are decoded, and never stored. The
   order of these sums is the same for every number of tokens, so a token's answer never depends on its
   neighbours. */

#ifndef ALTEREGO_QUANTISED_H
#define ALTEREGO_QUANTISED_H

#include "quantised_activations.h"
#include "quantised_rows.h"

enum {
    CHUNK_COLUMNS = 2 * UNIT,
    MAX_GROUP_TOKENS = 192 /* tokens whose sums a thread holds; a multiple of MAX_TILE */
};

static void multiply_tile_of_kind(const struct panel *panel, const uint32_t *record, long blocks, long tokens,
                                  const struct block_format *format, wide_float *sums)
{
    if (format->kind == WITH_MINIMUM)
        multiply_any_tile(panel, record, blocks, 0, sums, tokens, WITH_MINIMUM);
    else if (format->kind == RAISED_BY)
        multiply_any_tile(panel, record, blocks, format->shift, sums, tokens, RAISED_BY);
    else if (format->kind == HALVES)
        multiply_any_tile(panel, record, blocks, 0, sums, tokens, HALVES);
#if !(X86_LANES && HAS_VNNI)
    else
        multiply_any_tile(panel, record, blocks, 0, sums, tokens, AS_IT_IS);
#endif
}

/* Write the sums [tokens] of rows `output` and on of y [tokens, outputs]. */
INLINE void store_sums(void *y, long outputs, long output, long rows, long tokens, const wide_float *sums,
                       const int is_f32)
{
    for (long t = 0; t < tokens; t++) {
        float values[ABREAST * LANES];
        memcpy(values, sums + t, sizeof values);
        if (is_f32 && rows == ABREAST * LANES)
            memcpy((float *)y + t * outputs + output, values, sizeof values);
        else
            for (long n = 0; n < rows; n++)
                store_scalar(y, t * outputs + output + n, values[n], is_f32);
    }
}

/* Return `total` plus a panel's products with one token, over `numbers` columns from unit `unit` on. */
INLINE vfloat multiply_unit(struct position at, struct position next, long unit, const long numbers,
                            const uint32_t *record, vfloat total, const int kind)
{
    vfloat scales[ABREAST * UNIT / 16], minima[ABREAST * UNIT / 32];
    vint dots[UNIT / 16];
    const struct block_format *format = FORMATS + at.segment->type;
    struct panel panel = {0, scales, minima, dots, record + unit * (UNIT / 32) * RECORD_WORDS, 0, 0};
    look_ahead(&panel, next, unit);
    start_dots(panel.record, numbers / 32, format->shift, dots, kind);
    read_rows(format->multiply, at, unit * format->unit_bytes, numbers, panel);
    return add_dots(&panel, numbers / 32, total, kind);
}

INLINE vfloat multiply_row(long columns, struct position at, struct position next, const uint32_t *record,
                           vfloat total, const int kind)
{
    long unit = 0;
    for (; unit < columns / UNIT; unit++)
        total = multiply_unit(at, next, unit, UNIT, record, total, kind);
    if (columns % UNIT)
        total = multiply_unit(at, next, unit, columns % UNIT, record, total, kind);
    return total;
}

static vfloat multiply_row_of_kind(long columns, struct position at, struct position next,
                                   const uint32_t *record, vfloat total)
{
    const long kind = FORMATS[at.segment->type].kind;
    if (kind == WITH_MINIMUM)
        return multiply_row(columns, at, next, record, total, WITH_MINIMUM);
    if (kind == HALVES)
        return multiply_row(columns, at, next, record, total, HALVES);
    if (kind == RAISED_BY)
        return multiply_row(columns, at, next, record, total, RAISED_BY);
    return multiply_row(columns, at, next, record, total, AS_IT_IS);
}

/* Multiply a panel with one token; prefetch the panel that this thread multiplies next. */
static void multiply_one(const struct quantised_params *params, struct position at, struct position next,
                         const uint32_t *records, void *y)
{
    vfloat sum = {0};
    float values[LANES];
    if (params->bias)
        memcpy(&sum, params->bias + at.output, at.rows * sizeof(float));
    sum = multiply_row_of_kind(params->columns, at, next, records, sum);
    memcpy(values, &sum, sizeof values);
    for (long n = 0; n < at.rows; n++)
        store_scalar(y, at.output + n, values[n], params->is_f32);
}

/* Decode up to UNIT numbers of each row of a part, from unit `unit` on, into panels abreast. */
INLINE void decode_part(struct position at, struct position next, long unit, long numbers, struct panel abreast)
{
    const struct block_format *format = FORMATS + at.segment->type;
    for (long side = 0; side < ABREAST; side++) {
        struct panel panel = {abreast.codes + side, abreast.scales + side, abreast.minima + side, 0, 0, 0, 0};
        look_ahead(&panel, panel_of(next, side), unit);
        read_rows(format->decode, panel_of(at, side), unit * format->unit_bytes, numbers, panel);
    }
}

/* Multiply a part with the tiles of a group of tokens, whose first tile is `tile` of `all` tokens; prefetch
   the part that this thread multiplies next. */
static void multiply_part(const struct quantised_params *params, struct position at, struct position next,
                          const uint32_t *records, void *y, long all, long tile, long tiles)
{
    wide_uint codes[CHUNK_COLUMNS / 4];
    wide_float scales[CHUNK_COLUMNS / 16], minima[CHUNK_COLUMNS / 32], sums[MAX_GROUP_TOKENS], start = {0};
    const struct panel panel = {(vuint *)codes, (vfloat *)scales, (vfloat *)minima, 0, 0, 0, 0};
    const struct block_format *format = FORMATS + at.segment->type;
    const long columns = params->columns, blocks = columns / 32, part = format->kind == HALVES ? 16 : 32;
    const struct tile first = tile_of(all, tile), last = tile_of(all, tile + tiles - 1);
    const long tokens = last.first + last.tokens - first.first;
    if (params->bias)
        memcpy(&start, params->bias + at.output, at.rows * sizeof(float));
    for (long t = 0; t < tokens; t++)
        sums[t] = start;
    for (long column = 0; column < columns; column += CHUNK_COLUMNS) {
        const long rest = columns - column, count = rest < CHUNK_COLUMNS ? rest : CHUNK_COLUMNS;
        for (long i = 0; i < count; i += UNIT) {
            const long numbers = count - i < UNIT ? count - i : UNIT;
            const struct panel unit = {(vuint *)(codes + i / 4), (vfloat *)(scales + i / part),
                                       (vfloat *)(minima + i / 32), 0, 0, 0, 0};
            decode_part(at, next, (column + i) / UNIT, numbers, unit);
        }
        for (long n = tile; n < tile + tiles; n++) {
            const struct tile own = tile_of(all, n);
            const uint32_t *record = records + RECORD_WORDS * (own.first * blocks + column / 32 * own.tokens);
            multiply_tile_of_kind(&panel, record, count / 32, own.tokens, format,
                                  sums + own.first - first.first);
        }
    }
    store_sums(at_offset(y, first.first * params->outputs, params->is_f32), params->outputs, at.output,
               at.rows, tokens, sums, params->is_f32);
}

void quantised_matmul(const struct quantised_params *params, const void *x, void *y, uint32_t *scratch,
                      long tokens)
{
    const long tiles = tile_count(tokens), group = MAX_GROUP_TOKENS / MAX_TILE;
    const long height = tokens == 1 ? LANES : ABREAST * LANES;
    long parts = 0;
    for (long i = 0; i < params->count; i++)
        parts += part_count(params->segments[i].rows, height);
#pragma omp parallel
    {
        if (params->is_f32)
            quantise_tiles(x, tokens, params->columns, scratch, 1);
        else
            quantise_tiles(x, tokens, params->columns, scratch, 0);
        for (long tile = 0; tile < tiles; tile += group) {
#pragma omp for schedule(static) nowait
            for (long n = 0; n < parts; n++) {
                const struct position at = find_part(params, n, height),
                                      next = find_part(params, n + 1 < parts ? n + 1 : n, height);
                if (tokens == 1)
                    multiply_one(params, at, next, scratch, y);
                else
                    multiply_part(params, at, next, scratch, y, tokens, tile,
                                  tiles - tile < group ? tiles - tile : group);
            }
        }
    }
}

#endif
