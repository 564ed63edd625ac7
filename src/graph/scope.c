/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes: the path before the names of nodes and parameters. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

void weft_scope_push(weft_graph *graph, const char *format, ...)
{
    if (!graph || graph->status != WEFT_OK)
        return;
    char name[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const size_t room = sizeof graph->scope - graph->scope_length;
    const int n = snprintf(graph->scope + graph->scope_length, room, "%s%s", graph->scope_length ? "/" : "", name);
    if (n < 0 || (size_t)n >= room) {
        graph->scope[graph->scope_length] = '\0';
        weft_graph_fail(graph, WEFT_INVALID, "scopes are nested too deeply: the path may have %zu characters",
                        sizeof graph->scope - 1);
        return;
    }
    graph->scope_length += (size_t)n;
}

void weft_scope_pop(weft_graph *graph)
{
    if (!graph || graph->status != WEFT_OK)
        return;
    if (graph->scope_length == 0) {
        weft_graph_fail(graph, WEFT_INVALID, "weft_scope_pop without a weft_scope_push");
        return;
    }
    const char *slash = strrchr(graph->scope, '/');
    graph->scope_length = slash ? (size_t)(slash - graph->scope) : 0;
    graph->scope[graph->scope_length] = '\0';
}
