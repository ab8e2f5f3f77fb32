/* What a product of quantised weights is called with. */

#ifndef ALTEREGO_QUANTISED_PARAMS_H
#define ALTEREGO_QUANTISED_PARAMS_H

#include <stdint.h>

enum { RECORD_WORDS = 13 }; /* of scratch, for each token and each 32 columns */

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

/* y [tokens, outputs] = x [tokens, columns] W^T + bias, with the segments' rows as W, one after the other. */
void quantised_matmul(const struct quantised_params *params, const void *x, void *y, uint32_t *scratch,
                      long tokens);

#endif
