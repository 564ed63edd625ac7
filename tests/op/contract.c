/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of every op, without running any kernel: names, cases, options that make no sense, options resolved
 * twice, other batches, costs, texts, kernel lists, and every allocation failing once. */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "cpu/ref/ref.h"
#include "examples.h"
#include "op/case.h"

/* A node from options and shapes; everything in the arena. */
typedef struct made {
    void *opt;
    weft_sig sig;
    weft_shape in[WEFT_CASE_IN + WEFT_MAX_PARAM];
    weft_node node;
} made;

static weft_status make(const weft_op *op, const void *opt, const weft_shape *in, int n_in, weft_arena *arena, made *m)
{
    *m = (made){ .opt = weft_arena_alloc(arena, op->opt_size) };
    if (!m->opt)
        return WEFT_NO_MEMORY;
    if (opt)
        memcpy(m->opt, opt, op->opt_size);
    WEFT_TRY(op->resolve(m->opt, in, n_in, arena));
    WEFT_TRY(op->infer(m->opt, in, n_in, &m->sig));
    for (int i = 0; i < n_in + m->sig.n_param; i++)
        m->in[i] = i < n_in ? in[i] : m->sig.param[i - n_in].shape;
    m->node = (weft_node){ .id = weft_op_parse(op->name),
                           .op = op,
                           .name = op->name,
                           .opt = m->opt,
                           .n_in = n_in + m->sig.n_param,
                           .n_out = m->sig.n_out,
                           .n_param = m->sig.n_param,
                           .in = m->in,
                           .out = m->sig.out };
    return WEFT_OK;
}

static bool is_name(const char *text)
{
    bool ok = islower((unsigned char)text[0]) || isdigit((unsigned char)text[0]);
    for (; *text; text++)
        ok = ok && (islower((unsigned char)*text) || isdigit((unsigned char)*text) || *text == '_' || *text == '/');
    return ok;
}

START_TEST(table_is_complete)
{
    const weft_op *op = weft_op_get((weft_op_id)_i);
    ck_assert_int_eq((int)weft_op_parse(op->name), _i); /* so names are unique */
    ck_assert(is_name(op->name));
    ck_assert_msg(strlen(op->brief) >= 8 && strlen(op->brief) <= 72, "%s: brief \"%s\"", op->name, op->brief);
    ck_assert_msg(op->brief[strlen(op->brief) - 1] != '.', "%s: brief ends with a point", op->name);
    ck_assert_msg(!islower((unsigned char)op->brief[0]), "%s: brief begins with a small letter", op->name);
    ck_assert_ptr_nonnull(op->paper);
    ck_assert_int_ne(op->n_in, 0);
    ck_assert(op->opt_size == 0 || op->opt_size >= sizeof(char *));
    ck_assert(op->resolve && op->infer && op->cost && op->cases);
    ck_assert(op->error_class == WEFT_REDUCTION ? op->reduction != NULL : true);
    ck_assert_uint_eq(op->takes & ~(unsigned)(WEFT_TAKES_ACT | WEFT_TAKES_RESIDUAL), 0);
}
END_TEST

START_TEST(cases_are_sound)
{
    const weft_op *op = weft_op_get((weft_op_id)_i);
    unsigned shown = 0;
    int count = 0;
    for (const weft_op_case *c = op->cases; c->name; c++, count++) {
        ck_assert_msg(is_name(c->name) && !strchr(c->name, '/'), "%s: case \"%s\"", op->name, c->name);
        for (const weft_op_case *d = op->cases; d != c; d++)
            ck_assert_msg(strcmp(c->name, d->name) != 0, "%s: two cases \"%s\"", op->name, c->name);
        ck_assert_msg(op->n_in > 0 ? c->n_in == op->n_in : c->n_in >= -op->n_in, "%s/%s: %d inputs", op->name, c->name,
                      c->n_in);
        ck_assert_int_le(c->n_in, WEFT_COUNT(c->in));
        shown |= (c->epi.act != WEFT_ACT_NONE ? WEFT_TAKES_ACT : 0u) | (c->epi.residual ? WEFT_TAKES_RESIDUAL : 0u);
    }
    ck_assert_msg(count >= 3, "%s: %d cases", op->name, count);
    ck_assert_msg(shown == op->takes, "%s: the op takes %u of the epilogue, its cases show %u", op->name, op->takes,
                  shown);
}
END_TEST

