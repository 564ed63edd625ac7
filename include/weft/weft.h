/* SPDX-License-Identifier: Apache-2.0
 *
 * All of weft: #include <weft/weft.h>, link with -lweft. A whole program, which prints 1 and 5:
 *
 *     #include <stdio.h>
 *     #include <weft/weft.h>
 *
 *     int main(void)
 *     {
 *         const float x[] = { 1, 2, 3 }, w[] = { 1, 0, 0, 0, 1, 1 };
 *         float y[2];
 *         weft_ctx *ctx;
 *         weft_graph *graph;
 *         weft_model *model;
 *         if (weft_ctx_create(NULL, &ctx) || weft_graph_create(ctx, &graph))
 *             return puts(weft_error()), 1;
 *         weft_var v = weft_input(graph, "x", &(weft_shape){ .rank = 2, .dim = { 1, 3 } });
 *         v = weft_dense(graph, v, &(weft_dense_opt){ .name = "fc", .out = 2, .no_bias = true });
 *         weft_output(graph, weft_relu(graph, v), "y");
 *         if (weft_model_create(ctx, graph, NULL, &model) || weft_model_set_param(model, "fc/weight", w, 6) ||
 *             weft_model_set_input(model, 0, x, sizeof x) || weft_model_run(model) ||
 *             weft_model_get_output(model, 0, y, sizeof y))
 *             return puts(weft_error()), 1;
 *         printf("%g %g\n", (double)y[0], (double)y[1]);
 *         weft_model_destroy(model);
 *         weft_graph_destroy(graph);
 *         weft_ctx_destroy(ctx);
 *         return 0;
 *     } */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <weft/act.h>
#include <weft/arch.h>
#include <weft/check.h>
#include <weft/checkpoint.h>
#include <weft/classify.h>
#include <weft/context.h>
#include <weft/data.h>
#include <weft/graph.h>
#include <weft/image.h>
#include <weft/loader.h>
#include <weft/model.h>
#include <weft/ops.h>
#include <weft/pack.h>
#include <weft/ranks.h>
#include <weft/recipe.h>
#include <weft/status.h>
#include <weft/store.h>
#include <weft/tensor.h>
#include <weft/text.h>
#include <weft/schedule.h>
#include <weft/train.h>
#include <weft/trainset.h>
#include <weft/version.h>
#include <weft/weights.h>

#endif
