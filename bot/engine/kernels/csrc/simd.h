/* The vector registers and the instructions that this library is compiled for: the one place that asks the
   compiler which CPU it serves. An operation with a path of its own for an instruction asks for its
   SIMD_.. name, not for the compiler's. */

#ifndef ALTEREGO_SIMD_H
#define ALTEREGO_SIMD_H

#include <stdint.h>
#ifdef __aarch64__
#include <arm_neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* Numbers of 32 bits in one vector register; the register holds twice as many bfloat16 numbers. On ARM a
   vector of eight would be a pair of registers, which gcc 12 takes apart through memory. */
#if defined(__AVX512F__)
#define LANES 16
#define SIMD_REGISTERS 32
#define SIMD_NAME "avx512"
#elif defined(__aarch64__)
#define LANES 4
#define SIMD_REGISTERS 32
#define SIMD_NAME "neon"
#elif defined(__AVX2__)
#define LANES 8
#define SIMD_REGISTERS 16
#define SIMD_NAME "avx2"
#else
#define LANES 8
#define SIMD_REGISTERS 16
#define SIMD_NAME "generic"
#endif

/* Products of tiles, which Linux grants to a process on request. */
#if defined(__AMX_BF16__) && defined(__linux__)
#define SIMD_AMX " amx"
#else
#define SIMD_AMX ""
#endif

/* Sums of products of four neighbouring int8 numbers. No operation uses them yet: activations are floats, and
   a LoRA's numbers have a scale for each row (`lora.h`), so rounding activations to int8 would cost accuracy
   where memory bandwidth limits the speed. They are for matrices that are quantised in blocks. */
#if defined(__ARM_FEATURE_DOTPROD)
#define SIMD_DOT " dotprod"
#elif defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define SIMD_DOT " vnni"
#else
#define SIMD_DOT ""
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define SIMD_I8MM " i8mm"
#else
#define SIMD_I8MM ""
#endif

/* The above by name, for the log of a start and for tests. */
const char *simd_name(void) { return SIMD_NAME SIMD_AMX SIMD_DOT SIMD_I8MM; }

typedef float vfloat __attribute__((vector_size(LANES * 4)));
typedef uint32_t vuint __attribute__((vector_size(LANES * 4)));
typedef int32_t vint __attribute__((vector_size(LANES * 4)));

#if LANES == 4
/* sum + a b, rounded once. gcc would make two products and two additions of two of these. */
INLINE vfloat multiply_add(vfloat sum, vfloat a, vfloat b) { return (vfloat)vfmaq_f32(sum, a, b); }

INLINE vfloat splat(float value) { return (vfloat)vdupq_n_f32(value); }
#endif

/* Two vectors' numbers by constant indices, of which those from LANES on name the second vector's. */
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vuint){__VA_ARGS__})
#endif

/* The length of an array that inlining makes constant. gcc then keeps the array in registers; clang keeps
   only an array in registers whose length is written as a constant. */
#ifdef __clang__
#define ARRAY_LENGTH(length, most) (most)
#else
#define ARRAY_LENGTH(length, most) (length)
#endif

#endif