static void check_params(const weft_op *op, const weft_op_case *c, const weft_sig *sig)
{
    ck_assert(sig->n_out >= 1 && sig->n_out <= WEFT_MAX_OUT);
    ck_assert(sig->n_param >= 0 && sig->n_param <= WEFT_MAX_PARAM);
    for (int i = 0; i < sig->n_out; i++)
        ck_assert_int_gt(weft_shape_count(&sig->out[i]), 0);
    for (int i = 0; i < sig->n_param; i++) {
        const weft_param_spec *p = &sig->param[i];
        ck_assert_msg(is_name(p->name) && weft_shape_count(&p->shape) > 0, "%s/%s: %s", op->name, c->name, p->name);
        ck_assert_msg(p->init > WEFT_INIT_DEFAULT && p->init <= WEFT_INIT_UNIFORM_FAN_OUT, "%s/%s: %s has init %d",
                      op->name, c->name, p->name, (int)p->init);
        if (p->init > WEFT_INIT_ONE && p->init != WEFT_INIT_NORMAL)
            ck_assert_msg(p->fan_in > 0 && p->fan_out > 0, "%s/%s: %s has no fans", op->name, c->name, p->name);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(p->name, sig->param[j].name);
    }
}

static void check_cost(const weft_op *op, const weft_op_case *c, const made *m)
{
    const weft_cost cost = op->cost(&m->node);
    ck_assert_msg(cost.macs >= 0 && isfinite(cost.flops) && cost.flops >= 2 * cost.macs, "%s/%s: %g macs, %g flops",
                  op->name, c->name, cost.macs, cost.flops);
    ck_assert(!op->reduction || op->reduction(&m->node) >= 1);
    /* What an epilogue costs shows. */
    made fused = *m;
    fused.node.epi = (weft_epilogue){ WEFT_ACT_RELU, false };
    if (op->takes & WEFT_TAKES_ACT)
        ck_assert_msg(op->cost(&fused.node).flops > cost.flops, "%s: an activation costs nothing", op->name);
}

/* Never beyond the buffer, always ended; a short buffer gets the beginning. */
static void check_text(const weft_op *op, const made *m)
{
    char full[256], part[256];
    if (!op->describe)
        return;
    for (size_t size = 1; size <= sizeof part; size = size < 24 ? size + 1 : size * 2) {
        memset(part, 0x5a, sizeof part);
        op->describe(&m->node, part, size);
        ck_assert_msg(memchr(part, '\0', size) != NULL, "%s: text without end in %zu bytes", op->name, size);
        for (size_t i = size; i < sizeof part; i++)
            ck_assert_int_eq(part[i], 0x5a);
        memset(full, 0, sizeof full);
        op->describe(&m->node, full, sizeof full);
        ck_assert_int_eq(strncmp(full, part, strlen(part)), 0);
    }
    ck_assert_uint_lt(strlen(full), 96); /* weft_node_info.detail */
    ck_assert(!strchr(full, '\n') && (full[0] == '\0' || full[strlen(full) - 1] != ' '));
}

START_TEST(cases_resolve_and_infer)
{
    const weft_op *op = weft_op_get((weft_op_id)_i);
    weft_arena arena;
    weft_arena_init(&arena, &weft_malloc_allocator);
    for (const weft_op_case *c = op->cases; c->name; c++) {
        made m;
        const weft_status status = make(op, c->opt, c->in, c->n_in, &arena, &m);
        ck_assert_msg(status == WEFT_OK, "%s/%s: %s", op->name, c->name, weft_error());
        check_params(op, c, &m.sig);
        check_cost(op, c, &m);
        check_text(op, &m);
    }
    weft_arena_release(&arena);
}
END_TEST

static void text_of(const made *m, char *buf, size_t size)
{
    buf[0] = '\0';
    if (m->node.op->describe)
        m->node.op->describe(&m->node, buf, size);
}

