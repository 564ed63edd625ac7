/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one kernel on one problem, and watching what it touches. */
#include "rig.h"

#include <string.h>

#include "base/fpmode.h"
#include "check/compare.h"
#include "fence.h"

enum { MAX_THREADS = 3, LINE = 16, SMALL_L2 = 16 << 10, LEAST_CACHE = 1 << 10 };

static weft_pool *pools[MAX_THREADS + 1];
static weft_cpu host; /* read once: sysfs and CPUID, which traps in virtual machines, cost more than most kernels */

weft_status rig_device(weft_isa isa, int threads, weft_device *out)
{
    if (!host.l1)
        weft_cpu_read(&host);
    if (!pools[threads])
        WEFT_TRY(weft_pool_create(&weft_malloc_allocator, threads, &pools[threads]));
    *out = (weft_device){ .backend = &weft_backend_cpu,
                          .allocator = &weft_malloc_allocator,
                          .kernels = weft_cpu_kernels,
                          .pool = pools[threads],
                          .threads = threads,
                          .isa = isa,
                          .cpu = host };
    return WEFT_OK;
}

void rig_close(void)
{
    for (int i = 0; i <= MAX_THREADS; i++) {
        weft_pool_destroy(pools[i]);
        pools[i] = NULL;
    }
}

const char *rig_setup_text(const rig_setup *s, char *buf, size_t size)
{
    static const char *const layouts[] = { "dense", "sliced", "from slices", "into lines", "edge" };
    static const char *const caches[] = { "", ", small caches", ", no caches" };
    char place[32] = "";
    if (s->alias != RIG_APART)
        snprintf(place, sizeof place, ", in place of input %d", s->alias);
    snprintf(buf, size, "layout %s%s, isa %s, threads %d%s", layouts[s->layout], caches[s->caches],
             weft_isa_name(s->isa), s->threads, place);
    return buf;
}

/* One kernel planned, packed and given its memory. */
typedef struct session {
    const weft_problem *problem;
    const weft_kernel *kernel;
    const rig_setup *setup;
    weft_device device;
    weft_arena arena;
    weft_plan plan;
    fenced_view in[WEFT_PROBLEM_IN], out[WEFT_MAX_OUT];
    fence packed, pack_scratch, scratch, thread_scratch;
    size_t thread_stride;
} session;

static bool fail(char *fault, size_t size, const char *what, const char *why)
{
    snprintf(fault, size, "%s%s%s", what, why[0] ? ": " : "", why);
    return false;
}

/* Parameters from parameters: never slices. */
static bool is_derivation(const weft_node *n)
{
    return weft_op_kinds[n->id] == WEFT_FUSED && n->op->types & WEFT_TYPES_F32_OUT;
}

/* The alias' memory serves as output 0; GAP_BYTE around it then, as for an output. */
static bool make_memory(session *s)
{
    const weft_node *n = &s->problem->node;
    const rig_layout layout = s->setup->layout;
    const bool edge = layout == RIG_EDGE, sliced = layout == RIG_SLICED || layout == RIG_FROM_SLICES;
    const int before = sliced ? 3 : 0, after = sliced ? 4 : 0;
    const size_t threads = (size_t)s->setup->threads;
    bool ok = true;
    for (int i = 0; i < n->n_in; i++) {
        const bool dense = weft_param_of(n, i) >= 0 || is_derivation(n); /* as the store keeps them */
        ok = ok && fenced_view_make(&s->in[i], weft_shape_rows(&n->in[i]), weft_shape_channels(&n->in[i]),
                                    dense ? 0 : before, dense ? 0 : after, edge,
                                    s->setup->alias == i ? GAP_BYTE : NAN_BYTE, s->problem->in[i]);
    }
    for (int i = 0; i < n->n_out; i++) {
        const int64_t channels = weft_shape_channels(&n->out[i]);
        const bool lines = layout == RIG_INTO_LINES, alone = layout == RIG_FROM_SLICES || is_derivation(n);
        ok = ok && fenced_view_make(&s->out[i], weft_shape_rows(&n->out[i]), channels,
                                    alone ? 0 : lines ? LINE : before,
                                    alone ? 0 : lines ? 2 * LINE - (int)(channels % LINE) : after, edge, GAP_BYTE,
                                    NULL);
    }
    s->thread_stride = weft_round_up(s->plan.thread_scratch, WEFT_CACHE_LINE);
    return ok && fence_make(&s->packed, s->plan.packed, 64, edge, GAP_BYTE) &&
           fence_make(&s->pack_scratch, s->plan.pack_scratch, 64, edge, NAN_BYTE) &&
           fence_make(&s->scratch, s->plan.scratch, 64, edge, GAP_BYTE) &&
           fence_make(&s->thread_scratch, s->thread_stride * threads, 64, edge, GAP_BYTE);
}

