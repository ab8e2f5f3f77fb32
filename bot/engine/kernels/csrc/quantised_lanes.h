/* Panels of quantised weights: LANES rows of a matrix, one in each lane of a vector, four codes of each row at
   once. All that depends on the CPU's instructions is here. */

#ifndef ALTEREGO_QUANTISED_LANES_H
#define ALTEREGO_QUANTISED_LANES_H

#include "common.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define X86_LANES 1
#include <immintrin.h>
#else
#define X86_LANES 0
#endif

/* VNNI multiplies codes without a sign: those of eight bits are raised by 128 for it, and the product starts at
   -128 times the activations' sum. All others multiply them as they are. */
#if X86_LANES && HAS_VNNI
#define RAISED 0x80808080
#else
#define RAISED 0
#endif

/* Tokens that are multiplied together: as many as leave their sums in registers. */
#if LANES == 4 || defined(__AVX512VL__)
#define MAX_TILE 8
#else
#define MAX_TILE 4
#endif

enum { COLUMN = 16 }; /* bytes that `load_columns` reads of each row */

/* Panels that are multiplied with many tokens at once: two fill a vector of 512 bits, and a core starts as many
   of its products as of 256. Their codes and scales lie in turns. */
#if X86_LANES && defined(__AVX512VNNI__)
#define ABREAST 2
#else
#define ABREAST 1
#endif

typedef float wide_float __attribute__((vector_size(ABREAST * LANES * 4), may_alias));
typedef uint32_t wide_uint __attribute__((vector_size(ABREAST * LANES * 4), may_alias));
typedef int32_t wide_int __attribute__((vector_size(ABREAST * LANES * 4), may_alias));

#if X86_LANES
#define LOAD16(address) _mm_loadu_si128((const __m128i *)(address))

INLINE __m256i load_half(const uint8_t *base, long stride) /* rows 0 and 4 from `base` on */
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(LOAD16(base)), LOAD16(base + 4 * stride), 1);
}

INLINE void load_columns(const uint8_t *base, long stride, vuint *columns)
{
    const __m256i a = load_half(base, stride), b = load_half(base + stride, stride),
                  c = load_half(base + 2 * stride, stride), d = load_half(base + 3 * stride, stride);
    const __m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d),
                  ab_high = _mm256_unpackhi_epi32(a, b), cd_high = _mm256_unpackhi_epi32(c, d);
    columns[0] = (vuint)_mm256_unpacklo_epi64(ab, cd);
    columns[1] = (vuint)_mm256_unpackhi_epi64(ab, cd);
    columns[2] = (vuint)_mm256_unpacklo_epi64(ab_high, cd_high);
    columns[3] = (vuint)_mm256_unpackhi_epi64(ab_high, cd_high);
}

INLINE vuint look_up(const uint8_t *table, vuint codes)
{
    return (vuint)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(LOAD16(table)), (__m256i)codes);
}

INLINE vuint fifth_bits(vuint words, long quad)
{
    const __m256i index = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808,
                                            0x0c0c0c0c),
                  own = _mm256_set1_epi32(quad % 2 ? 0x80402010 : 0x08040201),
                  bytes = _mm256_shuffle_epi8((__m256i)words,
                                              _mm256_add_epi8(index, _mm256_set1_epi8(quad / 2)));
    return (vuint)_mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(bytes, own), own), _mm256_set1_epi8(16));
}

INLINE vfloat floats_of_halves(vuint halves)
{
    const __m256i low = _mm256_and_si256((__m256i)halves, _mm256_set1_epi32(0xffff));
    const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    return (vfloat)_mm256_cvtph_ps(packed);
}

INLINE vfloat fused(vfloat a, vfloat b, vfloat c) { return (vfloat)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }

INLINE vfloat float_lanes(float value) { return (vfloat)_mm256_set1_ps(value); }

INLINE vint int_lanes(int32_t value) { return (vint)_mm256_set1_epi32(value); }

INLINE vint dot(vint sum, vuint codes, uint32_t activations, const int is_signed)
{
    const __m256i quads = _mm256_set1_epi32(activations);
#if HAS_VNNI
    (void)is_signed;
#ifdef __AVX512VNNI__
    return (vint)_mm256_dpbusd_epi32((__m256i)sum, (__m256i)codes, quads);
#else
    return (vint)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)codes, quads);
#endif
#else
    const __m256i size = is_signed ? _mm256_abs_epi8((__m256i)codes) : (__m256i)codes;
    const __m256i other = is_signed ? _mm256_sign_epi8(quads, (__m256i)codes) : quads;
    const __m256i pairs = _mm256_maddubs_epi16(size, other);
    return (vint)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

