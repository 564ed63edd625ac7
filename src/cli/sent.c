/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of a device apart that begin with their images in host memory: as bytes, as weft classify sends them, unless the
 * recipe makes numbers that are none. Which images they are makes no difference. */
#include <stdlib.h>

#include "cli/text.h"
#include "cli/timing.h"

enum { WARM_UP = 3 }; /* the second run records, the third replays */

typedef struct sent {
    weft_model *model;
    const float *values;
    uint8_t *bytes; /* NULL: values */
    size_t count;   /* of either */
} sent;

static weft_status run(const sent *s)
{
    const weft_status status = s->bytes ? weft_model_set_bytes(s->model, 0, s->bytes, s->count)
                                        : weft_model_set_input(s->model, 0, s->values, s->count * sizeof *s->values);
    return status ? status : weft_model_run(s->model);
}

static weft_status time_runs(const sent *s, int n, double *seconds)
{
    weft_status status = WEFT_OK;
    for (int i = -WARM_UP; !status && i < n; i++) {
        const double start = cli_now();
        status = run(s);
        if (i >= 0)
            seconds[i] = cli_now() - start;
    }
    return status;
}

static uint8_t *make_bytes(size_t count)
{
    uint8_t *const bytes = cli_alloc(count, sizeof *bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(i * 2654435761U >> 24);
    return bytes;
}

weft_status cli_time_sent(const cli_sent *what, int n, double *seconds)
{
    sent s = { what->model, what->data, NULL, what->count };
    float level[3][256];
    weft_model_opt opt = { .no_units = what->no_units, .resident = true, .ahead = true,
                           .store = weft_model_store(what->model), .levels = level[0] };
    if (what->recipe->no_antialias)
        return time_runs(&s, n, seconds);
    weft_recipe_levels(what->recipe, level);
    weft_status status = weft_model_create(what->ctx, what->graph, &opt, &s.model);
    if (status)
        return status;
    s.bytes = make_bytes(what->count);
    status = time_runs(&s, n, seconds);
    free(s.bytes);
    weft_model_destroy(s.model);
    return status;
}
