/* SPDX-License-Identifier: Apache-2.0
 *
 * Several networks in one flat list of tensors, as running averages, teachers and contrastive training leave them:
 * which of them is taken, which a key takes, and that they are asked for where it is not clear. */
#include <stdio.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "weights/weights.h"

static weft_ctx *ctx;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
}

enum { TENSORS = 8, NETWORKS = 3 };

/* Eight tensors under a prefix, all of one value; `other`: of another width. */
static void add_network(weft_weights *set, const char *prefix, float value, bool other)
{
    for (int i = 0; i < TENSORS; i++) {
        char name[128];
        const int64_t width = other ? 3 : 2;
        const float values[3] = { value, value, value };
        snprintf(name, sizeof name, "%slayer%d.weight", prefix, i);
        CHECK_OK(weft_weights_add(set, name, WEFT_F32, &(weft_shape){ 1, { width } }, values));
    }
}

typedef struct file {
    const char *prefix[NETWORKS]; /* of each network; NULL: no more */
    const char *more;             /* a scalar beside them; NULL */
    bool other;                   /* the last network is of another width */
} file;

static weft_weights *make(const file *f)
{
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(ctx, &set));
    for (int i = 0; i < NETWORKS && f->prefix[i]; i++)
        add_network(set, f->prefix[i], (float)(i + 1), f->other && (i + 1 == NETWORKS || !f->prefix[i + 1]));
    if (f->more)
        CHECK_OK(weft_weights_add(set, f->more, WEFT_F32, &(weft_shape){ 0 }, NULL));
    return set;
}

static const struct {
    file f;
    const char *key;
    const char *taken, *others; /* metadata; NULL: none */
    int left;                   /* tensors */
    float value;                /* of those of networks that are left; 0: of several */
} taken[] = {
    { { { "" }, NULL, false }, NULL, NULL, NULL, 8, 1 },
    { { { "online_model.", "ema_model." }, "initted", false }, NULL, "online_model", "ema_model", 9, 1 },
    { { { "online_model.", "ema_model." }, "initted", false }, "ema_model", "ema_model", NULL, 9, 2 },
    { { { "ema.module.", "model." }, "ema.n_averaged", false }, NULL, "model", "ema.module", 9, 2 },
    { { { "ema.module.", "model." }, "ema.n_averaged", false }, "ema.module", "ema.module", NULL, 9, 1 },
    { { { "module.ema_a.", "module.net.", "module.swa." }, NULL, false }, NULL, "module.net",
      "module.ema_a, module.swa", 8, 2 },
    { { { "module.encoder_q.", "module.encoder_k." }, "module.queue", false }, "module.encoder_k", "module.encoder_k",
      NULL, 9, 2 },
    /* no twins: another width, a network and something else */
    { { { "net.", "ema." }, NULL, true }, NULL, NULL, NULL, 16, 0 },
    { { { "net.", "ema." }, NULL, true }, "ema", "ema", NULL, 8, 2 },
    { { { "net." }, "mean", false }, NULL, NULL, NULL, 9, 1 },
    { { { "net." }, "mean", false }, "net", "net", NULL, 8, 1 },
    { { { "stage1.0/", "stage2.0/" }, NULL, false }, NULL, NULL, NULL, 16, 0 }, /* weft's own names */
};

static void same_text(const char *is, const char *expected)
{
    ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0), "\"%s\", expected \"%s\"",
                  is ? is : "-", expected ? expected : "-");
}

START_TEST(one_of_several_is_taken)
{
    weft_weights *set = make(&taken[_i].f);
    CHECK_OK(weft_weights_pick(ctx, "file", taken[_i].key, set));
    same_text(weft_weights_meta_find(set, "torch.key"), taken[_i].taken);
    same_text(weft_weights_meta_find(set, "torch.other_keys"), taken[_i].others);
    ck_assert_int_eq(weft_weights_count(set), taken[_i].left);
    for (int i = 0; i < taken[_i].left; i++) {
        weft_weight w, again;
        CHECK_OK(weft_weights_get(set, i, &w));
        CHECK_OK(weft_weights_find(set, w.name, &again));
        ck_assert_ptr_eq(w.data, again.data);
        if (taken[_i].value > 0 && w.shape.rank == 1)
            ck_assert(((const float *)w.data)[0] == taken[_i].value);
    }
    weft_weights_destroy(set);
}
END_TEST

