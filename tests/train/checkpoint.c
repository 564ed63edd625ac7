/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints: what is saved comes back to the bit, damage is found and told, and a process that is killed, a call that
 * fails or a disk that is full at any moment of a save leaves what was there. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/weft.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "train/shim.h"

enum { WIDE = 1024, SMALL = 7, COUNT = WIDE * SMALL };

static char folder[64];

static int take(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts, (void)kind, (void)place;
    return remove(path);
}

static void take_all(void)
{
    nftw(folder, take, 8, FTW_DEPTH | FTW_PHYS);
}

static void clear(void)
{
    take_all();
    ck_assert_int_eq(mkdir(folder, 0777), 0);
}

typedef struct store {
    weft_ctx *ctx;
    weft_store *store;
} store;

/* A store of a parameter, its bias and a state, filled with numbers that depend on `step`. */
static weft_status fill(const store *s, int step)
{
    weft_param_info info;
    float *values = malloc(COUNT * sizeof *values);
    weft_status status = WEFT_OK;
    for (int i = 0; status == WEFT_OK && i < weft_store_count(s->store); i++) {
        weft_store_param(s->store, i, &info);
        const int64_t count = weft_shape_count(&info.shape);
        for (int64_t k = 0; k < count; k++)
            values[k] = (float)(step + 1) + (float)k / 64 + (float)i;
        status = weft_store_set(s->store, info.name, values, count);
    }
    free(values);
    return status;
}

static weft_status open_store(const weft_allocator *allocator, store *s)
{
    weft_graph *graph = NULL;
    const weft_ctx_opt opt = { .threads = 1, .allocator = allocator ? *allocator : (weft_allocator){ 0 } };
    const weft_shape shape = weft_shape_nc(1, WIDE), vector = { .rank = 1, .dim = { SMALL } };
    *s = (store){ 0 };
    weft_status status = weft_ctx_create(&opt, &s->ctx);
    if (status == WEFT_OK)
        status = weft_graph_create(s->ctx, &graph);
    if (status == WEFT_OK) {
        const weft_var x = weft_input(graph, "x", &shape);
        weft_output(graph, weft_dense(graph, x, &(weft_dense_opt){ .name = "fc", .out = SMALL }), "y");
        weft_output(graph, weft_state(graph, "moving", &vector, WEFT_INIT_ZERO), "moving");
        const weft_graph *const graphs[] = { graph };
        status = weft_store_create(s->ctx, graphs, 1, &s->store);
    }
    weft_graph_destroy(graph);
    return status;
}

static void close_store(store *s)
{
    weft_store_destroy(s->store);
    weft_ctx_destroy(s->ctx);
}

static weft_status save(const store *s, int step, int keep, bool best)
{
    const weft_checkpoint_facts facts = { .step = step, .epoch = step / 3, .position = step * 5, .seed = UINT64_MAX,
                                          .recipe = "lr 0.1\n", .config = "a \"b\"\\\x01\n", .environment = "cpu" };
    return weft_checkpoint_save(s->store, folder, &facts, &(weft_checkpoint_opt){ .keep = keep, .best = best });
}

static void save_new(int step, int keep, bool best)
{
    store s;
    CHECK_OK(open_store(NULL, &s));
    CHECK_OK(fill(&s, step));
    CHECK_OK(save(&s, step, keep, best));
    close_store(&s);
}

/* Whether all numbers of the store are those of the step. */
static void expect_values(const store *s, int step)
{
    weft_param_info info;
    float *values = malloc(COUNT * sizeof *values);
    for (int i = 0; i < weft_store_count(s->store); i++) {
        CHECK_OK(weft_store_param(s->store, i, &info));
        const int64_t count = weft_shape_count(&info.shape);
        CHECK_OK(weft_store_get(s->store, info.name, values, count));
        for (int64_t k = 0; k < count; k++)
            ck_assert_msg(values[k] == (float)(step + 1) + (float)k / 64 + (float)i, "%s[%lld] is %g of step %d",
                          info.name, (long long)k, (double)values[k], step);
    }
    free(values);
}

/* What "last" restores: its step; `warned` says whether another one was damaged. */
static int64_t restore(const char *name, bool warned)
{
    store s;
    weft_checkpoint *c;
    CHECK_OK(open_store(NULL, &s));
    CHECK_OK(weft_checkpoint_open(s.ctx, folder, name, &c));
    const char *const warning = weft_checkpoint_warning(c);
    ck_assert_msg((warning != NULL) == warned, "the warning is \"%s\"", warning ? warning : "");
    CHECK_OK(weft_checkpoint_restore(c, s.store));
    const weft_checkpoint_facts facts = *weft_checkpoint_says(c);
    expect_values(&s, (int)facts.step);
    ck_assert_int_eq(facts.epoch, facts.step / 3);
    ck_assert_int_eq(facts.position, facts.step * 5);
    ck_assert_uint_eq(facts.seed, UINT64_MAX);
    ck_assert_str_eq(facts.recipe, "lr 0.1\n");
    ck_assert_str_eq(facts.config, "a \"b\"\\\x01\n");
    ck_assert_ptr_null(facts.notes);
    weft_checkpoint_close(c);
    close_store(&s);
    return facts.step;
}

