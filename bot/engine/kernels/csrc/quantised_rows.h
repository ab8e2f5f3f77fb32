/* Rows of quantised matrices: the readers of each type of block, and the parts in which threads take rows. */

#ifndef ALTEREGO_QUANTISED_ROWS_H
#define ALTEREGO_QUANTISED_ROWS_H

#include "quantised_params.h"
#include "quantised_superblocks.h"
#include "quantised_tile.h"

enum { MAX_BLOCK_BYTES = 8 * 34 }; /* of UNIT numbers */

typedef void (*read_unit)(const uint8_t *base, long stride, long numbers, struct panel panel);

struct block_format {
    read_unit decode, multiply;
    long unit_bytes, kind, shift; /* codes are raised by 128 >> shift */
};

#define WIDE (RAISED ? RAISED_BY : AS_IT_IS)
#define FORMAT(type, ...) {decode_##type, multiply_##type, __VA_ARGS__}
static const struct block_format FORMATS[] = { /* in the order of `QUANTISED_TYPES` of structs.py */
    FORMAT(q4_0, 8 * 18, RAISED_BY, 4), FORMAT(q4_1, 8 * 20, WITH_MINIMUM, 0),
    FORMAT(q5_0, 8 * 22, RAISED_BY, 3), FORMAT(q5_1, 8 * 24, WITH_MINIMUM, 0),
    FORMAT(q8_0, 8 * 34, WIDE, 0),      FORMAT(q4_k, 144, WITH_MINIMUM, 0),
    FORMAT(q5_k, 176, WITH_MINIMUM, 0), FORMAT(q6_k, 210, HALVES, 2),
    FORMAT(iq4_nl, 8 * 18, WIDE, 0),    FORMAT(iq4_xs, 136, WIDE, 0),
    FORMAT(nf4, 4 * 36, WIDE, 0),       FORMAT(int8, 4 * 68, WIDE, 0),
};

/* Rows that are multiplied at once: `rows` of a segment from `row` on, whose outputs begin at `output`. */
struct position {
    const struct quantised_segment *segment;
    long row, rows, output;
};

INLINE long part_count(long rows, long height) { return (rows + height - 1) / height; }

/* The part of a number, where `height` rows of each segment are one. */
INLINE struct position find_part(const struct quantised_params *params, long number, long height)
{
    const struct quantised_segment *segment = params->segments;
    long output = 0;
    for (; number >= part_count(segment->rows, height); segment++) {
        number -= part_count(segment->rows, height);
        output += segment->rows;
    }
    const long row = number * height, rest = segment->rows - row;
    return (struct position){segment, row, rest < height ? rest : height, output + row};
}

/* The panel of a part, side by side with the others; the first one again where the part has no more rows. */
INLINE struct position panel_of(struct position part, long side)
{
    const long rest = part.rows - side * LANES, row = rest > 0 ? part.row + side * LANES : part.row;
    const long rows = rest > 0 ? rest : part.rows;
    return (struct position){part.segment, row, rows < LANES ? rows : LANES, 0};
}

INLINE const uint8_t *row_address(const struct quantised_segment *segment, long row)
{
    return segment->data + (segment->row_order ? segment->row_order[row] : row) * segment->row_bytes;
}

/* Let a panel prefetch its share of the panel that this thread reads next, while it reads unit `unit`. */
INLINE void look_ahead(struct panel *panel, struct position next, long unit)
{
    const long share = LANES * FORMATS[next.segment->type].unit_bytes;
    panel->ahead = row_address(next.segment, next.row) + unit * share;
    panel->step = share / (UNIT / 16);
}

/* Read `numbers` numbers of each row, UNIT at most, from byte `at` of the rows on. */
INLINE void read_rows(read_unit read, struct position from, long at, long numbers, struct panel panel)
{
    uint8_t copy[LANES * MAX_BLOCK_BYTES];
    const struct quantised_segment *segment = from.segment;
    const struct block_format *format = FORMATS + segment->type;
    const long bytes = format->unit_bytes * numbers / UNIT;
    if (!segment->row_order && from.rows == LANES) {
        read(row_address(segment, from.row) + at, segment->row_bytes, numbers, panel);
        return;
    }
    for (long n = 0; n < LANES; n++)
        memcpy(copy + n * bytes, row_address(segment, from.row + (n < from.rows ? n : 0)) + at, bytes);
    read(copy, bytes, numbers, panel);
}

#endif
