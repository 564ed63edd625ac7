/* SPDX-License-Identifier: Apache-2.0
 *
 * weft_weights_map from end to end: a MobileNetV2 as torchvision would save it, right, incomplete, misshapen, with
 * other classes and under another network's name; identification; models loaded and saved. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "check/alloc.h"
#include "check/harness.h"

static weft_ctx *ctx;
static weft_name_list *list; /* of MobileNetV2 by torchvision */

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    CHECK_OK(weft_weights_names(ctx, "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_AUTO, &list));
}

static void teardown(void)
{
    weft_name_list_destroy(ctx, list);
    list = NULL;
    weft_ctx_destroy(ctx);
}

/* Element e of tensor i. */
static float value_of(int i, int64_t e)
{
    return (float)((i * 37 + e) % 4093);
}

/* How a file differs from the right one. */
typedef struct fault {
    int leave_out;    /* entry + 1 */
    const char *add;  /* a tensor more, */
    bool counts;      /* of whole numbers, which belong to no network */
    int misshape;     /* entry + 1 */
    int classes;      /* 0: 1000 */
    const char *prefix;
} fault;

static weft_weights *make_file(const fault *f)
{
    weft_weights *file = NULL;

    CHECK_OK(weft_weights_create(ctx, &file));
    for (int i = 0; i < list->count; i++) {
        weft_shape shape = list->entries[i].origin_shape;
        char name[128];

        if (i + 1 == f->leave_out)
            continue;
        if (i + 1 == f->misshape)
            shape.dim[0]++;
        if (f->classes && shape.dim[0] == 1000)
            shape.dim[0] = f->classes;
        const int64_t count = weft_shape_count(&shape);
        float *values = malloc((size_t)count * sizeof *values);
        ck_assert_ptr_nonnull(values);
        for (int64_t e = 0; e < count; e++)
            values[e] = value_of(i, e);
        snprintf(name, sizeof name, "%s%s", f->prefix ? f->prefix : "", list->entries[i].origin_name);
        CHECK_OK(weft_weights_add(file, name, WEFT_F32, &shape, values));
        free(values);
    }
    if (f->add)
        CHECK_OK(weft_weights_add(file, f->add, f->counts ? WEFT_I64 : WEFT_F32, &(weft_shape){ 0 }, NULL));
    return file;
}

/* Every element at its place: [k, c, r, s] there is [k, r, s, c] here. */
static void check_values(const weft_weights *mapped)
{
    ck_assert_int_eq(weft_weights_count(mapped), list->count);
    for (int i = 0; i < list->count; i++) {
        const weft_name_entry *e = &list->entries[i];
        const int64_t *d = e->shape.dim;
        weft_weight w;

        CHECK_OK(weft_weights_find(mapped, e->name, &w));
        ck_assert(weft_shape_equal(&w.shape, &e->shape));
        ck_assert_int_eq(w.dtype, WEFT_F32);
        const float *ours = w.data;
        for (int64_t at = 0; at < w.count; at++) {
            int64_t there = at;

            if (e->shape.rank == 4) {
                const int64_t c = at % d[3], s = at / d[3] % d[2], r = at / d[3] / d[2] % d[1];

                there = ((at / d[3] / d[2] / d[1] * d[3] + c) * d[1] + r) * d[2] + s;
            }
            if (ours[at] != value_of(i, there)) /* millions of them: no ck_assert for each */
                ck_abort_msg("%s: element %d is at the wrong place", e->name, (int)at);
        }
    }
}

START_TEST(every_element_is_at_its_place)
{
    weft_weights *file = make_file(&(fault){ .add = "features.0.1.num_batches_tracked", .counts = true,
                                             .prefix = _i == 1 ? "module." : NULL }),
                 *mapped = NULL;
    weft_map_report *report = NULL;

    CHECK_OK(weft_weights_map(ctx, file, "MobileNetV2", WEFT_TORCH, NULL, &report, &mapped));
    check_values(mapped);
    ck_assert_int_eq(report->origin, WEFT_ORIGIN_TORCHVISION);
    ck_assert_int_eq(report->mapped, list->count);
    ck_assert_int_eq(report->missing_count + report->unused_count, 0);
    ck_assert_int_eq(report->ignored_count, 1);
    ck_assert_str_eq(report->ignored[0], "features.0.1.num_batches_tracked");
    ck_assert_ptr_null(report->nearest);
    ck_assert_str_eq(weft_weights_meta_find(mapped, "weft.arch"), "mobilenetv2");
    ck_assert_str_eq(weft_weights_meta_find(mapped, "weft.dialect"), "torch");
    ck_assert_str_eq(weft_weights_meta_find(mapped, "weft.classes"), "1000");
    weft_map_report_destroy(ctx, report);
    weft_weights_destroy(mapped);
    weft_weights_destroy(file);
}
END_TEST

/* Our own names are an origin like any other. */
START_TEST(mapping_twice_changes_nothing)
{
    weft_weights *file = make_file(&(fault){ 0 }), *once = NULL, *twice = NULL;
    weft_map_report *report = NULL;

    CHECK_OK(weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, NULL, NULL, &once));
    CHECK_OK(weft_weights_map(ctx, once, "mobilenetv2", WEFT_TORCH, NULL, &report, &twice));
    ck_assert_int_eq(report->origin, WEFT_ORIGIN_WEFT);
    check_values(twice);
    weft_map_report_destroy(ctx, report);
    weft_weights_destroy(twice);
    weft_weights_destroy(once);
    weft_weights_destroy(file);
}
END_TEST