static void close_session(session *s)
{
    for (int i = 0; i < WEFT_PROBLEM_IN; i++)
        fence_free(&s->in[i].memory);
    for (int i = 0; i < WEFT_MAX_OUT; i++)
        fence_free(&s->out[i].memory);
    fence_free(&s->packed);
    fence_free(&s->pack_scratch);
    fence_free(&s->scratch);
    fence_free(&s->thread_scratch);
    weft_arena_release(&s->arena);
}

/* Memory that grows with the tensors, not with options such as padding. */
static bool modest(const session *s)
{
    enum { BASE = 64 << 20, FACTOR = 64 };
    const weft_node *n = &s->problem->node;
    double floats = 0;
    for (int i = 0; i < n->n_in; i++)
        floats += (double)weft_shape_count(&n->in[i]);
    for (int i = 0; i < n->n_out; i++)
        floats += (double)weft_shape_count(&n->out[i]);
    const double scratch = (double)s->plan.scratch + (double)s->plan.thread_scratch + (double)s->plan.packed +
                           (double)s->plan.pack_scratch;
    return scratch <= BASE + FACTOR * sizeof(float) * floats;
}

/* Packs the parameters: nothing else is there to be read. */
static bool pack(session *s, char *fault, size_t size)
{
    const weft_node *n = &s->problem->node;
    weft_view in[WEFT_PROBLEM_IN];
    for (int i = 0; i < n->n_in; i++)
        in[i] = (weft_view){ weft_param_of(n, i) >= 0 ? s->in[i].data : NULL, s->in[i].ld };
    const weft_call call = { .node = n, .device = &s->device, .state = s->plan.state, .in = in,
                             .packed = s->packed.data, .packed_bytes = s->plan.packed,
                             .scratch = s->pack_scratch.data };
    if (s->kernel->pack(&call) != WEFT_OK)
        return fail(fault, size, "pack fails", weft_error());
    if (!fence_intact(&s->packed))
        return fail(fault, size, "pack writes beyond the packed parameters", "");
    if (!fence_intact(&s->pack_scratch))
        return fail(fault, size, "pack writes beyond its scratch", "");
    return true;
}

static bool open_session(session *s, char *fault, size_t size)
{
    const weft_node *n = &s->problem->node;
    weft_arena_init(&s->arena, &weft_malloc_allocator);
    s->plan = (weft_plan){ .node = n, .device = &s->device, .arena = &s->arena };
    if (rig_device(s->setup->isa, s->setup->threads, &s->device) != WEFT_OK)
        return fail(fault, size, "no device", weft_error());
    if (s->setup->caches != RIG_HOST_CACHES) {
        s->device.cpu.l2 = s->setup->caches == RIG_SMALL_CACHES ? SMALL_L2 : LEAST_CACHE;
        s->device.cpu.l3 = LEAST_CACHE;
    }
    if (s->kernel->prepare && s->kernel->prepare(n, &s->plan) != WEFT_OK)
        return fail(fault, size, "prepare fails", weft_error());
    if (!modest(s))
        return fail(fault, size, "prepare asks for memory out of proportion to the tensors", "");
    if (s->plan.packed && !s->kernel->pack)
        return fail(fault, size, "prepare asks for packed parameters but there is no pack", "");
    if (!make_memory(s))
        return fail(fault, size, "the test is out of memory", "");
    return !s->kernel->pack || pack(s, fault, size);
}

/* FNV-1a, eight bytes at a step, to see that packed parameters stay as they were. */
static uint64_t digest(const fence *f)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325), word = 0;
    size_t i = 0;
    for (; i + sizeof word <= f->bytes; i += sizeof word) {
        memcpy(&word, f->data + i, sizeof word);
        h = (h ^ word) * UINT64_C(0x100000001b3);
    }
    for (; i < f->bytes; i++)
        h = (h ^ f->data[i]) * UINT64_C(0x100000001b3);
    return h;
}

