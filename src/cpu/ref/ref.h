/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference kernels. Each file is compiled twice, without contraction of a*b+c: `real` = float is the fallback that
 * refuses nothing (weft_cpu_<op>_ref), double is the oracle of src/check (weft_oracle_<op>_ref), whose views and
 * parameters are arrays of double. Sums are kept in double in both. Plain loops, one thread, any ld, the
 * epilogue included: written to be read beside the paper. */
#ifndef WEFT_CPU_REF_REF_H
#define WEFT_CPU_REF_REF_H

#include <math.h>

#include "backend/kernel.h"

#ifdef WEFT_ORACLE
typedef double real;
#define WEFT_REF(op) weft_oracle_##op##_ref
#define WEFT_REF_NAMED(op) .name = "oracle." #op ".ref", .reference = true
#else
typedef float real;
#define WEFT_REF(op) weft_cpu_##op##_ref
#define WEFT_REF_NAMED(op) .name = "cpu." #op ".ref", .reference = true
#endif

/* Declares weft_cpu_<op>_ref and weft_oracle_<op>_ref for every op. */
#define WEFT_OP(id, name, family, kind, devices)                                                                      \
    extern const weft_kernel weft_cpu_##name##_ref, weft_oracle_##name##_ref;
#include "op/list.def"
#undef WEFT_OP

/* Channels of row r of a view. */
WEFT_INLINE real *ref_row(const weft_view *view, int64_t row)
{
    return (real *)view->data + row * view->ld;
}

/* The epilogue on one result: v + residual, then the activation. row and c are those of the output. */
WEFT_INLINE double ref_finish(const weft_call *call, double v, int64_t row, int64_t c)
{
    const weft_node *n = call->node;
    if (n->epi.residual)
        v += (double)ref_row(&call->in[n->n_in - 1], row)[c];
    return n->epi.act == WEFT_ACT_NONE ? v : weft_act_eval(n->epi.act, v);
}

#endif