/* Names in the folder that begin so; of what="" all. */
static int count_names(const char *what)
{
    int count = 0;
    DIR *stream = opendir(folder);
    for (const struct dirent *one; (one = readdir(stream)) != NULL;)
        count += strncmp(one->d_name, what, strlen(what)) == 0 && strcmp(one->d_name, ".") && strcmp(one->d_name, "..");
    closedir(stream);
    return count;
}

START_TEST(comes_back)
{
    clear();
    for (int step = 0; step < 6; step++)
        save_new(step, 2, step == 1);
    ck_assert_int_eq(restore(NULL, false), 5);
    ck_assert_int_eq(restore("best", false), 1);
    ck_assert_int_eq(restore("step-00000004", false), 4);
    ck_assert_int_eq(count_names("step-"), 3); /* two newest and the best */
    ck_assert_int_eq(count_names(""), 5);      /* and two pointers */
    save_new(5, 2, false);                     /* of a step that is there: takes its place */
    ck_assert_int_eq(restore(NULL, false), 5);
    ck_assert_int_eq(count_names(""), 5);
}
END_TEST

/* Nothing in the folder is more open than the umask says, and no file is shared. */
START_TEST(modes_are_the_umasks)
{
    char path[300];
    struct stat facts;
    clear();
    const mode_t before = umask(027);
    save_new(3, 2, false);
    umask(before);
    snprintf(path, sizeof path, "%s/step-00000003/state.safetensors", folder);
    ck_assert_int_eq(stat(path, &facts), 0);
    ck_assert_int_eq(facts.st_mode & 0777, 0640);
}
END_TEST

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    const int c = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(c ^ 4, file);
    fclose(file);
}

/* One bit anywhere, a missing or a longer file: the one before is taken, and the warning names both. */
START_TEST(damage_is_found)
{
    static const struct {
        const char *file;
        long at;
    } bits[] = { { "state.safetensors", 8 },   { "state.safetensors", 200 }, { "state.safetensors", -1 },
                 { "manifest.json", 22 },      { "manifest.json", 60 },      { "manifest.json", -10 },
                 { "manifest.json", -2 },      { "state.safetensors", -5000 } };
    char path[400];
    store s;
    weft_checkpoint *c;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        clear();
        save_new(1, 3, false);
        save_new(2, 3, false);
        snprintf(path, sizeof path, "%s/step-00000002/%s", folder, bits[i].file);
        flip(path, bits[i].at);
        CHECK_OK(open_store(NULL, &s));
        CHECK_OK(weft_checkpoint_open(s.ctx, folder, NULL, &c));
        ck_assert_int_eq(weft_checkpoint_says(c)->step, 1);
        ck_assert_ptr_nonnull(strstr(weft_checkpoint_warning(c), "step-00000002"));
        ck_assert_ptr_nonnull(strstr(weft_checkpoint_warning(c), "step-00000001 is taken instead"));
        weft_checkpoint_close(c);
        snprintf(path, sizeof path, "%s/step-00000001/state.safetensors", folder);
        ck_assert_int_eq(truncate(path, 1000), 0);
        CHECK_FAILS(WEFT_BAD_DATA, weft_checkpoint_open(s.ctx, folder, NULL, &c), "no older checkpoint is whole");
        close_store(&s);
    }
}
END_TEST

START_TEST(pointers_are_not_believed)
{
    char path[300];
    store s;
    weft_checkpoint *c;
    clear();
    CHECK_OK(open_store(NULL, &s));
    CHECK_FAILS(WEFT_NOT_FOUND, weft_checkpoint_open(s.ctx, folder, NULL, &c), "last");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_checkpoint_open(s.ctx, "/nonexistent/run", NULL, &c), "/nonexistent/run");
    save_new(1, 3, false);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_checkpoint_open(s.ctx, folder, "../x", &c), "is no checkpoint");
    snprintf(path, sizeof path, "%s/last", folder);
    FILE *file = fopen(path, "w");
    fputs("../../step-00000001\n", file);
    fclose(file);
    ck_assert_int_eq(restore(NULL, true), 1);
    close_store(&s);
}
END_TEST

