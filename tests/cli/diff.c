/* SPDX-License-Identifier: Apache-2.0
 *
 * weft diff: equal files are equal, a weight planted in one layer is found in that layer, a file of activations is
 * compared block by block, and bad files are refused. Argument: the program. Files are made in a folder of their own
 * and removed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/weights.h>

#include "check/harness.h"

enum { PX = 64 };
#define MODEL "mobilenet-0.25"
#define PLANTED "unit5/pointwise/conv2d/weight"

static const char *program;
static char folder[64];

static const char *path_of(const char *name, char buf[128])
{
    snprintf(buf, 128, "%s/%s", folder, name);
    return buf;
}

/* Runs `weft diff MODEL A [B] --px 64 --json`: its exit code, its output in out. */
static int run(const char *a, const char *b, const char *more, char *out, size_t size)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' diff " MODEL " '%s/%s' %s%s%s --px %d --json %s 2>&1", program, folder, a,
             b ? folder : "", b ? "/" : "", b ? b : "", PX, more);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    const size_t n = fread(out, 1, size - 1, pipe);
    out[n] = '\0';
    const int status = pclose(pipe);
    ck_assert_msg(WIFEXITED(status), "%s: crashed", command);
    return WEXITSTATUS(status);
}

static void expect(int code, const char *a, const char *b, const char *more, const char *text)
{
    static char out[1 << 16];
    const int is = run(a, b, more, out, sizeof out);
    ck_assert_msg(is == code, "%s %s: exit code %d, expected %d: %.300s", a, b ? b : "", is, code, out);
    ck_assert_msg(strstr(out, text) != NULL, "%s %s: the output lacks %s: %.500s", a, b ? b : "", text, out);
}

static void open_model(weft_ctx **ctx, weft_graph **graph, weft_model **model)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .math = WEFT_MATH_STRICT }, ctx));
    CHECK_OK(weft_arch_build(*ctx, MODEL, &(weft_arch_opt){ .px = PX, .no_softmax = true }, graph));
    CHECK_OK(weft_model_create(*ctx, *graph, &(weft_model_opt){ .no_fusion = true, .keep_all = true }, model));
    CHECK_OK(weft_model_seed(*model, 1));
}

static void save(const weft_model *model, weft_ctx *ctx, const char *name)
{
    char path[128];
    weft_weights *weights;
    CHECK_OK(weft_weights_create(ctx, &weights));
    CHECK_OK(weft_model_save(model, weights));
    CHECK_OK(weft_weights_write(weights, path_of(name, path), WEFT_FORMAT_AUTO));
    weft_weights_destroy(weights);
}

/* Adds what a node computed under the name of its block, off by `error` in one element. */
static void add_block(weft_weights *dump, const weft_graph *graph, const weft_model *model, const char *node,
                      const char *block, float error)
{
    weft_node_info info;
    int i = 0;
    while (weft_graph_node(graph, i, &info) == WEFT_OK && strcmp(info.name, node) != 0)
        i++;
    const size_t bytes = (size_t)weft_shape_count(&info.out) * sizeof(float);
    float *data = malloc(bytes);
    ck_assert_ptr_nonnull(data);
    CHECK_OK(weft_model_get_node(model, node, data, bytes));
    data[7] += error;
    CHECK_OK(weft_weights_add(dump, block, WEFT_F32, &info.out, data));
    free(data);
}

/* What the model computes on the seeded image, as another framework might have written it. */
static void save_dump(weft_ctx *ctx, const weft_graph *graph, weft_model *model, const char *name, float error)
{
    const weft_shape shape = weft_shape_nhwc(1, PX, PX, 3);
    float input[PX * PX * 3];
    char path[128];
    weft_weights *dump;
    CHECK_OK(weft_seed_images(1, &shape, -1, 1, input));
    CHECK_OK(weft_model_set_input(model, 0, input, sizeof input));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_weights_create(ctx, &dump));
    add_block(dump, graph, model, "unit3/pointwise/relu6", "unit3", 0);
    add_block(dump, graph, model, "unit7/pointwise/relu6", "unit7", error);
    add_block(dump, graph, model, "unit9/pointwise/relu6", "unit9", 2 * error);
    CHECK_OK(weft_weights_write(dump, path_of(name, path), WEFT_FORMAT_AUTO));
    weft_weights_destroy(dump);
}

START_TEST(writes_the_files)
{
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    static float planted[1 << 16];
    weft_param_info info;
    int i = 0;
    open_model(&ctx, &graph, &model);
    save(model, ctx, "a.safetensors");
    save_dump(ctx, graph, model, "dump.npz", 0);
    save_dump(ctx, graph, model, "dump_off.npz", 3);
    while (weft_graph_param(graph, i, &info) == WEFT_OK && strcmp(info.name, PLANTED) != 0)
        i++;
    const int64_t count = weft_shape_count(&info.shape);
    CHECK_OK(weft_model_get_param(model, PLANTED, planted, count));
    planted[100] += 1;
    CHECK_OK(weft_model_set_param(model, PLANTED, planted, count));
    save(model, ctx, "b.npz");
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    char path[128];
    FILE *f = fopen(path_of("bad.npz", path), "w");
    ck_assert_ptr_nonnull(f);
    fputs("PK\003\004 and nothing more", f);
    fclose(f);
}
END_TEST

START_TEST(equal_is_equal)
{
    expect(0, "a.safetensors", "a.safetensors", "", "\"equal\": true");
    expect(0, "a.safetensors", NULL, "", "\"first_block\": null"); /* the seeded weights themselves */
    expect(1, "a.safetensors", NULL, "--seed 2", "\"first_parameter\": \"stem/conv2d/weight\"");
}
END_TEST

START_TEST(names_the_planted_layer)
{
    expect(1, "a.safetensors", "b.npz", "", "\"first_parameter\": \"" PLANTED "\"");
    expect(1, "a.safetensors", "b.npz", "", "\"first_block\": \"unit5\"");
    expect(1, "a.safetensors", "b.npz", "", "\"first_node\": \"unit5/pointwise/conv2d\"");
    expect(0, "a.safetensors", "b.npz", "--tolerance 1", "\"equal\": true");
}
END_TEST

START_TEST(compares_with_activations)
{
    expect(0, "a.safetensors", "dump.npz", "", "\"block\": \"unit9\"");
    expect(1, "a.safetensors", "dump_off.npz", "", "\"first_block\": \"unit7\"");
}
END_TEST

START_TEST(refuses_bad_files)
{
    expect(65, "a.safetensors", "bad.npz", "", "bad.npz");
    expect(65, "dump.npz", "a.safetensors", "", "dump.npz"); /* no weights */
    expect(66, "a.safetensors", "missing.npz", "", "missing.npz");
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    program = argv[1];
    snprintf(folder, sizeof folder, "/tmp/weft-diff-XXXXXX");
    if (!mkdtemp(folder))
        return 2;
    Suite *suite = suite_create("cli_diff");
    CHECK_CASE(suite, "diff", writes_the_files, equal_is_equal, names_the_planted_layer, compares_with_activations,
               refuses_bad_files);
    const int code = check_main(suite, argv[0]);
    static const char *const names[] = { "a.safetensors", "b.npz", "dump.npz", "dump_off.npz", "bad.npz" };
    char path[128];
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        unlink(path_of(names[i], path));
    rmdir(folder);
    return code;
}