static bool untouched(const session *s, char *fault, size_t size)
{
    const weft_problem *p = s->problem;
    const int alias = s->setup->alias;
    char which[32];
    for (int i = 0; i < p->node.n_in; i++) {
        snprintf(which, sizeof which, "input %d", i);
        if (!fenced_view_intact(&s->in[i]))
            return fail(fault, size, i == alias ? "run writes outside of output 0's channels" : "run writes around",
                        which);
        if (i != alias && !fenced_view_equal(&s->in[i], p->in[i]))
            return fail(fault, size, "run changes", which);
    }
    for (int i = 0; i < p->node.n_out; i++) {
        snprintf(which, sizeof which, "output %d", i);
        if (!fenced_view_intact(&s->out[i]))
            return fail(fault, size, "run writes outside of the channels of", which);
    }
    if (!fence_intact(&s->packed))
        return fail(fault, size, "run writes beyond the packed parameters", "");
    if (!fence_intact(&s->scratch))
        return fail(fault, size, "run writes beyond its scratch", "");
    if (!fence_intact(&s->thread_scratch))
        return fail(fault, size, "run writes beyond its threads' scratch", "");
    return true;
}

/* One run into fresh NaNs; got[o] dense. */
static bool run_once(session *s, float *const *got, char *fault, size_t size)
{
    const weft_node *n = &s->problem->node;
    const int alias = s->setup->alias;
    weft_view in[WEFT_PROBLEM_IN], out[WEFT_MAX_OUT];
    for (int i = 0; i < n->n_in; i++) {
        const bool packed = s->kernel->pack && weft_param_of(n, i) >= 0;
        fenced_view_set(&s->in[i], s->problem->in[i]);
        in[i] = (weft_view){ packed ? NULL : s->in[i].data, s->in[i].ld };
    }
    for (int i = 0; i < n->n_out; i++) {
        fenced_view_set(&s->out[i], NULL);
        out[i] = i == 0 && alias != RIG_APART ? in[alias] : (weft_view){ s->out[i].data, s->out[i].ld };
    }
    memset(s->scratch.data, NAN_BYTE, s->scratch.bytes);
    memset(s->thread_scratch.data, NAN_BYTE, s->thread_scratch.bytes);

    const uint64_t before = digest(&s->packed);
    const weft_call call = { .node = n,
                             .device = &s->device,
                             .state = s->plan.state,
                             .in = in,
                             .out = out,
                             .packed = s->kernel->pack ? s->packed.data : NULL,
                             .packed_bytes = s->plan.packed,
                             .scratch = s->scratch.data,
                             .thread_scratch = s->thread_scratch.data,
                             .thread_stride = s->thread_stride };
    const weft_fp_mode mode = weft_fp_enter(); /* as a model's run does */
    const weft_status status = s->kernel->run(&call);
    weft_fp_write(mode);
    if (status != WEFT_OK)
        return fail(fault, size, "run fails", weft_error());
    if (digest(&s->packed) != before)
        return fail(fault, size, "run changes the packed parameters", "");
    for (int i = 0; i < n->n_out; i++)
        fenced_view_get(i == 0 && alias != RIG_APART ? &s->in[alias] : &s->out[i], got[i]);
    return untouched(s, fault, size);
}

bool rig_run(const weft_problem *problem, const weft_kernel *kernel, const rig_setup *setup, float *const *got,
             char *fault, size_t size)
{
    const weft_node *n = &problem->node;
    session s = { .problem = problem, .kernel = kernel, .setup = setup };
    float *again[WEFT_MAX_OUT] = { NULL };
    bool ok = open_session(&s, fault, size) && run_once(&s, got, fault, size);
    for (int i = 0; ok && i < n->n_out; i++) {
        again[i] = weft_arena_array(&s.arena, (size_t)weft_shape_count(&n->out[i]), sizeof(float));
        if (!again[i])
            ok = fail(fault, size, "the test is out of memory", "");
    }
    ok = ok && run_once(&s, again, fault, size);
    for (int i = 0; ok && i < n->n_out; i++)
        if (memcmp(got[i], again[i], (size_t)weft_shape_count(&n->out[i]) * sizeof(float)) != 0)
            ok = fail(fault, size, "the second run gives other bits than the first", "");
    close_session(&s);
    return ok;
}

/* ---- all setups ---- */

typedef struct check {
    const weft_problem *problem;
    const weft_kernel *kernel;
    rig_report report;
    void *user;
    int faults;
    double *share;
    float *base[WEFT_MAX_OUT], *got[WEFT_MAX_OUT];
} check;

static void add_fault(check *c, const rig_setup *setup, const char *fault)
{
    c->faults++;
    c->report(c->user, c->problem, c->kernel, setup, fault);
}