#else
INLINE void load_columns(const uint8_t *base, long stride, vuint *columns)
{
#if LANES == 4
    const uint32x4_t a = vreinterpretq_u32_u8(vld1q_u8(base)),
                     b = vreinterpretq_u32_u8(vld1q_u8(base + stride)),
                     c = vreinterpretq_u32_u8(vld1q_u8(base + 2 * stride)),
                     d = vreinterpretq_u32_u8(vld1q_u8(base + 3 * stride));
    const uint32x4x2_t ab = vtrnq_u32(a, b), cd = vtrnq_u32(c, d);
    columns[0] = (vuint)vcombine_u32(vget_low_u32(ab.val[0]), vget_low_u32(cd.val[0]));
    columns[1] = (vuint)vcombine_u32(vget_low_u32(ab.val[1]), vget_low_u32(cd.val[1]));
    columns[2] = (vuint)vcombine_u32(vget_high_u32(ab.val[0]), vget_high_u32(cd.val[0]));
    columns[3] = (vuint)vcombine_u32(vget_high_u32(ab.val[1]), vget_high_u32(cd.val[1]));
#else
    uint32_t words[4][LANES];
    for (long n = 0; n < LANES; n++)
        for (long j = 0; j < 4; j++)
            memcpy(&words[j][n], base + n * stride + 4 * j, 4);
    memcpy(columns, words, sizeof words);
#endif
}

INLINE vuint look_up(const uint8_t *table, vuint codes)
{
#if LANES == 4
    return (vuint)vqtbl1q_u8(vld1q_u8(table), (uint8x16_t)codes);
#else
    uint8_t bytes[4 * LANES];
    memcpy(bytes, &codes, sizeof bytes);
    for (long i = 0; i < 4 * LANES; i++)
        bytes[i] = table[bytes[i] & 15];
    memcpy(&codes, bytes, sizeof codes);
    return codes;
#endif
}

/* The product moves bits 0 to 3 to the first bits of the four bytes. */
INLINE vuint fifth_bits(vuint words, long quad)
{
    return ((words >> (4 * quad) & 15) * 0x00204081 & 0x01010101) << 4;
}

/* In integers where the exponent is 0 or the largest, so that no float is subnormal on the way. */
INLINE vfloat floats_of_halves(vuint halves)
{
    const vuint size = halves & 0x7fff, sign = (halves & 0x8000) << 16;
    const vuint small = (vuint)(size < 0x400), large = (vuint)(size > 0x7bff);
    const vuint tiny = (vuint)(__builtin_convertvector((vint)size, vfloat) * 0x1p-24f);
    const vuint bits = (size << 13) + (112u << 23) + (large & (112u << 23));
    return (vfloat)(((bits & ~small) | (tiny & small)) | sign);
}

INLINE vfloat fused(vfloat a, vfloat b, vfloat c)
{
#if LANES == 4
    return multiply_add(c, a, b);
#else
    return a * b + c;
#endif
}

INLINE vfloat float_lanes(float value) { return (vfloat){0} + value; }

INLINE vint int_lanes(int32_t value) { return (vint){0} + value; }

INLINE vint dot(vint sum, vuint codes, uint32_t activations, const int is_signed)
{
    (void)is_signed;
#if LANES == 4 && HAS_DOTPROD
    return (vint)vdotq_s32((int32x4_t)sum, (int8x16_t)codes, vreinterpretq_s8_u32(vdupq_n_u32(activations)));
#elif LANES == 4
    const int8x16_t a = (int8x16_t)codes, b = vreinterpretq_s8_u32(vdupq_n_u32(activations));
    const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
    return sum + (vint)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
#else
    for (long shift = 0; shift < 32; shift += 8)
        sum += ((vint)(codes << (24 - shift)) >> 24) * ((int32_t)(activations << (24 - shift)) >> 24);
    return sum;
#endif
}
#endif

#if ABREAST == 2
INLINE wide_float wide_fused(wide_float a, wide_float b, wide_float c)
{
    return (wide_float)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

INLINE wide_float wide_floats(float value) { return (wide_float)_mm512_set1_ps(value); }

INLINE wide_int wide_ints(int32_t value) { return (wide_int)_mm512_set1_epi32(value); }

INLINE wide_int wide_dot(wide_int sum, wide_uint codes, uint32_t activations, const int is_signed)
{
    (void)is_signed;
    return (wide_int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)codes, _mm512_set1_epi32(activations));
}
#else
INLINE wide_float wide_fused(wide_float a, wide_float b, wide_float c) { return fused(a, b, c); }

INLINE wide_float wide_floats(float value) { return float_lanes(value); }

INLINE wide_int wide_ints(int32_t value) { return int_lanes(value); }

INLINE wide_int wide_dot(wide_int sum, wide_uint codes, uint32_t activations, const int is_signed)
{
    return dot(sum, codes, activations, is_signed);
}
#endif

#endif