START_TEST(what_is_no_number_is_not_saved)
{
    store s;
    clear();
    save_new(1, 1, false);
    CHECK_OK(open_store(NULL, &s));
    CHECK_OK(fill(&s, 2));
    const float bad[SMALL] = { 0, 1, NAN };
    CHECK_OK(weft_store_set(s.store, "moving", bad, SMALL));
    CHECK_FAILS(WEFT_NUMERIC, save(&s, 2, 1, true), "moving[2] is nan");
    close_store(&s);
    ck_assert_int_eq(restore(NULL, false), 1);
    ck_assert_int_eq(count_names(""), 2);
}
END_TEST

START_TEST(another_network_is_told)
{
    store s;
    weft_graph *graph;
    weft_checkpoint *c;
    weft_store *other;
    const weft_shape shape = weft_shape_nc(1, WIDE), vector = { .rank = 1, .dim = { SMALL } };
    clear();
    save_new(1, 1, false);
    CHECK_OK(open_store(NULL, &s));
    CHECK_OK(weft_checkpoint_open(s.ctx, folder, NULL, &c));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(weft_graph_create(s.ctx, &graph));
        const weft_var x = weft_input(graph, "x", &shape);
        const weft_dense_opt opt = { .name = i == 0 ? "other" : "fc", .out = SMALL + (i == 1) };
        weft_output(graph, weft_dense(graph, x, &opt), "y");
        if (i < 2)
            weft_output(graph, weft_state(graph, "moving", &vector, WEFT_INIT_ZERO), "moving");
        const weft_graph *const graphs[] = { graph };
        CHECK_OK(weft_store_create(s.ctx, graphs, 1, &other));
        const char *const part[] = { "nothing for other/weight", "[7, 1024], expected [8, 1024]", "has moving" };
        CHECK_FAILS(WEFT_BAD_DATA, weft_checkpoint_restore(c, other), part[i]);
        weft_store_destroy(other);
        weft_graph_destroy(graph);
    }
    weft_checkpoint_close(c);
    close_store(&s);
}
END_TEST

/* ---- moments ---- */

/* A child saves step `step` with the n-th call killing it; whether it was killed. */
static bool killed_at(int64_t n, int step)
{
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        store s;
        if (open_store(NULL, &s) || fill(&s, step))
            _exit(3);
        shim_begin(SHIM_KILL, n, 0);
        const weft_status status = save(&s, step, 2, true);
        shim_end();
        _exit(status ? 4 : 0);
    }
    int state;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_msg(WIFSIGNALED(state) ? WTERMSIG(state) == SIGKILL : WEXITSTATUS(state) == 0, "state %x", state);
    return WIFSIGNALED(state);
}

/* One kill before each system call of a save: `last` is whole each time, the old one or the new one, and the next save
 * sweeps what was left. */
START_TEST(killed_at_each_call)
{
    int64_t n = 1;
    bool killed = true;
    for (; killed; n++) {
        clear();
        for (int step = 1; step <= 3; step++)
            save_new(step, 2, step == 1);
        killed = killed_at(n, 4);
        const int64_t step = restore(NULL, false);
        ck_assert_msg(step == 4 || (killed && step == 3), "killed at call %lld: last is step %lld", (long long)n,
                      (long long)step);
        const int64_t best = restore("best", false);
        ck_assert(best == 4 || (killed && best == 1));
        save_new(5, 2, false);
        ck_assert_int_eq(restore(NULL, false), 5);
        ck_assert_int_eq(count_names("ckpt.tmp"), 0);
        ck_assert_int_eq(count_names("."), 0);
        ck_assert_int_le(count_names("step-"), 3);
    }
    printf("killed at %lld system calls of a save\n", (long long)n - 2);
    ck_assert_int_gt(n, 30);
}
END_TEST

/* Each call of a save fails in turn, alone or with all behind it: the save says so or has worked, `last` is whole, and
 * nothing half is left. */
START_TEST(each_call_fails)
{
    static const int errors[] = { EIO, ENOSPC, EINTR };
    store s;
    for (int on = 0; on < 2; on++)
        for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
            bool more = !(on && errors[e] == EINTR); /* which would be tried for ever */
            for (int64_t n = 1; more; n++) {
                clear();
                save_new(1, 2, true);
                save_new(2, 2, false);
                CHECK_OK(open_store(NULL, &s));
                CHECK_OK(fill(&s, 3));
                shim_begin(on ? SHIM_FAIL_ON : SHIM_FAIL, n, errors[e]);
                const weft_status status = save(&s, 3, 2, true);
                more = shim_end() >= n;
                close_store(&s);
                ck_assert_msg(status == WEFT_OK || (status == WEFT_IO && *weft_error()), "call %lld: %s",
                              (long long)n, weft_status_text(status));
                const int64_t step = restore(NULL, false);
                ck_assert_msg(step == 3 || (step == 2 && status), "call %lld fails with %s: last is step %lld",
                              (long long)n, strerror(errors[e]), (long long)step);
                ck_assert_int_ge(restore("best", false), 1);
                save_new(4, 2, false);
                ck_assert_int_eq(restore(NULL, false), 4);
                ck_assert_int_eq(count_names("ckpt.tmp"), 0);
            }
        }
}
END_TEST

