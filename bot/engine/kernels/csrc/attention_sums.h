/* Horizontal sums of vectors, for the products of attention. */

#ifndef ALTEREGO_ATTENTION_SUMS_H
#define ALTEREGO_ATTENTION_SUMS_H

#include "common.h"

#define PARTS ARRAY_LENGTH(parts, MAX_PARTS) /* vectors of an array's row, of which a head takes `parts` */

/* Horizontal sums of LANES vectors, as one vector, in two steps. This is the first step: of four vectors, a
   vector whose quarters hold partial sums of each of the four; with four lanes these are the whole sums. */
#if LANES == 16
#define LOWER_PAIRS 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define UPPER_PAIRS 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define LOWER_HALVES 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define UPPER_HALVES 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#elif LANES == 8
#define LOWER_PAIRS 0, 8, 1, 9, 4, 12, 5, 13
#define UPPER_PAIRS 2, 10, 3, 11, 6, 14, 7, 15
#define LOWER_HALVES 0, 1, 8, 9, 4, 5, 12, 13
#define UPPER_HALVES 2, 3, 10, 11, 6, 7, 14, 15
#else
#define LOWER_PAIRS 0, 4, 1, 5
#define UPPER_PAIRS 2, 6, 3, 7
#define LOWER_HALVES 0, 1, 4, 5
#define UPPER_HALVES 2, 3, 6, 7
#endif

INLINE vfloat sum_quads(const vfloat *vectors)
{
    vfloat ab = SHUFFLE(vectors[0], vectors[1], LOWER_PAIRS) + SHUFFLE(vectors[0], vectors[1], UPPER_PAIRS);
    vfloat cd = SHUFFLE(vectors[2], vectors[3], LOWER_PAIRS) + SHUFFLE(vectors[2], vectors[3], UPPER_PAIRS);
    return SHUFFLE(ab, cd, LOWER_HALVES) + SHUFFLE(ab, cd, UPPER_HALVES);
}

/* The second step: of LANES / 4 results of `sum_quads`, the LANES horizontal sums. */
#if LANES == 16
#define EVEN_QUADS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define ODD_QUADS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#elif LANES == 8
#define EVEN_QUADS 0, 1, 2, 3, 8, 9, 10, 11
#define ODD_QUADS 4, 5, 6, 7, 12, 13, 14, 15
#endif

INLINE vfloat sum_lanes(const vfloat *quads)
{
#if LANES == 16
    vfloat ab = SHUFFLE(quads[0], quads[1], EVEN_QUADS) + SHUFFLE(quads[0], quads[1], ODD_QUADS);
    vfloat cd = SHUFFLE(quads[2], quads[3], EVEN_QUADS) + SHUFFLE(quads[2], quads[3], ODD_QUADS);
    return SHUFFLE(ab, cd, EVEN_QUADS) + SHUFFLE(ab, cd, ODD_QUADS);
#elif LANES == 8
    return SHUFFLE(quads[0], quads[1], EVEN_QUADS) + SHUFFLE(quads[0], quads[1], ODD_QUADS);
#else
    return quads[0];
#endif
}

#endif
