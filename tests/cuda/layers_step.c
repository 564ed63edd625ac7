/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of training of every network is planned, not run. What cuDNN is asked for is seen elsewhere (layers.c); here
 * are the layers with weights that it is not asked for, and their gradients, by the kernel that takes them. */
#include "layers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <weft/arch.h>
#include <weft/model.h>
#include <weft/train.h>

/* Ops that multiply with weights, or give gradients of those: the words that their names begin with. Sums over a map,
 * norms, pools and updates have none that cuDNN is asked for. */
static bool has_weights(const char *op)
{
    static const char *const words[] = { "conv", "dense", "partial_conv", "squeeze_excite", "rbf", "subsample" };
    for (int i = 0; i < WEFT_COUNT(words); i++)
        if (strncmp(op, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Kernels that ask cuDNN, and what takes the layers for which they do not. */
static const char *taker_of(const char *kernel, weft_precision precision)
{
    static const struct {
        const char *kernel, *taker;
    } table[] = {
        { "cuda.dense.product", "cuBLASLt, else weft_launch_gemm" },
        { "cuda.dense_dx.product", "cuBLASLt, else weft_launch_gemm" },
        { "cuda.dense_dw.product", "cuBLASLt, else weft_launch_gemm" },
    };
    const bool half = precision == WEFT_PRECISION_FP16 || precision == WEFT_PRECISION_BF16;
    if (strcmp(kernel, "cuda.conv2d.cudnn") == 0) /* of images, and what it does not do as exactly as fp32 */
        return half ? "weft_launch_image" : "weft_launch_conv2d";
    for (int i = 0; i < WEFT_COUNT(table); i++)
        if (strcmp(table[i].kernel, kernel) == 0)
            return table[i].taker;
    return NULL;
}

static bool was_asked(const collector *c, const char *node)
{
    char name[sizeof((weft_dnn_graph *)NULL)->name];
    snprintf(name, sizeof name, "%s", node);
    const uint64_t hash = layers_hash(name);
    for (int i = 0; i < c->n_asked; i++)
        if (c->asked[i] == hash)
            return true;
    return false;
}

static void put_shape(char *text, size_t size, const weft_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%" PRId64, i ? "x" : " ", shape->dim[i]);
}

/* "cuda.conv2d_dw.depthwise 32x56x56x96 -> 96x3x3x1 3x3/2 dw" */
static void describe(const weft_step_info *step, weft_precision precision, char *text, size_t size)
{
    const char *taker = taker_of(step->kernel, precision);
    snprintf(text, size, "%s%s%s%s", step->kernel, taker ? " (" : "", taker ? taker : "", taker ? ")" : "");
    put_shape(text, size, &step->in);
    snprintf(text + strlen(text), size - strlen(text), " ->");
    put_shape(text, size, &step->out);
    if (step->detail[0])
        snprintf(text + strlen(text), size - strlen(text), " %s", step->detail);
}

static weft_status note_own(const weft_model *model, collector *c)
{
    for (int i = 0; i < weft_model_step_count(model); i++) {
        char text[160];
        weft_step_info step;
        WEFT_TRY(weft_model_step(model, i, &step));
        if (!has_weights(step.op) || was_asked(c, step.name))
            continue;
        describe(&step, layer_precisions[c->precision].precision, text, sizeof text);
        layer *l = layers_note(c, text);
        if (!l)
            return WEFT_NO_MEMORY;
        l->own = true;
    }
    return WEFT_OK;
}

/* With its auxiliary heads. */
static weft_status collect_step(weft_ctx *ctx, const weft_arch *arch, int64_t batch, collector *c)
{
    weft_graph *graph = NULL;
    weft_trainer *trainer = NULL;
    c->network = arch->name;
    c->n_asked = 0;
    const weft_arch_opt opt = { .dialect = arch->dialect, .batch = batch, .aux = arch->params_aux > 0 };
    weft_status status = weft_arch_build(ctx, arch->name, &opt, &graph);
    if (status == WEFT_OK)
        status = weft_trainer_create(ctx, graph, &(weft_train_opt){ .plan_only = true }, &trainer);
    if (status == WEFT_OK)
        status = note_own(weft_trainer_model(trainer), c);
    weft_trainer_destroy(trainer);
    weft_graph_destroy(graph);
    return status == WEFT_OK ? c->status : status;
}

weft_status layers_of_steps(weft_ctx *ctx, int64_t batch, collector *c)
{
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        const weft_status status = collect_step(ctx, arch, batch, c);
        if (status != WEFT_OK)
            return weft_fail_in(status, "a step of %s for %s in %s", arch->name, layer_targets[c->target],
                                layer_precisions[c->precision].name);
    }
    return WEFT_OK;
}