/* A graph is copied by resolving its resolved options again, maybe with another batch: the same node must come out. */
START_TEST(resolving_twice_changes_nothing)
{
    const weft_op *op = weft_op_get((weft_op_id)_i);
    const int batch = weft_op_kinds[_i] == WEFT_NETWORK ? 3 : 1; /* parameters have none */
    weft_arena arena;
    weft_arena_init(&arena, &weft_malloc_allocator);
    for (const weft_op_case *c = op->cases; c->name; c++) {
        made once, twice;
        char text[128], again[128];
        weft_shape in[WEFT_CASE_IN];
        CHECK_OK(make(op, c->opt, c->in, c->n_in, &arena, &once));
        for (int i = 0; i < c->n_in; i++) {
            in[i] = c->in[i];
            in[i].dim[0] *= in[i].rank > 1 ? batch : 1;
        }
        const weft_status status = make(op, once.opt, in, c->n_in, &arena, &twice);
        ck_assert_msg(status == WEFT_OK, "%s/%s again, with three times the batch: %s", op->name, c->name,
                      weft_error());
        text_of(&once, text, sizeof text);
        text_of(&twice, again, sizeof again);
        ck_assert_str_eq(text, again);
        ck_assert_int_eq(once.sig.n_out, twice.sig.n_out);
        ck_assert_int_eq(once.sig.n_param, twice.sig.n_param);
        for (int i = 0; i < once.sig.n_out; i++) {
            once.sig.out[i].dim[0] *= once.sig.out[i].rank > 1 ? batch : 1; /* nor have values of a channel */
            ck_assert_msg(weft_shape_equal(&once.sig.out[i], &twice.sig.out[i]), "%s/%s: output %d", op->name, c->name,
                          i);
        }
        for (int i = 0; i < once.sig.n_param; i++) {
            const weft_param_spec *a = &once.sig.param[i], *b = &twice.sig.param[i];
            ck_assert_str_eq(a->name, b->name);
            ck_assert(weft_shape_equal(&a->shape, &b->shape));
            ck_assert(a->init == b->init && a->fan_in == b->fan_in && a->fan_out == b->fan_out &&
                      a->statistic == b->statistic && !a->values == !b->values);
            if (a->values)
                ck_assert_mem_eq(a->values, b->values, (size_t)weft_shape_count(&a->shape) * sizeof(float));
        }
    }
    weft_arena_release(&arena);
}
END_TEST

static void must_fail(const weft_op *op, const void *opt, const weft_shape *in, int n_in, const char *part)
{
    weft_arena arena;
    made m;
    weft_arena_init(&arena, &weft_malloc_allocator);
    weft_fail(WEFT_INTERNAL, "stale");
    const weft_status status = make(op, opt, in, n_in, &arena, &m);
    ck_assert_msg(status == WEFT_INVALID, "%s (\"%s\" expected): status is \"%s\"", op->name, part,
                  weft_status_text(status));
    ck_assert_msg(strstr(weft_error(), part), "%s: \"%s\" expected in \"%s\"", op->name, part, weft_error());
    ck_assert_msg(strcmp(weft_error(), "stale") != 0, "%s: fails without a sentence", op->name);
    weft_arena_release(&arena);
}

START_TEST(garbage_options_are_rejected)
{
    static const refusal *const tables[] = { network_refusals, training_refusals, optimizer_refusals };
    int of_op[WEFT_OP_COUNT] = { 0 };
    for (int t = 0; t < WEFT_COUNT(tables); t++) {
        for (const refusal *g = tables[t]; g->part; g++) {
            must_fail(weft_op_get(g->id), g->opt, g->in, g->n_in, g->part);
            of_op[g->id]++;
        }
    }
    for (int id = 0; id < WEFT_OP_COUNT; id++)
        ck_assert_msg(of_op[id] > 0, "%s: no refusal in the tables of examples.h", weft_op_get((weft_op_id)id)->name);
}
END_TEST

START_TEST(garbage_shapes_are_rejected)
{
    static const weft_shape bad[] = {
        { .rank = 0 },
        { .rank = -1 },
        { .rank = WEFT_MAX_RANK + 1, .dim = { 1, 1, 1, 1, 1, 1 } },
        { .rank = 4, .dim = { 1, 0, 5, 3 } },
        { .rank = 4, .dim = { 1, 5, -5, 3 } },
        { .rank = 4, .dim = { INT64_MAX, INT64_MAX, 1, 1 } },
        { .rank = 4, .dim = { 1 << 30, 1 << 30, 1 << 30, 1 << 30 } },
        { .rank = 2, .dim = { 1, 0 } },
        { .rank = 2, .dim = { -4, 8 } },
    };
    const weft_op *op = weft_op_get((weft_op_id)_i);
    const weft_op_case *c = &op->cases[0];
    for (int b = 0; b < WEFT_COUNT(bad); b++) {
        for (int i = 0; i < c->n_in; i++) {
            weft_shape in[WEFT_CASE_IN];
            memcpy(in, c->in, sizeof in);
            in[i] = bad[b];
            must_fail(op, c->opt, in, c->n_in, "");
        }
    }
}
END_TEST

