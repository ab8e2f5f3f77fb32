/* The vector registers and the instructions that this library is compiled for: the one place that asks the
   compiler which CPU it serves. An operation with a path of its own for an instruction asks for HAS_.., not
   for the compiler's own name. */

#ifndef ALTEREGO_SIMD_H
#define ALTEREGO_SIMD_H

#include <stdint.h>
#ifdef __aarch64__
#include <arm_neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

/* Numbers of 32 bits in one vector register; the register holds twice as many bfloat16 numbers. On ARM a
   vector of eight would be a pair of registers, which gcc 12 takes apart through memory. */
#if defined(__AVX512F__) && !defined(NARROW)
#define LANES 16
#define REGISTERS "avx512"
#elif defined(__aarch64__)
#define LANES 4
#define REGISTERS "neon"
#else
#define LANES 8
#ifdef __AVX2__
#define REGISTERS "avx2"
#else
#define REGISTERS "generic"
#endif
#endif

/* Products of tiles, which Linux grants to a process on request. */
#if defined(__AMX_BF16__) && defined(__linux__)
#define HAS_AMX 1
#define AMX_NAME " amx"
#else
#define HAS_AMX 0
#define AMX_NAME ""
#endif

/* Sums of products of neighbouring int8 numbers: of four (dotprod, and VNNI on x86), for matrices that are
   quantised in blocks (`quantised_lanes.h`), and of tiles of two by eight (i8mm), which no operation uses yet.
   A LoRA's numbers have a scale for each row (`lora_products.h`), so its activations stay floats. */
#ifdef __ARM_FEATURE_DOTPROD
#define HAS_DOTPROD 1
#define DOTPROD_NAME " dotprod"
#else
#define HAS_DOTPROD 0
#define DOTPROD_NAME ""
#endif
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define HAS_VNNI 1
#define VNNI_NAME " vnni"
#else
#define HAS_VNNI 0
#define VNNI_NAME ""
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
#define HAS_I8MM 1
#define I8MM_NAME " i8mm"
#else
#define HAS_I8MM 0
#define I8MM_NAME ""
#endif

#ifndef NARROW
/* The above by name, for the log of a start and for tests. */
const char *simd_name(void) { return REGISTERS AMX_NAME DOTPROD_NAME VNNI_NAME I8MM_NAME; }
#endif

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