static void judge(check *c, const rig_setup *setup, float *const *got)
{
    const weft_node *n = &c->problem->node;
    char fault[256];
    const weft_exactness how = { .error_factor = c->kernel->error_factor };
    for (int o = 0; o < n->n_out; o++) {
        const weft_comparison r =
            weft_compare(n, &how, got[o], c->problem->want[o], weft_shape_count(&n->out[o]));
        if (r.share > *c->share)
            *c->share = r.share;
        if (r.ok)
            continue;
        const int64_t channels = weft_shape_channels(&n->out[o]);
        snprintf(fault, sizeof fault,
                 "output %d, row %lld, channel %lld is %.9g, expected %.9g: off by %.3g, %.3g allowed", o,
                 (long long)(r.index / channels), (long long)(r.index % channels), r.got, r.want, r.got - r.want,
                 r.allowed);
        add_fault(c, setup, fault);
    }
}

/* Bits equal to those of the first setup of this layout. */
static void judge_same(check *c, const rig_setup *setup, const char *than)
{
    const weft_node *n = &c->problem->node;
    char fault[128];
    for (int o = 0; o < n->n_out; o++) {
        if (memcmp(c->base[o], c->got[o], (size_t)weft_shape_count(&n->out[o]) * sizeof(float)) != 0) {
            snprintf(fault, sizeof fault, "output %d has other bits than %s", o, than);
            add_fault(c, setup, fault);
        }
    }
}

/* Whether output 0 may take the place of input i in this node. */
static bool may_alias(const weft_node *n, unsigned inplace, int i)
{
    const bool residual = n->epi.residual && i == n->n_in - 1;
    const unsigned bit = residual ? WEFT_INPLACE_RESIDUAL : i == 0 ? WEFT_INPLACE_IN0 : i == 1 ? WEFT_INPLACE_IN1 : 0;
    return weft_param_of(n, i) < 0 && (inplace & bit) && weft_shape_rows(&n->in[i]) == weft_shape_rows(&n->out[0]) &&
           weft_shape_channels(&n->in[i]) == weft_shape_channels(&n->out[0]);
}

static void check_layout(check *c, rig_layout layout, rig_caches caches, weft_isa isa, int most)
{
    const weft_node *n = &c->problem->node;
    char fault[512];
    rig_setup setup = { layout, isa, 1, RIG_APART, caches };
    if (!rig_run(c->problem, c->kernel, &setup, c->base, fault, sizeof fault)) {
        add_fault(c, &setup, fault);
        return;
    }
    judge(c, &setup, c->base);
    for (setup.threads = 2; setup.threads <= most; setup.threads++) {
        if (!rig_run(c->problem, c->kernel, &setup, c->got, fault, sizeof fault))
            add_fault(c, &setup, fault);
        else
            judge_same(c, &setup, "with one thread");
    }
    setup.threads = most > 1 ? 2 : 1;
    for (setup.alias = 0; setup.alias < n->n_in; setup.alias++) {
        if (!may_alias(n, c->kernel->inplace, setup.alias))
            continue;
        if (!rig_run(c->problem, c->kernel, &setup, c->got, fault, sizeof fault))
            add_fault(c, &setup, fault);
        else
            judge_same(c, &setup, "apart");
    }
}

int rig_check(const weft_problem *problem, const weft_kernel *kernel, weft_isa isa, rig_report report, void *user,
              double *share)
{
    check c = { .problem = problem, .kernel = kernel, .report = report, .user = user, .share = share };
    weft_arena arena;
    weft_arena_init(&arena, &weft_malloc_allocator);
    bool memory = true;
    for (int o = 0; o < problem->node.n_out; o++) {
        const size_t count = (size_t)weft_shape_count(&problem->node.out[o]);
        c.base[o] = weft_arena_array(&arena, count, sizeof(float));
        c.got[o] = weft_arena_array(&arena, count, sizeof(float));
        memory = memory && c.base[o] && c.got[o];
    }
    if (memory) {
        const int most = kernel->reference ? 1 : MAX_THREADS; /* which knows of no threads, and of no caches */
        check_layout(&c, RIG_DENSE, RIG_HOST_CACHES, isa, most < 2 ? most : 2);
        if (!kernel->reference) {
            check_layout(&c, RIG_DENSE, RIG_NO_CACHES, isa, 2);
            check_layout(&c, RIG_FROM_SLICES, RIG_SMALL_CACHES, isa, 2);
            check_layout(&c, RIG_INTO_LINES, RIG_SMALL_CACHES, isa, 2);
        }
        check_layout(&c, RIG_SLICED, RIG_HOST_CACHES, isa, most);
        check_layout(&c, RIG_EDGE, RIG_HOST_CACHES, isa, 1);
    } else {
        add_fault(&c, &(rig_setup){ RIG_DENSE, isa, 1, RIG_APART, RIG_HOST_CACHES }, "the test is out of memory");
    }
    weft_arena_release(&arena);
    return c.faults;
}