/* Every activation has a case, so that each kernel of the op meets it. */
START_TEST(activations_are_all_walked)
{
    bool seen[WEFT_ACT_COUNT] = { true };
    weft_arena arena;
    weft_arena_init(&arena, &weft_malloc_allocator);
    for (const weft_op_case *c = weft_op_activation.cases; c->name; c++) {
        made m;
        char text[64];
        CHECK_OK(make(&weft_op_activation, c->opt, c->in, c->n_in, &arena, &m));
        text_of(&m, text, sizeof text);
        for (int a = 1; a < WEFT_ACT_COUNT; a++)
            seen[a] = seen[a] || strcmp(text, weft_act_name((weft_act)a)) == 0;
    }
    weft_arena_release(&arena);
    for (int a = 0; a < WEFT_ACT_COUNT; a++)
        ck_assert_msg(seen[a], "no case of activation %s", weft_act_name((weft_act)a));
}
END_TEST

START_TEST(kernel_lists_are_sound)
{
    static const weft_kernel *const refs[] = {
#define WEFT_OP(id, name, family, kind, devices) &weft_cpu_##name##_ref,
#include "op/list.def"
#undef WEFT_OP
    };
    const weft_op *op = weft_op_get((weft_op_id)_i);
    const weft_kernel *const *list = weft_cpu_kernels[_i];
    char prefix[64];
    int count = 0;
    const int length = snprintf(prefix, sizeof prefix, "cpu.%s.", op->name);
    for (; list[count]; count++) {
        const weft_kernel *k = list[count];
        ck_assert_msg(strncmp(k->name, prefix, (size_t)length) == 0 && k->name[length], "%s: kernel \"%s\"", op->name,
                      k->name);
        for (int j = 0; j < count; j++)
            ck_assert_str_ne(k->name, list[j]->name);
        ck_assert(k->run != NULL);
        ck_assert(k->error_factor >= 0 && k->error_factor < 100);
        ck_assert_msg(k->reference == (k == refs[_i]), "%s is %sthe reference", k->name, k->reference ? "not " : "");
        ck_assert_msg(k->refuse || !list[count + 1], "%s refuses nothing, so %s is never run", k->name,
                      list[count + 1] ? list[count + 1]->name : "");
    }
    ck_assert_int_gt(count, 0);
    ck_assert_ptr_eq(list[count - 1], refs[_i]);
    ck_assert(refs[_i]->refuse == NULL);
}
END_TEST

/* Any request of resolve may fail. arg: a refusal, whose options make sense here. */
static weft_status resolve_row(const weft_allocator *allocator, void *arg)
{
    const refusal *row = arg;
    weft_arena arena;
    made m;
    weft_arena_init(&arena, allocator);
    const weft_status status = make(weft_op_get(row->id), row->opt, row->in, row->n_in, &arena, &m);
    weft_arena_release(&arena);
    return status;
}

START_TEST(memory_may_run_out)
{
    for (int id = 0; id < WEFT_OP_COUNT; id++) {
        for (const weft_op_case *c = weft_op_get((weft_op_id)id)->cases; c->name; c++) {
            refusal row = { (weft_op_id)id, c->n_in, { c->in[0], c->in[1] }, c->opt, "" };
            if (c->n_in <= 2)
                ck_assert_int_gt(check_every_failure(resolve_row, &row), 0);
        }
    }
    /* A table that takes a block of its own. */
    refusal rbf = { WEFT_OP_RBF, 1, { WEFT_NC(1, 4000) }, &(weft_rbf_opt){ .out = 50 }, "" };
    ck_assert_int_ge(check_every_failure(resolve_row, &rbf), 2);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("op-contract");
    TCase *each = tcase_create("each");
    tcase_set_timeout(each, 0);
    tcase_add_loop_test(each, table_is_complete, 0, WEFT_OP_COUNT);
    tcase_add_loop_test(each, cases_are_sound, 0, WEFT_OP_COUNT);
    tcase_add_loop_test(each, cases_resolve_and_infer, 0, WEFT_OP_COUNT);
    tcase_add_loop_test(each, resolving_twice_changes_nothing, 0, WEFT_OP_COUNT);
    tcase_add_loop_test(each, garbage_shapes_are_rejected, 0, WEFT_OP_COUNT);
    tcase_add_loop_test(each, kernel_lists_are_sound, 0, WEFT_OP_COUNT);
    suite_add_tcase(suite, each);
    CHECK_CASE(suite, "all", garbage_options_are_rejected, activations_are_all_walked, memory_may_run_out);
    return check_main(suite, argv[0]);
}
