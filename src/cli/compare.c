/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading back what bench or bench table printed with -o json, to compare a new run with. */
#include <math.h>
#include <string.h>

#include "cli/bench.h"

cli_exit cli_compare_open(const char *path, json_t **old)
{
    json_error_t error;
    FILE *in;
    CLI_TRY(cli_open_file(path, "a result of weft bench -o json", &in));
    json_t *root = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
    fclose(in);
    if (!root)
        return cli_error(CLI_DATA, "%s: line %d: %s", path, error.line, error.text);
    if (!json_is_array(json_object_get(root, "results"))) {
        json_decref(root);
        return cli_error(CLI_DATA, "%s: not a result of weft bench -o json (it has no \"results\")", path);
    }
    *old = root;
    return CLI_OK;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(cli_json_text(a, key), cli_json_text(b, key)) == 0;
}

static bool same_number(const json_t *a, const json_t *b, const char *key)
{
    return fabs(cli_json_number(a, key) - cli_json_number(b, key)) < 0.5; /* whole numbers; false for NAN */
}

/* Results saved before weft had more than fp32 name none. */
static bool same_precision(const json_t *old, const json_t *result)
{
    return !json_object_get(old, "precision") || same_text(old, result, "precision");
}

/* Of the same image; nothing was said of it, it was the network's own. */
static bool same_size(const json_t *old, const json_t *result)
{
    return !json_object_get(old, "px") || !json_object_get(result, "px") || same_number(old, result, "px");
}

const json_t *cli_compare_find(const json_t *old, const json_t *result)
{
    const json_t *list = json_object_get(old, "results");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *other = json_array_get(list, i);
        if (same_text(other, result, "model") && same_text(other, result, "dialect") &&
            same_text(other, result, "device") && same_number(other, result, "batch") &&
            same_number(other, result, "threads") && same_precision(other, result) &&
            same_size(other, result) &&
            json_is_true(json_object_get(other, "train")) == json_is_true(json_object_get(result, "train")))
            return other;
    }
    return NULL;
}

/* Of a median of n runs, taking them as normal: 1.2533 sigma / sqrt(n), and sigma from the quartiles. Of fewer runs
 * than have quartiles, half of their range. */
static double median_error(const json_t *result)
{
    const double n = cli_json_number(result, "ms.n");
    if (!(n > 3))
        return (cli_json_number(result, "ms.max") - cli_json_number(result, "ms.min")) / 2;
    return 1.2533 / 1.349 * (cli_json_number(result, "ms.q3") - cli_json_number(result, "ms.q1")) / sqrt(n);
}

cli_change cli_compare(const json_t *before, const json_t *result)
{
    const double was = cli_json_number(before, "ms.median"), is = cli_json_number(result, "ms.median");
    const double error = hypot(median_error(result), median_error(before));
    return (cli_change){ .before = was, .change = is / was - 1, .spread = 2 * error / was };
}

void cli_compare_warn(const char *path, const json_t *old, const cli_machine *m)
{
    const json_t *then = json_object_get(old, "machine"), *roofs = json_object_get(then, "roofs");
    const char *cpu = cli_json_text(then, "cpu"), *isa = cli_json_text(then, "isa");
    if (strcmp(cpu, m->cpu) != 0 || strcmp(isa, m->isa) != 0) {
        cli_warn("%s is of another CPU: %s (ISA %s); here it is %s (ISA %s)", path, cpu, isa, m->cpu, m->isa);
        return;
    }
    for (size_t i = 0; i < json_array_size(roofs); i++) {
        const json_t *roof = json_array_get(roofs, i);
        const weft_roof was = { .gflops = cli_json_number(roof, "gflops"),
                                .bandwidth = cli_json_number(roof, "bandwidth") };
        for (int k = 0; k < m->n_roofs; k++) {
            const cli_roof *r = &m->roofs[k];
            if (r->threads == (int)cli_json_number(roof, "threads") && cli_roof_drift(&was, &r->roof) > CLI_DRIFT)
                cli_warn("%s: the roof with %d threads was %.1f GFLOP/s and %.1f GB/s, now it is %.1f and %.1f: the "
                         "machine has changed, not only weft",
                         path, r->threads, was.gflops, was.bandwidth, r->roof.gflops, r->roof.bandwidth);
        }
    }
}
