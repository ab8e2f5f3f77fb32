/* A whole decoder layer, h += attention(norm(h)), h += down(gate(norm(h))), for decoding tokens. */

#ifndef ALTEREGO_DECODER_LAYER_H
#define ALTEREGO_DECODER_LAYER_H

#include "amx.h"
#include "attention.h"
#include "elementwise.h"
#include "lora.h"

struct linear_params {
    const bf16 *weights, *bias;    /* bias is NULL for a layer without one */
    struct lora_matrices matrices; /* NULL pointers before the first LoRA changes the layer */
    long block_width;              /* outputs that oneDNN packs together */
    struct lora_shape shape;       /* its inputs and outputs are those of the product, too */
};

struct layer_params {
    const float *input_norm, *post_attention_norm, *query_norm, *key_norm;
    const struct linear_params *qkv, *out, *gate_up, *down;
    struct attention_params attention;
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
    bf16 *inputs, *outputs, *residual; /* buffers [tokens, ..]: a layer's widest input, widest output, size */
    long tokens, slab_count, lora_count;
};

static void linear_forward(const struct linear_params *linear, const struct step_params *step, const bf16 *x,
                           bf16 *y)
{
    const struct lora_shape *shape = &linear->shape;
    amx_matmul(x, linear->weights, y, step->tokens, shape->inputs, shape->outputs, linear->block_width);
    if (linear->bias)
        for (long n = 0; n < step->tokens; n++)
            for (long i = 0; i < shape->outputs; i++)
                y[n * shape->outputs + i] =
                    bf16_of_float(float_of_bf16(y[n * shape->outputs + i]) + float_of_bf16(linear->bias[i]));
    if (linear->matrices.a && step->lora_count)
        add_lora(shape, &linear->matrices, x, y, step->lora_tokens, step->lora_slots, step->strengths,
                 step->lora_count);
}

static void add_residual(bf16 *restrict hidden, const bf16 *restrict residual, long count)
{
    for (long i = 0; i < count; i++)
        hidden[i] = bf16_of_float(float_of_bf16(hidden[i]) + float_of_bf16(residual[i]));
}

/* Run one layer on hidden [tokens, width] in place; caches [slab_count]: this layer's tensor of each slab. */
void decoder_layer(const struct layer_params *layer, const struct step_params *step, void *const *caches,
                   const bf16 *cosines, const bf16 *sines, bf16 *hidden)
{
    const long size = layer->attention.size, keys = layer->attention.heads,
               queries = keys * layer->attention.group;
    const long tokens = step->tokens, width = layer->down->shape.outputs, stride = layer->heads * size;
    bf16 *inputs = step->inputs, *outputs = step->outputs, *key = outputs + queries * size;
    rms_norm(hidden, layer->input_norm, inputs, 1, tokens, 0, 0, width, layer->input_epsilon, 0);
    linear_forward(layer->qkv, step, inputs, outputs);
    if (layer->query_norm) {
        rms_norm(outputs, layer->query_norm, outputs, tokens, queries, stride, stride, size,
                 layer->query_epsilon, 0);
        rms_norm(key, layer->key_norm, key, tokens, keys, stride, stride, size, layer->key_epsilon, 0);
    }
    rotary_embedding(outputs, cosines, sines, tokens, layer->heads, layer->rotated, size, 0);
    for (long n = 0; n < step->slab_count; n++) {
        struct attention_params params = layer->attention;
        params.slots = step->slabs[n].slots;
        params.capacity = step->slabs[n].capacity;
        decode_attention(&params, outputs, key, key + keys * size, caches[n], inputs, step->slabs[n].targets,
                         step->slabs[n].count);
    }
    linear_forward(layer->out, step, inputs, step->residual);
    add_residual(hidden, step->residual, tokens * width);
    rms_norm(hidden, layer->post_attention_norm, inputs, 1, tokens, 0, 0, width,
             layer->post_attention_epsilon, 0);
    linear_forward(layer->gate_up, step, inputs, outputs);
    silu_and_mul(outputs, inputs, tokens, layer->gate_up->shape.outputs / 2, 0);
    linear_forward(layer->down, step, inputs, step->residual);
    add_residual(hidden, step->residual, tokens * width);
}

#endif
