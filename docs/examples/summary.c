/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest useful program: builds a network by name and prints what is in it.
 *   cc summary.c $(pkg-config --cflags --libs weft) -o summary && ./summary resnet50 */
#include <inttypes.h>
#include <stdio.h>
#include <weft/weft.h>

int main(int argc, char **argv)
{
    const char *const name = argc > 1 ? argv[1] : "resnet50";
    weft_ctx *ctx = NULL;
    weft_graph *graph = NULL;
    weft_counts counts;

    weft_status status = weft_ctx_create(NULL, &ctx);
    if (status == WEFT_OK)
        status = weft_arch_build(ctx, name, NULL, &graph);
    if (status == WEFT_OK)
        status = weft_graph_counts(graph, &counts);
    if (status == WEFT_OK)
        printf("%s: %" PRId64 " parameters, %" PRId64 " moving statistics, %" PRId64 " multiply-adds\n", name,
               counts.trainable, counts.statistics, counts.macs);
    else
        fprintf(stderr, "%s: %s\n", weft_status_text(status), weft_error());

    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return status == WEFT_OK ? 0 : 1;
}