START_TEST(missing_and_unknown_tensors_are_told)
{
    weft_weights *file = make_file(&(fault){ .leave_out = 6, .add = "something.else" }), *mapped = NULL;
    weft_map_report *report = NULL;

    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, NULL, &report, &mapped),
                "1 missing (stage1.0/depthwise/conv2d/weight), 1 unknown (something.else)");
    ck_assert_ptr_null(mapped);
    ck_assert_int_eq(report->missing_count, 1);
    ck_assert_int_eq(report->unused_count, 1);
    ck_assert_str_eq(report->missing[0], list->entries[5].name);
    ck_assert_str_eq(report->unused[0], "something.else");
    ck_assert_ptr_null(report->nearest);
    weft_map_report_destroy(ctx, report);

    CHECK_OK(weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, &(weft_map_opt){ .lenient = true }, &report,
                              &mapped));
    ck_assert_int_eq(report->missing_count, 1);
    ck_assert_int_eq(weft_weights_count(mapped), list->count - 1);
    weft_map_report_destroy(ctx, report);
    weft_weights_destroy(mapped);
    weft_weights_destroy(file);
}
END_TEST

START_TEST(either_is_enough)
{
    weft_weights *less = make_file(&(fault){ .leave_out = 1 }), *more = make_file(&(fault){ .add = "else" });
    weft_weights *mapped = NULL;

    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, less, "mobilenetv2", WEFT_TORCH, NULL, NULL, &mapped),
                "1 missing (stem/conv2d/weight), 0 unknown");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, more, "mobilenetv2", WEFT_TORCH, NULL, NULL, &mapped),
                "0 missing, 1 unknown (else)");
    weft_weights_destroy(less);
    weft_weights_destroy(more);

    weft_weights *const counted = make_file(&(fault){ .add = "else", .counts = true });
    CHECK_OK(weft_weights_map(ctx, counted, "mobilenetv2", WEFT_TORCH, NULL, NULL, &mapped));
    weft_weights_destroy(mapped);
    weft_weights_destroy(counted);
}
END_TEST

START_TEST(misshapen_tensors_are_told)
{
    weft_weights *file = make_file(&(fault){ .misshape = 6 }), *mapped = NULL;

    for (int lenient = 0; lenient < 2; lenient++)
        CHECK_FAILS(WEFT_BAD_DATA,
                    weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, &(weft_map_opt){ .lenient = lenient }, NULL,
                                     &mapped),
                    "tensor 'features.1.conv.0.0.weight' has shape [33, 1, 3, 3], expected [32, 1, 3, 3] for "
                    "stage1.0/depthwise/conv2d/weight");
    weft_weights_destroy(file);
}
END_TEST

START_TEST(a_value_that_is_no_number_is_told)
{
    static const float values[] = { NAN, INFINITY, -INFINITY };
    weft_weights *mapped = NULL;
    for (int i = 0; i < 3; i++) {
        weft_weights *file = make_file(&(fault){ .leave_out = 1 });
        const weft_name_entry *first = &list->entries[0];
        const int64_t count = weft_shape_count(&first->origin_shape);
        float *data = calloc((size_t)count, sizeof *data);
        ck_assert_ptr_nonnull(data);
        data[5] = values[i];
        CHECK_OK(weft_weights_add(file, first->origin_name, WEFT_F32, &first->origin_shape, data));
        free(data);
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, NULL, NULL, &mapped),
                    i == 0 ? "'features.0.0.weight' has the value nan at element 5" : "inf at element 5");
        CHECK_OK(weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, &(weft_map_opt){ .lenient = true }, NULL,
                                  &mapped));
        weft_weights_destroy(mapped);
        mapped = NULL;
        weft_weights_destroy(file);
    }
}
END_TEST

