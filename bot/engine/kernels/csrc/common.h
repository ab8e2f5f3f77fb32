/* Types and scalar and vector primitives of all operations.

   Activations, keys and values are bfloat16, or float32 where `is_f32` is set; every sum is float32. */

#ifndef ALTEREGO_COMMON_H
#define ALTEREGO_COMMON_H

#include "simd.h"

#include <string.h>

#ifdef _OPENMP
int omp_get_num_threads(void); /* Apple's clang has OpenMP, but not its header */
int omp_get_max_threads(void);
#else
INLINE int omp_get_num_threads(void) { return 1; }
INLINE int omp_get_max_threads(void) { return 1; }
#endif

typedef uint16_t bf16;

enum {
    CHUNK = 64,            /* keys per block of attention scores; inputs per block of lora_shrink */
    PREFETCH_AHEAD = 2048, /* bytes between the weight in use and the weight that is prefetched */
    MAX_GROUP = 16,        /* query heads that share one key head */
    MAX_PARTS = 256 / LANES, /* vectors of one head */
    MAX_LORA_INNER = 1024, /* rank times joined layers: the numbers between a LoRA's A and B */
    MAX_LORA_GROUP = 8,    /* tokens of one LoRA slot that are multiplied together */
    MAX_SHARED_GROUPS = 8, /* of such tokens that all threads multiply together */
    MIN_SHARED_SIZE = 1 << 17, /* of a LoRA's matrices: one thread reads these while others wake up */
    MAX_LORA_TOKENS = 1024 /* tokens that are grouped by LoRA slot at once */
};

INLINE float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

INLINE float float_of_bf16(bf16 value) { return float_of_bits((uint32_t)value << 16); }

INLINE bf16 bf16_of_float(float value) /* rounds to the nearest, ties to even; NaN stays NaN */
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

INLINE long byte_count(long count, int is_f32) { return count * (is_f32 ? 4 : 2); }

INLINE void *at_offset(const void *base, long count, int is_f32)
{
    return (char *)base + byte_count(count, is_f32);
}

INLINE float load_scalar(const void *base, long index, int is_f32)
{
    return is_f32 ? ((const float *)base)[index] : float_of_bf16(((const bf16 *)base)[index]);
}

INLINE void store_scalar(void *base, long index, float value, int is_f32)
{
    if (is_f32)
        ((float *)base)[index] = value;
    else
        ((bf16 *)base)[index] = bf16_of_float(value);
}

/* Load two vectors. bfloat16 numbers are widened in place, so the first vector gets the even ones and the
   second vector the odd ones, until `store_pair` interleaves both again. */
INLINE void load_pair(const void *base, long pair, vfloat *vectors, const int is_f32)
{
    vuint packed;
    if (is_f32) {
        memcpy(vectors, at_offset(base, pair * 2 * LANES, 1), 2 * sizeof *vectors);
    } else {
        memcpy(&packed, at_offset(base, pair * 2 * LANES, 0), sizeof packed);
        vectors[0] = (vfloat)(packed << 16);
        vectors[1] = (vfloat)(packed & 0xffff0000);
    }
}

INLINE void store_pair(void *base, long pair, const vfloat *vectors, const int is_f32)
{
    uint32_t packed[LANES];
    if (is_f32) {
        memcpy(at_offset(base, pair * 2 * LANES, 1), vectors, 2 * sizeof *vectors);
    } else {
        for (long i = 0; i < LANES; i++)
            packed[i] = bf16_of_float(vectors[0][i]) | (uint32_t)bf16_of_float(vectors[1][i]) << 16;
        memcpy(at_offset(base, pair * 2 * LANES, 0), packed, sizeof packed);
    }
}

INLINE void prefetch(const void *base, long size)
{
    for (long at = 0; at < size; at += 64)
        __builtin_prefetch((const char *)base + at);
}

/* e^x by the polynomial of Cephes' expf, for a scalar and for a vector: the polynomial takes the remainder r,
   whose magnitude is at most ln 2 / 2. The relative error is 3e-7; where the compiler adds the two parts of
   ln 2 first, as sums in any order allow, it is 4e-6 at -72 and 1e-6 near 0. */
#define EXP_POLYNOMIAL(r)                                                                                    \
    ((((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r +     \
       1.6666665459e-1f) * r + 5.0000001201e-1f) * r * r + r + 1.f)

INLINE float exp_scalar(float x)
{
    float bound = x < -87.f ? -87.f : x > 88.f ? 88.f : x;
    float n = __builtin_rintf(bound * 1.44269504f);
    float r = bound - n * 0.693359375f + n * 2.12194440e-4f;
    return EXP_POLYNOMIAL(r) * float_of_bits((uint32_t)((int32_t)n + 127) << 23);
}

INLINE vfloat exp_vector(vfloat x) /* for x <= 0 only */
{
    vint low = x < -87.f, bits = ((vint)x & ~low) | ((vint)((vfloat){0} - 87.f) & low);
    vfloat bound = (vfloat)bits;
    vint n = __builtin_convertvector(bound * 1.44269504f - 0.5f, vint);
    vfloat m = __builtin_convertvector(n, vfloat);
    vfloat r = bound - m * 0.693359375f + m * 2.12194440e-4f;
    return EXP_POLYNOMIAL(r) * (vfloat)((n + 127) << 23);
}

/* Define a function for both dtypes: its inlined body `name_` is compiled once for float32 and once for
   bfloat16, with `is_f32` a constant in each. */
#define FOR_BOTH_DTYPES(name, parameters, ...)                                                               \
    void name parameters                                                                                     \
    {                                                                                                        \
        if (is_f32)                                                                                          \
            name##_(__VA_ARGS__, 1);                                                                         \
        else                                                                                                 \
            name##_(__VA_ARGS__, 0);                                                                         \
    }

#endif
