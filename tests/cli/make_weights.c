/* SPDX-License-Identifier: Apache-2.0
 *
 * make_weights NETWORK DIALECT FILE [LABEL...]: writes a weight file of seeded numbers, so that tests of
 * classify and eval have one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

/* The file, labelled with names if there are any. */
static weft_status make(weft_ctx *ctx, char **argv, int names)
{
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    weft_weights *weights = NULL;
    char labels[1024] = "", classes[16];
    for (int i = 0; i < names && strlen(labels) + strlen(argv[4 + i]) + 2 < sizeof labels; i++) {
        strcat(labels, argv[4 + i]);
        strcat(labels, "\n");
    }
    const weft_arch_opt opt = { .dialect = weft_dialect_parse(argv[2]), .classes = names };
    weft_status status = weft_arch_build(ctx, argv[1], &opt, &graph);
    if (!status)
        status = weft_model_create(ctx, graph, NULL, &model);
    if (!status)
        status = weft_model_init(model, 3);
    if (!status)
        status = weft_weights_create(ctx, &weights);
    if (!status)
        status = weft_model_save(model, weights);
    if (!status)
        status = weft_weights_set_meta(weights, "weft.arch", argv[1]);
    if (!status)
        status = weft_weights_set_meta(weights, "weft.dialect", argv[2]);
    snprintf(classes, sizeof classes, "%d", names);
    if (!status && names)
        status = weft_weights_set_meta(weights, "weft.classes", classes);
    if (!status && names)
        status = weft_weights_set_meta(weights, "weft.labels", labels);
    if (!status)
        status = weft_weights_write(weights, argv[3], WEFT_SAFETENSORS);
    weft_weights_destroy(weights);
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    return status;
}

int main(int argc, char **argv)
{
    weft_ctx *ctx = NULL;
    if (argc < 4)
        return 2;
    weft_status status = weft_ctx_create(NULL, &ctx);
    if (!status)
        status = make(ctx, argv, argc - 4);
    if (status)
        fprintf(stderr, "make_weights: %s\n", weft_error());
    weft_ctx_destroy(ctx);
    return status ? 1 : 0;
}