START_TEST(another_network_is_recognised)
{
    weft_weights *file = make_file(&(fault){ 0 }), *mapped = NULL;

    for (int lenient = 0; lenient < 2; lenient++) {
        weft_map_report *report = NULL;

        CHECK_FAILS(WEFT_BAD_DATA,
                    weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, &(weft_map_opt){ .lenient = lenient }, &report,
                                     &mapped),
                    "the tensors fit mobilenetv2 (torch) better");
        ck_assert_str_eq(report->nearest, "mobilenetv2 (torch)");
        weft_map_report_destroy(ctx, report);
    }
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_map(ctx, file, "mobilenetv3", WEFT_TORCH, NULL, NULL, &mapped),
                "mobilenetv2");
    CHECK_FAILS(WEFT_NOT_FOUND,
                weft_weights_map(ctx, file, "lenet5", WEFT_PAPER, &(weft_map_opt){ .origin = WEFT_ORIGIN_TIMM }, NULL,
                                 &mapped),
                "timm has no network that is weft's lenet5");
    weft_weights_destroy(file);
}
END_TEST

START_TEST(classes_are_those_of_the_file)
{
    weft_weights *file = make_file(&(fault){ .classes = 7 }), *mapped = NULL;
    weft_weight w;

    CHECK_OK(weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, NULL, NULL, &mapped));
    ck_assert_str_eq(weft_weights_meta_find(mapped, "weft.classes"), "7");
    CHECK_OK(weft_weights_find(mapped, "head/dense/weight", &w));
    ck_assert_int_eq(w.shape.dim[0], 7);
    weft_weights_destroy(mapped);
    CHECK_FAILS(WEFT_BAD_DATA,
                weft_weights_map(ctx, file, "mobilenetv2", WEFT_TORCH, &(weft_map_opt){ .classes = 8 }, NULL, &mapped),
                "[7, 1280], expected [8, 1280]");
    weft_weights_destroy(file);
}
END_TEST

/* ---- identification ---- */

/* The tensors of a network as a framework names them, all zeros; classes of its own. */
static weft_weights *make_network(const char *name, weft_dialect dialect, weft_origin origin)
{
    weft_weights *file = NULL;
    weft_name_list *names = NULL;
    CHECK_OK(weft_weights_names(ctx, name, dialect, origin, &names));
    CHECK_OK(weft_weights_create(ctx, &file));
    for (int i = 0; i < names->count; i++) {
        const weft_name_entry *e = &names->entries[i];
        if (e->origin_name && e->part == 0)
            CHECK_OK(weft_weights_add(file, e->origin_name, WEFT_F32, &e->origin_shape, NULL));
    }
    weft_name_list_destroy(ctx, names);
    return file;
}

