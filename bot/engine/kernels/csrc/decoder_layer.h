/* A whole decoder layer, h += attention(norm(h)), h += down(gate(norm(h))), for decoding tokens. */

#ifndef ALTEREGO_DECODER_LAYER_H
#define ALTEREGO_DECODER_LAYER_H

#include "attention.h"
#include "elementwise.h"
#include "lora.h"
#include "quantised_params.h"

struct linear_params {
    const struct quantised_params *quantised; /* NULL for a product by AMX tiles */
    const bf16 *weights, *bias;    /* of AMX tiles; bias is NULL for a layer without one */
    long block_width;              /* outputs that oneDNN packs together for them */
    struct lora_matrices matrices; /* NULL pointers before the first LoRA changes the layer */
    struct lora_shape shape;       /* its inputs and outputs are those of the product, too */
};

struct layer_params {
    const float *input_norm, *post_attention_norm, *query_norm, *key_norm;
    const struct linear_params *qkv, *out, *gate_up, *down;
    struct attention_params attention; /* its is_f32 is that of all activations */
    long heads, rotated; /* query, key and value heads; the first of them, which rotary positions turn */
    float input_epsilon, post_attention_epsilon, query_epsilon, key_epsilon;
};

struct slab_params {
    const int *targets; /* [count, 3] as for `decode_attention` */
    long count, slots, capacity;
};

struct step_params {
    const struct slab_params *slabs;
    const int *lora_tokens, *lora_slots; /* [lora_count] each */
    const float *strengths;
    void *inputs, *outputs, *residual; /* buffers [tokens, ..]: a layer's widest input, widest output, size */
    uint32_t *scratch;                 /* RECORD_WORDS for each token and each 32 of its widest input */
    long tokens, slab_count, lora_count;
};

/* hidden [rows, width] += change, whose rows are `stride` numbers apart: 0 adds one row to all. */
INLINE void add_rows_(void *hidden, const void *change, long rows, long width, long stride, const int is_f32)
{
#pragma omp parallel for schedule(static) if (rows * width > 65536)
    for (long n = 0; n < rows; n++) {
        void *row = at_offset(hidden, n * width, is_f32);
        const void *added = at_offset(change, n * stride, is_f32);
#pragma omp simd
        for (long i = 0; i < width; i++)
            store_scalar(row, i, load_scalar(row, i, is_f32) + load_scalar(added, i, is_f32), is_f32);
    }
}
static FOR_BOTH_DTYPES(add_rows,
                       (void *hidden, const void *change, long rows, long width, long stride, int is_f32),
                       hidden, change, rows, width, stride)

static void linear_forward(const struct linear_params *linear, const struct step_params *step, const void *x,
                           void *y)
{
    const struct lora_shape *shape = &linear->shape;
    if (linear->quantised)
        quantised_matmul(linear->quantised, x, y, step->scratch, step->tokens);
#if HAS_AMX
    else
        amx_matmul(x, linear->weights, y, step->tokens, shape->inputs, shape->outputs, linear->block_width);
    if (linear->bias)
        add_rows(y, linear->bias, step->tokens, shape->outputs, 0, 0);
#endif
    if (linear->matrices.a && step->lora_count)
        add_lora(shape, &linear->matrices, x, y, step->lora_tokens, step->lora_slots, step->strengths,
                 step->lora_count);
}

/* Run one layer on hidden [tokens, width] in place; caches [slab_count]: this layer's tensor of each slab. */
void decoder_layer(const struct layer_params *layer, const struct step_params *step, void *const *caches,
                   const void *cosines, const void *sines, void *hidden)
{
    const int is_f32 = layer->attention.is_f32;
    const long size = layer->attention.size, keys = layer->attention.heads,
               queries = keys * layer->attention.group;
    const long tokens = step->tokens, width = layer->down->shape.outputs, stride = layer->heads * size;
    void *inputs = step->inputs, *outputs = step->outputs, *key = at_offset(outputs, queries * size, is_f32);
    rms_norm(hidden, layer->input_norm, inputs, 1, tokens, 0, 0, width, layer->input_epsilon, is_f32);
    linear_forward(layer->qkv, step, inputs, outputs);
    if (layer->query_norm) {
        rms_norm(outputs, layer->query_norm, outputs, tokens, queries, stride, stride, size,
                 layer->query_epsilon, is_f32);
        rms_norm(key, layer->key_norm, key, tokens, keys, stride, stride, size, layer->key_epsilon, is_f32);
    }
    rotary_embedding(outputs, cosines, sines, tokens, layer->heads, layer->rotated, size, is_f32);
    for (long n = 0; n < step->slab_count; n++) {
        struct attention_params params = layer->attention;
        params.slots = step->slabs[n].slots;
        params.capacity = step->slabs[n].capacity;
        decode_attention(&params, outputs, key, at_offset(key, keys * size, is_f32), caches[n], inputs,
                         step->slabs[n].targets, step->slabs[n].count);
    }
    linear_forward(layer->out, step, inputs, step->residual);
    add_rows(hidden, step->residual, tokens, width, width, is_f32);
    rms_norm(hidden, layer->post_attention_norm, inputs, 1, tokens, 0, 0, width,
             layer->post_attention_epsilon, is_f32);
    linear_forward(layer->gate_up, step, inputs, outputs);
    silu_and_mul(outputs, inputs, tokens, layer->gate_up->shape.outputs / 2, is_f32);
    linear_forward(layer->down, step, inputs, step->residual);
    add_rows(hidden, step->residual, tokens, width, width, is_f32);
}

#endif
