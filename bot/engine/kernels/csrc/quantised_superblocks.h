/* The types of superblocks: 256 numbers each, as in `quantised_blocks.h`. */

#ifndef ALTEREGO_QUANTISED_SUPERBLOCKS_H
#define ALTEREGO_QUANTISED_SUPERBLOCKS_H

#include "quantised_blocks.h"

/* Byte `i` of each lane as a float. */
INLINE vfloat float_of_byte(vuint bytes, long i)
{
    return __builtin_convertvector((vint)(bytes >> (8 * i) & 0xff), vfloat);
}

/* The first 16 bytes of Q4_K and Q5_K: two float16, eight scales and eight minima of six bits. The scales of
   odd blocks are multiplied by `odd`. */
INLINE void decode_k_scales(const uint8_t *base, long stride, struct panel panel, const float odd)
{
    vuint head[4];
    load_columns(base, stride, head);
    const vfloat even = floats_of_halves(head[0]), scale[2] = {even, even * odd}, minimum = -floats_of_halves(head[0] >> 16);
    const vuint upper_scales = (head[1] >> 2 & 0x30303030) | LOW_HALVES(head[3]),
                upper_minima = (head[2] >> 2 & 0x30303030) | HIGH_HALVES(head[3]);
    for (long i = 0; i < 4; i++) {
        panel.scales[ABREAST * i] = scale[i % 2] * float_of_byte(head[1] & 0x3f3f3f3f, i);
        panel.scales[ABREAST * (4 + i)] = scale[i % 2] * float_of_byte(upper_scales, i);
        panel.minima[ABREAST * i] = minimum * float_of_byte(head[2] & 0x3f3f3f3f, i);
        panel.minima[ABREAST * (4 + i)] = minimum * float_of_byte(upper_minima, i);
    }
}

/* Where the product takes codes of eight bits without a sign, the high halves stay where they are. */
#if RAISED
#define HIGH_SCALE (1 / 16.f)
#define SCALED_HIGH_HALVES(bytes) ((bytes) & 0xf0f0f0f0)
#else
#define HIGH_SCALE 1
#define SCALED_HIGH_HALVES HIGH_HALVES
#endif

INLINE void read_q4_k(const uint8_t *base, long stride, struct panel panel, const int how)
{
    vuint lower[4], upper[4];
    decode_k_scales(base, stride, panel, HIGH_SCALE);
    UNROLL
    for (long i = 0; i < 8; i++) { /* the low halves of 32 bytes are 32 numbers, their high ones the next */
        const long quad = i / 2 * 16 + i % 2 * 4;
        load_columns(base + 16 + i * COLUMN, stride, lower);
        for (long j = 0; j < 4; j++) {
            upper[j] = SCALED_HIGH_HALVES(lower[j]);
            lower[j] = LOW_HALVES(lower[j]);
        }
        take_codes(panel, quad, lower, how);
        take_codes(panel, quad + 8, upper, how);
    }
}

READER(q4_k, MULTIPLY, (void)numbers; read_q4_k(base, stride, panel, HOW))

INLINE void read_q5_k(const uint8_t *base, long stride, struct panel panel, const int how)
{
    vuint lower[4], upper[4], fifths[8];
    decode_k_scales(base, stride, panel, 1);
    load_columns(base + 16, stride, fifths);
    load_columns(base + 32, stride, fifths + 4);
    UNROLL
    for (long i = 0; i < 8; i++) { /* bit k of the fifths belongs to block k of 32 */
        const long quad = i / 2 * 16 + i % 2 * 4;
        load_columns(base + 48 + i * COLUMN, stride, lower);
        for (long j = 0; j < 4; j++) {
            const vuint bits = fifths[i % 2 * 4 + j] >> (i / 2 * 2);
            upper[j] = HIGH_HALVES(lower[j]) | (bits >> 1 & 0x01010101) << 4;
            lower[j] = LOW_HALVES(lower[j]) | (bits & 0x01010101) << 4;
        }
        take_codes(panel, quad, lower, how);
        take_codes(panel, quad + 8, upper, how);
    }
}

READER(q5_k, MULTIPLY, (void)numbers; read_q5_k(base, stride, panel, HOW))

/* Scales for 16 numbers each; the float16 comes last. */
INLINE void read_q6_k(const uint8_t *base, long stride, struct panel panel, const int how)
{
    vuint lower[4], upper[4], pairs[8], scales[4];
    struct words head;
    gather_words(base + 206, stride, 210, 1, &head); /* the last four bytes, so that no byte behind is read */
    UNROLL
    for (long part = 0; part < 2; part++) {
        load_columns(base + 128 + 32 * part, stride, pairs);
        load_columns(base + 144 + 32 * part, stride, pairs + 4);
        UNROLL
        for (long i = 0; i < 4; i++) {
            const long quad = 32 * part + 4 * i;
            load_columns(base + 64 * part + i * COLUMN, stride, lower);
            for (long j = 0; j < 4; j++) {
                const vuint bits = pairs[i % 2 * 4 + j] >> (i / 2 * 2);
                upper[j] = HIGH_HALVES(lower[j]) | (bits & 0x30303030);
                lower[j] = LOW_HALVES(lower[j]) | (bits & 0x03030303) << 4;
            }
            take_codes(panel, quad, lower, how);
            take_codes(panel, quad + 16, upper, how);
        }
    }
    load_columns(base + 192, stride, scales);
    const vfloat scale = floats_of_halves(load_words(&head, 0) >> 16);
    for (long i = 0; i < 16; i++)
        panel.scales[ABREAST * i] =
            scale * __builtin_convertvector((vint)(scales[i / 4] << (24 - i % 4 * 8)) >> 24, vfloat);
}

READER(q6_k, MULTIPLY, (void)numbers; read_q6_k(base, stride, panel, HOW))

INLINE void read_iq4_xs(const uint8_t *base, long stride, struct panel panel, const int how)
{
    vuint head[4];
    load_columns(base, stride, head);
    const vfloat scale = floats_of_halves(head[0]);
    UNROLL
    for (long b = 0; b < 8; b++) {
        const vuint code = (head[1] >> (4 * b) & 15) | (head[0] >> (16 + 2 * b) & 3) << 4;
        panel.scales[ABREAST * b] = scale * __builtin_convertvector((vint)code - 32, vfloat);
        read_halves(base + 8 + b * COLUMN, stride, IQ4_TABLE, panel, 8 * b, 8 * b + 4, how);
    }
}

READER(iq4_xs, MULTIPLY_SIGNED, (void)numbers; read_iq4_xs(base, stride, panel, HOW))

#endif
