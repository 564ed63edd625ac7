/* SPDX-License-Identifier: Apache-2.0
 *
 * Images as bytes: a quarter of what floats take on their way to a device, and nothing for the host to convert. */
#include "program/bytes.h"

#include <string.h>

#include "op/levels.h"
#include "program/program.h"

/* Bytes, four in each integer, and what the network reads of them. */
static weft_status make_input(void *user, weft_graph *to, const char *name, const weft_shape *shape, int32_t *id)
{
    if (shape->rank != 4)
        return weft_fail(WEFT_INVALID, "levels are for networks that read images; input '%s' is of rank %d", name,
                         shape->rank);
    const weft_levels_opt levels = { NULL, shape->dim[1], shape->dim[2], shape->dim[3], user };
    const weft_shape packed = weft_shape_nc(shape->dim[0], weft_levels_words(levels.h, levels.w, levels.c));
    const weft_var bytes = weft_input_of(to, name, WEFT_I32, &packed);
    const char *path = weft_arena_text(&to->arena, "%s/levels", name);
    WEFT_TRY(weft_graph_status(to));
    return path ? weft_graph_add_node(to, WEFT_OP_LEVELS, path, &levels, &bytes.id, 1, id) : WEFT_NO_MEMORY;
}

weft_input_maker weft_bytes_input(const float *levels)
{
    return (weft_input_maker){ levels ? make_input : NULL, weft_mutable(levels) };
}

/* What looks the bytes of an input up; NULL: it is no input of bytes. */
static const weft_levels_opt *levels_of(const weft_model *model, int index)
{
    const weft_graph *graph = model->graph;
    for (int32_t i = 0; i < graph->n_nodes && index >= 0 && index < graph->n_inputs; i++)
        if (!graph->nodes[i].dead && graph->nodes[i].node.id == WEFT_OP_LEVELS &&
            graph->nodes[i].in[0] == graph->inputs[index])
            return graph->nodes[i].node.opt;
    return NULL;
}

weft_status weft_model_set_bytes(weft_model *model, int index, const uint8_t *data, size_t bytes)
{
    WEFT_TRY(weft_model_need_memory(model, "weft_model_set_bytes"));
    const weft_levels_opt *levels = levels_of(model, index);
    if (!levels)
        return weft_fail(WEFT_INVALID, "weft_model_set_bytes: input %d does not take bytes: make the model with levels",
                         index);
    const weft_shape *shape = &model->graph->values[model->graph->inputs[index]].shape;
    const size_t image = (size_t)(levels->h * levels->w * levels->c), expected = image * (size_t)shape->dim[0];
    if (!data || bytes != expected)
        return weft_fail(WEFT_INVALID, "weft_model_set_bytes: %zu bytes given, %lld images of %lldx%lldx%lld need %zu",
                         data ? bytes : 0, (long long)shape->dim[0], (long long)levels->h, (long long)levels->w,
                         (long long)levels->c, expected);
    return weft_model_set_rows(model, index, data, image);
}