/* A name decides between networks that the tensors fit, and between no others. */
START_TEST(tensors_go_before_the_names_of_files)
{
    static const struct {
        const char *path, *how;
        const char *of; /* the file's tensors are this network's */
        weft_dialect of_dialect;
        weft_origin origin;
        weft_dialect dialect; /* that it is taken for */
    } names[] = {
        { "mobilenet_v2-b0353104.pth", "file name", "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_TORCH },
        { "resnet50-of-mine/mobilenetv2.safetensors", "file name", "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION,
          WEFT_TORCH },
        { "mobilenetv2/best.pth", "folder name", "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_TORCH },
        { "checkpoint.pth", "tensors", "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_TORCH },
        { "resnet50_vs_mobilenet.pth", "tensors", "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_TORCH },
        { "resnet34.pth", "tensors", "resnet18", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, WEFT_TORCH },
        { "resnet18.pth", "file name", "resnet18", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_TORCH },
        { "efficientnet_b0.safetensors", "file name", "efficientnet-b0", WEFT_TORCH, WEFT_ORIGIN_TIMM, WEFT_TORCH },
        { "tf_efficientnet_b0_aa-827b6e33.pth", "file name", "efficientnet-b0", WEFT_TORCH, WEFT_ORIGIN_TIMM,
          WEFT_KERAS },
        { "a/tf_efficientnet_b0.ns_jft_in1k/model.safetensors", "folder name", "efficientnet-b0", WEFT_TORCH,
          WEFT_ORIGIN_TIMM, WEFT_KERAS },
        { "EfficientNetB3.h5", "file name", "efficientnet-b3", WEFT_KERAS, WEFT_ORIGIN_KERAS, WEFT_KERAS },
        { "resnet50v2_weights_tf_dim_ordering_tf_kernels.h5", "file name", "resnet50v2", WEFT_KERAS, WEFT_ORIGIN_KERAS,
          WEFT_KERAS },
        { "inception_v3_google-0cc3c7bd.pth", "file name", "inception-v3", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION,
          WEFT_TORCH },
        { "resnext50_32x4d-7cdf4587.pth", "file name", "resnext50-32x4d", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION,
          WEFT_TORCH },
    };
    const weft_arch *arch = NULL;
    const char *how = NULL;
    weft_weights *file = make_network(names[_i].of, names[_i].of_dialect, names[_i].origin);
    CHECK_OK(weft_weights_identify(ctx, file, names[_i].path, NULL, WEFT_DIALECT_DEFAULT, &arch, &how));
    ck_assert_msg(strcmp(arch->name, names[_i].of) == 0 && arch->dialect == names[_i].dialect, "%s is %s (%s)",
                  names[_i].path, arch->name, weft_dialect_name(arch->dialect));
    ck_assert_msg(strcmp(how, names[_i].how) == 0, "%s: by %s", names[_i].path, how);
    weft_weights_destroy(file);
}
END_TEST

START_TEST(metadata_go_before_names_and_users_before_both)
{
    weft_weights *file = make_file(&(fault){ 0 });
    const weft_arch *arch = NULL;
    const char *how = NULL;

    CHECK_OK(weft_weights_set_meta(file, "weft.arch", "mobilenetv2"));
    CHECK_OK(weft_weights_set_meta(file, "weft.dialect", "keras"));
    CHECK_OK(weft_weights_identify(ctx, file, "resnet50.pth", NULL, WEFT_DIALECT_DEFAULT, &arch, &how));
    ck_assert_str_eq(arch->name, "mobilenetv2");
    ck_assert_int_eq(arch->dialect, WEFT_KERAS);
    ck_assert_str_eq(how, "metadata");
    CHECK_OK(weft_weights_identify(ctx, file, "resnet50.pth", "vgg16", WEFT_TORCH, &arch, &how));
    ck_assert_str_eq(arch->name, "vgg16");
    ck_assert_int_eq(arch->dialect, WEFT_TORCH);
    ck_assert_str_eq(how, "named");
    weft_weights_destroy(file);
}
END_TEST

START_TEST(what_cannot_be_identified_is_refused)
{
    weft_weights *file = NULL;
    const weft_arch *arch = NULL;

    CHECK_OK(weft_weights_create(ctx, &file));
    CHECK_OK(weft_weights_add(file, "a.weight", WEFT_F32, &(weft_shape){ 1, { 3 } }, NULL));
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_identify(ctx, file, "a.pth", NULL, WEFT_DIALECT_DEFAULT, &arch, NULL),
                "neither metadata nor tensors");
    CHECK_FAILS(WEFT_NOT_FOUND,
                weft_weights_identify(ctx, file, "mobilenet_v3_small.pth", NULL, WEFT_DIALECT_DEFAULT, &arch, NULL),
                "and they are not those of mobilenet, as a name says");
    CHECK_FAILS(WEFT_NOT_FOUND,
                weft_weights_identify(ctx, file, "a.pth", "resnet51", WEFT_DIALECT_DEFAULT, &arch, NULL), "resnet");
    weft_weights_destroy(file);
}
END_TEST

/* ---- models ---- */

static weft_model *make_model(void)
{
    weft_graph *graph = NULL;
    weft_model *model = NULL;

    CHECK_OK(weft_arch_build(ctx, "lenet5", NULL, &graph));
    CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
    weft_graph_destroy(graph);
    return model;
}

START_TEST(a_model_saved_and_loaded_is_the_same)
{
    weft_model *from = make_model(), *to = make_model();
    weft_weights *set = NULL, *again = NULL;

    CHECK_OK(weft_model_init(from, 3));
    CHECK_OK(weft_weights_create(ctx, &set));
    CHECK_OK(weft_weights_create(ctx, &again));
    CHECK_OK(weft_model_save(from, set));
    CHECK_OK(weft_model_load(to, set));
    CHECK_OK(weft_model_save(to, again));
    ck_assert_int_eq(weft_weights_count(again), weft_model_param_count(from));
    for (int64_t i = 0; i < weft_weights_count(set); i++) {
        weft_weight a, b;

        CHECK_OK(weft_weights_get(set, i, &a));
        CHECK_OK(weft_weights_get(again, i, &b));
        ck_assert_str_eq(a.name, b.name);
        ck_assert_mem_eq(a.data, b.data, (size_t)a.count * sizeof(float));
    }
    CHECK_OK(weft_weights_add(set, "more", WEFT_F32, &(weft_shape){ 1, { 1 } }, NULL));
    CHECK_FAILS(WEFT_BAD_DATA, weft_model_load(to, set), "tensor 'more' is no parameter");
    weft_weights_destroy(set);
    weft_weights_destroy(again);
    weft_model_destroy(from);
    weft_model_destroy(to);
}
END_TEST

START_TEST(a_model_refuses_what_does_not_fit)
{
    weft_model *model = make_model();
    weft_weights *set = NULL;
    weft_param_info param;

    CHECK_OK(weft_weights_create(ctx, &set));
    CHECK_OK(weft_model_param(model, 0, &param));
    CHECK_FAILS(WEFT_BAD_DATA, weft_model_load(model, set), param.name);
    CHECK_OK(weft_weights_add(set, param.name, WEFT_F32, &(weft_shape){ 1, { 2 } }, NULL));
    CHECK_FAILS(WEFT_BAD_DATA, weft_model_load(model, set), "has shape [2], expected [");
    weft_weights_destroy(set);
    weft_model_destroy(model);
}
END_TEST

/* ---- memory ---- */

/* Names, mapping and report of a network of our own. */
static weft_status everything(const weft_allocator *allocator, void *arg)
{
    weft_ctx *own = NULL;
    weft_weights *set = NULL, *mapped = NULL;
    weft_map_report *report = NULL;
    weft_name_list *names = NULL;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .allocator = *allocator }, &own);

    (void)arg;
    if (!status)
        status = weft_weights_names(own, "lenet5", WEFT_PAPER, WEFT_ORIGIN_WEFT, &names);
    if (!status)
        status = weft_weights_create(own, &set);
    for (int i = 0; !status && i < names->count; i++)
        status = weft_weights_add(set, names->entries[i].name, WEFT_F32, &names->entries[i].shape, NULL);
    const weft_arch *arch = NULL;
    if (!status)
        status = weft_weights_identify(own, set, "x", "lenet5", WEFT_DIALECT_DEFAULT, &arch, NULL);
    if (!status)
        status = weft_weights_map(own, set, "lenet5", WEFT_PAPER, NULL, &report, &mapped);
    weft_map_report_destroy(own, report);
    weft_name_list_destroy(own, names);
    weft_weights_destroy(mapped);
    weft_weights_destroy(set);
    weft_ctx_destroy(own);
    return status;
}

START_TEST(every_failed_allocation_is_an_error)
{
    ck_assert_int_gt(check_every_failure(everything, NULL), 10);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weights_map");
    TCase *mapping = tcase_create("mapping"), *identity = tcase_create("identity"), *model = tcase_create("model"),
          *memory = tcase_create("memory");

    tcase_add_checked_fixture(mapping, setup, teardown);
    tcase_add_loop_test(mapping, every_element_is_at_its_place, 0, 2);
    tcase_add_test(mapping, mapping_twice_changes_nothing);
    tcase_add_test(mapping, missing_and_unknown_tensors_are_told);
    tcase_add_test(mapping, either_is_enough);
    tcase_add_test(mapping, misshapen_tensors_are_told);
    tcase_add_test(mapping, a_value_that_is_no_number_is_told);
    tcase_add_test(mapping, another_network_is_recognised);
    tcase_add_test(mapping, classes_are_those_of_the_file);
    tcase_add_checked_fixture(identity, setup, teardown);
    tcase_add_loop_test(identity, tensors_go_before_the_names_of_files, 0, 14);
    tcase_add_test(identity, metadata_go_before_names_and_users_before_both);
    tcase_add_test(identity, what_cannot_be_identified_is_refused);
    tcase_add_checked_fixture(model, setup, teardown);
    tcase_add_test(model, a_model_saved_and_loaded_is_the_same);
    tcase_add_test(model, a_model_refuses_what_does_not_fit);
    tcase_add_test(memory, every_failed_allocation_is_an_error);
    suite_add_tcase(s, mapping);
    suite_add_tcase(s, identity);
    suite_add_tcase(s, model);
    suite_add_tcase(s, memory);
    return check_main(s, "weights_map");
}
