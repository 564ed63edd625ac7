/* SPDX-License-Identifier: Apache-2.0
 *
 * weft summary FILE --check: whether the numbers of a weight file are numbers, tensor by tensor, under the file's own
 * names, and digests by which two files can be compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/check.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"

static const cli_column columns[] = {
    { "name", { "", "tensor" }, .flags = CLI_COLUMN_LEFT },
    { "type", { "", "type" }, .flags = CLI_COLUMN_LEFT, .drop = 4 },
    { "shape", { "", "shape" }, .flags = CLI_COLUMN_LEFT, .drop = 2 },
    { "count", { "", "elements" }, .flags = CLI_COLUMN_DATA },
    { "min", { "", "min" }, .digits = 4, .drop = 3 },
    { "max", { "", "max" }, .digits = 4, .drop = 3 },
    { "rms", { "", "rms" }, .digits = 4, .drop = 5 },
    { "subnormal", { "", "subnormal" }, .flags = CLI_COLUMN_SPARSE },
    { "nan", { "", "NaN" }, .digits = 0 },
    { "inf", { "", "Inf" }, .digits = 0 },
    { "sha256", { "", "sha256" }, .flags = CLI_COLUMN_LEFT, .drop = 1 },
};

typedef struct findings {
    int64_t nan, inf, subnormal;
    double min, max, squares;
} findings;

typedef struct totals {
    int64_t tensors, elements, bad; /* tensors with NaN or infinity */
    const char *first;              /* of them */
} totals;

static findings look(const float *value, int64_t count)
{
    findings f = { .min = INFINITY, .max = -INFINITY };
    for (int64_t i = 0; i < count; i++) {
        const double v = (double)value[i];
        f.nan += isnan(v) != 0;
        f.inf += isinf(v) != 0;
        f.subnormal += fpclassify(value[i]) == FP_SUBNORMAL;
        if (!isfinite(v))
            continue;
        f.min = fmin(f.min, v);
        f.max = fmax(f.max, v);
        f.squares += v * v;
    }
    return f;
}

static void put_findings(cli_table *table, const findings *f, int64_t count)
{
    const int64_t finite = count - f->nan - f->inf;
    cli_put_number(table, "min", finite ? f->min : (double)NAN);
    cli_put_number(table, "max", finite ? f->max : (double)NAN);
    cli_put_number(table, "rms", finite ? sqrt(f->squares / (double)finite) : (double)NAN);
    if (f->subnormal)
        cli_put_number(table, "subnormal", (double)f->subnormal);
    cli_put_number(table, "nan", (double)f->nan);
    cli_put_number(table, "inf", (double)f->inf);
}

static cli_exit add_tensor(const weft_weight *w, cli_table *table, totals *t)
{
    char shape[96], hex[65];
    float *const value = cli_alloc((size_t)w->count + 1, sizeof *value);
    const weft_status status = weft_weight_floats(w, value);
    cli_table_add(table);
    cli_put_text(table, "name", "%s", w->name);
    cli_put_text(table, "type", "%s", weft_dtype_name(w->dtype));
    cli_put_text(table, "shape", "%s", weft_shape_text(&w->shape, shape, sizeof shape));
    cli_put_number(table, "count", (double)w->count);
    weft_bytes_digest(w->data, (size_t)w->count * weft_dtype_size(w->dtype), hex);
    cli_put_text(table, "sha256", "%s", hex);
    cli_put_shown(table, "sha256", "%.8s", hex);
    if (!status) {
        const findings f = look(value, w->count);
        put_findings(table, &f, w->count);
        if (f.nan + f.inf > 0 && t->bad++ == 0)
            t->first = w->name;
    }
    free(value);
    t->tensors++;
    t->elements += w->count;
    return status && status != WEFT_UNSUPPORTED ? cli_library_error(status) : CLI_OK;
}

static cli_exit print(const char *file, const char *digest, const totals *t, const cli_view *view, cli_table *table)
{
    char *const name = cli_visible(file);
    if (view->format == CLI_FORMAT_JSON) {
        json_t *const root = cli_json_document();
        cli_set_text(root, "file", file);
        if (*digest)
            cli_set_text(root, "sha256", digest);
        json_object_set_new(root, "finite", json_boolean(t->bad == 0));
        json_object_set_new(root, "tensors", cli_table_json(table));
        cli_json_print(root, stdout);
        json_decref(root);
    } else {
        cli_table_head(table, "%s%s%s", name, *digest ? ", sha256 " : "", digest);
        cli_table_note(table, "%lld tensors, %lld elements, %lld with NaN or infinity", (long long)t->tensors,
                       (long long)t->elements, (long long)t->bad);
        cli_table_print(table, view, stdout);
    }
    const cli_exit code =
        t->bad ? cli_error(CLI_NUMERIC, "%s: %lld of %lld tensors hold NaN or infinity, the first is %s", file,
                           (long long)t->bad, (long long)t->tensors, t->first)
               : CLI_OK;
    free(name);
    return code;
}

static cli_exit check(const char *file, const weft_weights *weights, const cli_view *view, cli_table *table)
{
    struct stat facts;
    char digest[65] = "";
    totals t = { 0 };
    weft_weight w;
    CLI_TRY(cli_table_choose(table, view->columns));
    for (int64_t i = 0; i < weft_weights_count(weights); i++) {
        CLI_TRY_LIBRARY(weft_weights_get(weights, i, &w));
        CLI_TRY(add_tensor(&w, table, &t));
    }
    if (stat(file, &facts) == 0 && S_ISREG(facts.st_mode)) { /* a hub's folder has none */
        const weft_status status = weft_file_verify(file, digest);
        if (status == WEFT_BAD_DATA)
            cli_warn("%s", weft_error());
        else
            CLI_TRY_LIBRARY(status);
    }
    return print(file, digest, &t, view, table);
}

cli_exit cli_check_weights(const char *file, const cli_size *size, const cli_view *view)
{
    weft_ctx *ctx;
    weft_weights *weights = NULL;
    if (!cli_names_a_file(file))
        return cli_error(CLI_USAGE, "--check looks at a weight file, and %s is a network", file);
    CLI_TRY(cli_open_cpu(1, &ctx));
    const weft_read_opt opt = { .key = size->key };
    const weft_status status = weft_weights_read_with(ctx, file, &opt, &weights);
    cli_table *const table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    const cli_exit code = status ? cli_library_error(status) : check(file, weights, view, table);
    cli_table_destroy(table);
    weft_weights_destroy(weights);
    weft_ctx_destroy(ctx);
    return code;
}