/* Disks with room for nothing, and every 4 KiB up to all that a save needs. */
START_TEST(full_disks)
{
    store s;
    bool written = false;
    int64_t room = 0;
    for (; !written; room += 4096) {
        clear();
        save_new(1, 2, true);
        CHECK_OK(open_store(NULL, &s));
        CHECK_OK(fill(&s, 2));
        shim_disk(room);
        const weft_status status = save(&s, 2, 2, false);
        shim_end();
        written = status == WEFT_OK;
        if (!written) {
            ck_assert_int_eq(status, WEFT_IO);
            ck_assert_msg(strstr(weft_error(), "No space left") != NULL, "%s", weft_error());
            ck_assert_int_eq(count_names("step-"), 1);
        }
        CHECK_OK(fill(&s, 3)); /* training goes on, and saves when there is room again */
        CHECK_OK(save(&s, 3, 2, false));
        close_store(&s);
        ck_assert_int_eq(restore(NULL, false), 3);
        ck_assert_int_eq(count_names("ckpt.tmp"), 0);
    }
    ck_assert_int_gt(room, (int64_t)COUNT * 4);
}
END_TEST

/* A disk that can reserve finds it at once; the sentence has what is needed and what is free. */
START_TEST(room_is_told)
{
    store s;
    int told = 0;
    clear();
    CHECK_OK(open_store(NULL, &s));
    for (int64_t n = 1; n < 20; n++) {
        shim_begin(SHIM_FAIL, n, ENOSPC);
        const weft_status status = save(&s, 3, 2, false);
        shim_end();
        told += status && strstr(weft_error(), "no room can be had for it") && strstr(weft_error(), " are free");
    }
    close_store(&s);
    ck_assert_int_eq(told, 2);
}
END_TEST

static weft_status save_and_load(const weft_allocator *allocator, void *arg)
{
    (void)arg;
    store s;
    weft_checkpoint *c = NULL;
    weft_status status = open_store(allocator, &s);
    if (status == WEFT_OK)
        status = fill(&s, 1);
    if (status == WEFT_OK)
        status = save(&s, 1, 1, true);
    if (status == WEFT_OK)
        status = weft_checkpoint_open(s.ctx, folder, NULL, &c);
    if (status == WEFT_OK)
        status = weft_checkpoint_restore(c, s.store);
    weft_checkpoint_close(c);
    close_store(&s);
    return status;
}

START_TEST(each_allocation_fails)
{
    clear();
    ck_assert_int_gt(check_every_failure(save_and_load, NULL), 20);
}
END_TEST

/* A process that does nothing but save, killed at times drawn from a seed. */
START_TEST(killed_at_any_time)
{
    uint64_t draw = check_seed() * 6364136223846793005u + 1442695040888963407u;
    clear();
    save_new(0, 2, true);
    int64_t before = 0;
    for (int i = 0; i < 20; i++) {
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            store s;
            for (int step = (int)before + 1; !open_store(NULL, &s); step++) {
                if (fill(&s, step) || save(&s, step, 2, step % 3 == 0))
                    _exit(4);
                close_store(&s);
            }
            _exit(3);
        }
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        usleep((useconds_t)(2000 + (draw >> 33) % 30000));
        kill(child, SIGKILL);
        int state;
        waitpid(child, &state, 0);
        ck_assert(WIFSIGNALED(state));
        const int64_t now = restore(NULL, false);
        ck_assert_int_ge(now, before);
        restore("best", false);
        before = now;
    }
    ck_assert_int_gt(before, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    /* In memory where that can be, since this saves a thousand times. */
    snprintf(folder, sizeof folder, "%scheckpoint-test.%lld", access("/dev/shm", W_OK) ? "" : "/dev/shm/weft-",
             (long long)getpid());
    CHECK_CASE(suite, "contents", comes_back, modes_are_the_umasks, damage_is_found, pointers_are_not_believed,
               what_is_no_number_is_not_saved, another_network_is_told);
    CHECK_CASE(suite, "moments", killed_at_each_call, killed_at_any_time, each_call_fails, full_disks, room_is_told);
    CHECK_CASE(suite, "memory", each_allocation_fails);
    const int failed = check_main(suite, "train-checkpoint");
    take_all();
    return failed;
}
