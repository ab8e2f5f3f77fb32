/* Norms, gates and rotary positions, on both dtypes. */

#ifndef ALTEREGO_ELEMENTWISE_H
#define ALTEREGO_ELEMENTWISE_H

#include "common.h"

/* y = x / sqrt(sum of squares + epsilon) * weight: `groups` groups of `rows` contiguous rows of `size`
   numbers; x_stride and y_stride count numbers from group to group. weight [size]. */
INLINE void rms_norm_(const void *x, const float *weight, void *y, long groups, long rows, long x_stride,
                      long y_stride, long size, float epsilon, const int is_f32)
{
#pragma omp parallel for schedule(static) if (groups * rows * size > 65536)
    for (long n = 0; n < groups * rows; n++) {
        const void *input = at_offset(x, n / rows * x_stride + n % rows * size, is_f32);
        void *output = at_offset(y, n / rows * y_stride + n % rows * size, is_f32);
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (long i = 0; i < size; i++)
            sum += load_scalar(input, i, is_f32) * load_scalar(input, i, is_f32);
        float inverse = 1 / __builtin_sqrtf(sum + epsilon);
#pragma omp simd
        for (long i = 0; i < size; i++)
            store_scalar(output, i, load_scalar(input, i, is_f32) * inverse * weight[i], is_f32);
    }
}
FOR_BOTH_DTYPES(rms_norm,
                (const void *x, const float *weight, void *y, long groups, long rows, long x_stride,
                 long y_stride, long size, float epsilon, int is_f32),
                x, weight, y, groups, rows, x_stride, y_stride, size, epsilon)

/* y [rows, size] = silu(x[:, :size]) * x[:, size:], for x [rows, 2 * size]. */
INLINE void silu_and_mul_(const void *x, void *y, long rows, long size, const int is_f32)
{
#pragma omp parallel for schedule(static) if (rows > 1 && rows * size > 8192)
    for (long n = 0; n < rows; n++) {
        const void *input = at_offset(x, 2 * n * size, is_f32);
        void *output = at_offset(y, n * size, is_f32);
#pragma omp simd
        for (long i = 0; i < size; i++) {
            float value = load_scalar(input, i, is_f32);
            float gated = value / (1 + exp_scalar(-value)) * load_scalar(input, size + i, is_f32);
            store_scalar(output, i, gated, is_f32);
        }
    }
}
FOR_BOTH_DTYPES(silu_and_mul, (const void *x, void *y, long rows, long size, int is_f32), x, y, rows, size)

/* Apply rotary positions in place to the first `rotated` of the heads of x [tokens, heads, size]; cosines and
   sines [tokens, size]. */
INLINE void rotary_embedding_(void *x, const void *cosines, const void *sines, long tokens, long heads,
                              long rotated, long size, const int is_f32)
{
    long half = size / 2;
#pragma omp parallel for schedule(static) if (tokens * rotated * size > 65536)
    for (long n = 0; n < tokens * rotated; n++) {
        void *head = at_offset(x, (n / rotated * heads + n % rotated) * size, is_f32);
        const void *cos = at_offset(cosines, n / rotated * size, is_f32),
                   *sin = at_offset(sines, n / rotated * size, is_f32);
#pragma omp simd
        for (long i = 0; i < half; i++) {
            float low = load_scalar(head, i, is_f32), high = load_scalar(head, half + i, is_f32);
            store_scalar(head, i, low * load_scalar(cos, i, is_f32) - high * load_scalar(sin, i, is_f32),
                         is_f32);
            store_scalar(head, half + i,
                         high * load_scalar(cos, half + i, is_f32) + low * load_scalar(sin, half + i, is_f32),
                         is_f32);
        }
    }
}
FOR_BOTH_DTYPES(rotary_embedding,
                (void *x, const void *cosines, const void *sines, long tokens, long heads, long rotated,
                 long size, int is_f32),
                x, cosines, sines, tokens, heads, rotated, size)

#endif