/* A module that another one holds too (the robustness library's attacker) is one network under two names: torch.save
 * keeps its tensors once, and so are the mean and the deviation that both have. */
START_TEST(the_same_network_twice_is_one)
{
    static const char *const before[] = { "attacker.model.", "model." };
    static const float values[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    for (int same = 0; same < 2; same++) {
        weft_weights *set = NULL;
        CHECK_OK(weft_weights_create(ctx, &set));
        for (int k = 0; k < 2; k++) {
            for (int i = 0; i < 8; i++) {
                char name[64];
                const int length = snprintf(name, sizeof name, "%slayer.%d", before[k], i);
                CHECK_OK(weft_weights_lend(set, name, (size_t)length, WEFT_F32, &(weft_shape){ 1, { 1 } },
                                           &values[same ? i : i + k]));
            }
        }
        if (same) {
            CHECK_OK(weft_weights_pick(ctx, "file", NULL, set));
            same_text(weft_weights_meta_find(set, "torch.key"), "model");
            same_text(weft_weights_meta_find(set, "torch.other_keys"), NULL);
            ck_assert_int_eq(weft_weights_count(set), 8);
        } else {
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_pick(ctx, "file", NULL, set), "meant: model, attacker.model");
        }
        weft_weights_destroy(set);
    }
}
END_TEST

START_TEST(what_is_not_clear_is_asked)
{
    static const struct {
        file f;
        const char *key, *part;
    } rows[] = {
        { { { "student.", "teacher." }, NULL, false }, NULL,
          "file: the file holds several networks side by side, and a key must say which is meant: student, teacher" },
        { { { "ema_a.", "ema_b." }, NULL, false }, NULL, "a key must say which is meant: ema_a, ema_b" },
        { { { "student.", "teacher." }, NULL, false }, "pupil",
          "there are no tensors under the key \"pupil\"; there are under: student, teacher" },
        { { { "net." }, NULL, false }, "ne", "file: there are no tensors under the key \"ne\"" },
        { { { "net." }, NULL, false }, "", "file: there are no tensors under the key \"\"" },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_weights *set = make(&rows[i].f);
        const int64_t count = weft_weights_count(set);
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_pick(ctx, "file", rows[i].key, set), rows[i].part);
        ck_assert_int_eq(weft_weights_count(set), count);
        weft_weights_destroy(set);
    }
}
END_TEST

static weft_status read_twins(const weft_allocator *allocator, void *arg)
{
    weft_ctx *own = NULL;
    weft_weights *set = NULL;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .allocator = *allocator }, &own);
    if (status == WEFT_OK)
        status = weft_weights_read(own, arg, WEFT_FORMAT_AUTO, &set);
    ck_assert(status == WEFT_OK ? weft_weights_count(set) == TENSORS : !set);
    weft_weights_destroy(set);
    weft_ctx_destroy(own);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    static char path[] = "twins.safetensors";
    weft_weights *set = make(&(file){ { "net.", "net_ema." }, NULL, false });
    CHECK_OK(weft_weights_write(set, path, WEFT_FORMAT_AUTO));
    weft_weights_destroy(set);
    ck_assert_int_gt(check_every_failure(read_twins, path), 10);
    remove(path);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_twins");
    TCase *tcase = tcase_create("twins");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, one_of_several_is_taken, 0, WEFT_COUNT(taken));
    tcase_add_test(tcase, the_same_network_twice_is_one);
    tcase_add_test(tcase, what_is_not_clear_is_asked);
    tcase_add_test(tcase, every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
