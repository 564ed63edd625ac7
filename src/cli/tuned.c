/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a plan has what weft tune found, beside the plan of a machine without tuning. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

static const char *kernel_of(const weft_model *model, const char *name)
{
    weft_step_info step;
    for (int i = 0; model && i < weft_model_step_count(model); i++)
        if (weft_model_step(model, i, &step) == WEFT_OK && strcmp(step.name, name) == 0)
            return step.kernel;
    return NULL;
}

const char *cli_first_choice(const weft_model *untuned, const char *name, const char *before)
{
    const char *const same = kernel_of(untuned, name);
    return same ? same : before;
}

int cli_count_tuned(const weft_model *model, const weft_model *untuned)
{
    const char *first = NULL;
    weft_step_info step;
    int count = 0;
    for (int i = 0; i < weft_model_step_count(model); i++) {
        if (weft_model_step(model, i, &step) != WEFT_OK)
            continue;
        first = cli_first_choice(untuned, step.name, first);
        count += first && strcmp(first, step.kernel) != 0;
    }
    return count;
}

void cli_tuned_note(cli_table *table, json_t *const *results, int count)
{
    char *all = NULL;
    for (int i = 0; i < count; i++) {
        const double tuned = cli_json_number(results[i], "tuned");
        if (!(tuned > 0))
            continue;
        char *const longer = cli_format_text("%s%s%s, batch %.0f, threads %.0f: %.0f of %.0f steps", all ? all : "",
                                             all ? "; " : "", cli_json_text(results[i], "model"),
                                             cli_json_number(results[i], "batch"),
                                             cli_json_number(results[i], "threads"), tuned,
                                             cli_json_number(results[i], "steps"));
        free(all);
        all = longer;
    }
    if (all)
        cli_table_note(table, "Run as weft tune found on this machine, not by the first choice (weft explain names the "
                       "steps, WEFT_CPU_NO=tuned runs without): %s.", all);
    free(all);
}
