/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps of training that are queued, as weft train queues them: the host waits once for many. */
#include <math.h>

#include "cli/text.h"
#include "cli/timing.h"

/* A device that has no clock has that of the host. */
static weft_status queue(weft_trainer *trainer, cli_ahead *a, int count, double lr)
{
    weft_step_result results[WEFT_STEPS_AHEAD];
    const double start = cli_now();
    for (int i = 0; i < count; i++)
        CLI_TRY_STATUS(weft_trainer_submit(trainer, NULL, lr));
    CLI_TRY_STATUS(weft_trainer_results(trainer, true, results, WEFT_STEPS_AHEAD, &a->count));
    const double each = (cli_now() - start) / count;
    for (int i = 0; i < a->count; i++)
        a->seconds[i] = results[i].seconds > 0 ? results[i].seconds : each;
    a->told = 0;
    return WEFT_OK;
}

weft_status cli_step_ahead(weft_trainer *trainer, cli_ahead *a, double lr, double *seconds)
{
    if (a->told == a->count) {
        const double round = a->count ? ceil(CLI_ROUND_SECONDS / a->seconds[a->count - 1]) : 1;
        CLI_TRY_STATUS(queue(trainer, a, round < WEFT_STEPS_AHEAD ? (int)round : WEFT_STEPS_AHEAD, lr));
    }
    *seconds = a->seconds[a->told++];
    return WEFT_OK;
}
