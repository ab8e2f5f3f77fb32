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
        panel.scales[i] = scale[i % 2] * float_of_byte(head[1] & 0x3f3f3f3f, i);
        panel.scales[4 + i] = scale[i % 2] * float_of_byte(upper_scales, i);
        panel.minima[i] = minimum * float_of_byte(head[2] & 0x3f3f3f3f, i);
        panel.minima[4 + i] = minimum * float_of_byte(upper_minima, i);
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

static void decode_q4_k(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    vuint bytes[4];
    (void)numbers;
    decode_k_scales(base, stride, panel, HIGH_SCALE);
    for (long i = 0; i < 8; i++) { /* the low halves of 32 bytes are 32 numbers, their high ones the next */
        vuint *codes = panel.codes + i / 2 * 16 + i % 2 * 4;
        load_columns(base + 16 + i * COLUMN, stride, bytes);
        for (long j = 0; j < 4; j++) {
            codes[j] = LOW_HALVES(bytes[j]);
            codes[8 + j] = SCALED_HIGH_HALVES(bytes[j]);
        }
    }
}

static void decode_q5_k(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    vuint bytes[4], fifths[8];
    (void)numbers;
    decode_k_scales(base, stride, panel, 1);
    load_columns(base + 16, stride, fifths);
    load_columns(base + 32, stride, fifths + 4);
    for (long i = 0; i < 8; i++) { /* bit k of the fifths belongs to block k of 32 */
        vuint *codes = panel.codes + i / 2 * 16 + i % 2 * 4;
        load_columns(base + 48 + i * COLUMN, stride, bytes);
        for (long j = 0; j < 4; j++) {
            const vuint bits = fifths[i % 2 * 4 + j] >> (i / 2 * 2);
            codes[j] = LOW_HALVES(bytes[j]) | (bits & 0x01010101) << 4;
            codes[8 + j] = HIGH_HALVES(bytes[j]) | (bits >> 1 & 0x01010101) << 4;
        }
    }
}

/* Scales for 16 numbers each; the float16 comes last. */
static void decode_q6_k(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    vuint bytes[4], upper[8], scales[4];
    struct words head;
    (void)numbers;
    gather_words(base + 206, stride, 210, 1, &head); /* the last four bytes, so that no byte behind is read */
    for (long part = 0; part < 2; part++) {
        load_columns(base + 128 + 32 * part, stride, upper);
        load_columns(base + 144 + 32 * part, stride, upper + 4);
        for (long i = 0; i < 4; i++) {
            vuint *codes = panel.codes + 32 * part + 4 * i;
            load_columns(base + 64 * part + i * COLUMN, stride, bytes);
            for (long j = 0; j < 4; j++) {
                const vuint pairs = upper[i % 2 * 4 + j] >> (i / 2 * 2);
                codes[j] = LOW_HALVES(bytes[j]) | (pairs & 0x03030303) << 4;
                codes[16 + j] = HIGH_HALVES(bytes[j]) | (pairs & 0x30303030);
            }
        }
    }
    load_columns(base + 192, stride, scales);
    const vfloat scale = floats_of_halves(load_words(&head, 0) >> 16);
    for (long i = 0; i < 16; i++)
        panel.scales[i] =
            scale * __builtin_convertvector((vint)(scales[i / 4] << (24 - i % 4 * 8)) >> 24, vfloat);
}

static void decode_iq4_xs(const uint8_t *base, long stride, long numbers, struct panel panel)
{
    vuint head[4];
    (void)numbers;
    load_columns(base, stride, head);
    const vfloat scale = floats_of_halves(head[0]);
    for (long b = 0; b < 8; b++) {
        const vuint code = (head[1] >> (4 * b) & 15) | (head[0] >> (16 + 2 * b) & 3) << 4;
        panel.scales[b] = scale * __builtin_convertvector((vint)code - 32, vfloat);
        decode_halves(base + 8 + b * COLUMN, stride, IQ4_TABLE, panel.codes + 8 * b, panel.codes + 8 * b + 4);
    }
}

#endif
