/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout at inference: a copy, where the passes left the node in. */
#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status run(const weft_call *call)
{
    return call->in[0].data == call->out[0].data ? WEFT_OK : weft_copy_same(call);
}

static const weft_kernel copy = {
    .name = "cpu.dropout.copy", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_dropout[] = { &copy, &weft_cpu_dropout_ref, NULL };
