/* Vectors of a fixed integer generator, the same on every CPU, and records on standard output: a line
   "name count", then `count` floats. bfloat16 numbers are written as the floats that they are. */

#ifndef HARNESS_RECORDS_H
#define HARNESS_RECORDS_H

#include "common.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 1;

/* A multiple of 2^-23 in [-1, 1): the top 24 bits of Knuth's MMIX generator. */
static float next_number(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)((int32_t)(state >> 40) - (1 << 23)) / (1 << 23);
}

static void *allocate(long count, int is_f32)
{
    void *memory = calloc(count, byte_count(1, is_f32));
    if (!memory)
        exit(1);
    return memory;
}

static void *random_numbers(long count, float scale, int is_f32)
{
    void *numbers = allocate(count, is_f32);
    for (long i = 0; i < count; i++)
        store_scalar(numbers, i, scale * next_number(), is_f32);
    return numbers;
}

static int8_t *random_bytes(long count)
{
    int8_t *numbers = allocate(count, 0);
    for (long i = 0; i < count; i++)
        numbers[i] = (int8_t)(int)(127.99f * next_number());
    return numbers;
}

static void write_numbers(const char *name, const void *numbers, long count, int is_f32)
{
    float *values = allocate(count, 1);
    for (long i = 0; i < count; i++)
        values[i] = load_scalar(numbers, i, is_f32);
    printf("%s %ld\n", name, count);
    fwrite(values, sizeof *values, count, stdout);
    free(values);
}

static void write_integers(const char *name, const int *numbers, long count)
{
    float values[64];
    for (long i = 0; i < count; i++)
        values[i] = (float)numbers[i];
    write_numbers(name, values, count, 1);
}

/* Begin the records of one case: the operation's name, then its sizes and settings. */
#define WRITE_CASE(name, ...)                                                                                \
    do {                                                                                                     \
        const float settings[] = {__VA_ARGS__};                                                              \
        write_numbers(name, settings, sizeof settings / sizeof *settings, 1);                                \
    } while (0)

#endif
