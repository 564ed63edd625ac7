/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks by name: look-up, aliases, dialects, the nearest name, and what a request that cannot be met is told. */
#include "check/harness.h"

#include <string.h>
#include <weft/weft.h>

static weft_ctx *ctx;

static void open_context(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void close_context(void)
{
    weft_ctx_destroy(ctx);
    ctx = NULL;
}

START_TEST(rows_are_found_by_name_and_alias)
{
    const weft_arch *arch = weft_arch_get(_i);

    ck_assert_ptr_eq(weft_arch_find(arch->name, arch->dialect), arch);
    ck_assert_ptr_eq(weft_arch_find(arch->alias, arch->dialect), arch);
    ck_assert_str_eq(weft_arch_nearest(arch->name), arch->name);
    ck_assert_str_eq(weft_arch_nearest(arch->alias), arch->name);
    ck_assert_ptr_nonnull(weft_arch_find(arch->name, WEFT_DIALECT_DEFAULT));
    ck_assert(weft_arch_find(arch->name, WEFT_DIALECT_DEFAULT)->is_default);
    ck_assert_ptr_nonnull(strchr(arch->paper, ' '));
}
END_TEST

/* One default dialect per name, and no two rows for one name and dialect. */
START_TEST(rows_are_unique)
{
    const weft_arch *arch = weft_arch_get(_i);
    int defaults = 0;

    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *other = weft_arch_get(i);

        if (strcmp(arch->name, other->name) != 0)
            continue;
        defaults += other->is_default;
        ck_assert(other == arch || other->dialect != arch->dialect);
    }
    ck_assert_int_eq(defaults, 1);
}
END_TEST

static const struct {
    const char *asked;
    weft_dialect dialect;
    const char *name; /* NULL: there is none */
    weft_dialect found;
} lookups[] = {
    { "EfficientNet_B0", WEFT_DIALECT_DEFAULT, "efficientnet-b0", WEFT_KERAS },
    { "efficientnetb7", WEFT_KERAS, "efficientnet-b7", WEFT_KERAS },
    { "RESNET50", WEFT_DIALECT_DEFAULT, "resnet50", WEFT_TORCH },
    { "ResNet-50", WEFT_KERAS, "resnet50", WEFT_KERAS },
    { "mobilenet_v2", WEFT_DIALECT_DEFAULT, "mobilenetv2", WEFT_KERAS },
    { "inception_v3", WEFT_DIALECT_DEFAULT, "inception-v3", WEFT_KERAS },
    { "LeNet-5", WEFT_DIALECT_DEFAULT, "lenet5", WEFT_PAPER },
    { "vgg16", WEFT_DIALECT_DEFAULT, "vgg16", WEFT_KERAS },
    { "vgg", WEFT_DIALECT_DEFAULT, NULL, WEFT_DIALECT_DEFAULT },
    { "resnet50v", WEFT_DIALECT_DEFAULT, NULL, WEFT_DIALECT_DEFAULT },
    { "resnet5", WEFT_DIALECT_DEFAULT, NULL, WEFT_DIALECT_DEFAULT },
    { "resnet50v2", WEFT_TORCH, NULL, WEFT_DIALECT_DEFAULT },
    { "resnet50", WEFT_DIALECT_COUNT, NULL, WEFT_DIALECT_DEFAULT },
    { "", WEFT_DIALECT_DEFAULT, NULL, WEFT_DIALECT_DEFAULT },
    { "-", WEFT_DIALECT_DEFAULT, NULL, WEFT_DIALECT_DEFAULT },
    { NULL, WEFT_DIALECT_DEFAULT, NULL, WEFT_DIALECT_DEFAULT },
};

START_TEST(lookup_is_tolerant)
{
    const weft_arch *arch = weft_arch_find(lookups[_i].asked, lookups[_i].dialect);

    if (!lookups[_i].name) {
        ck_assert_ptr_null(arch);
        return;
    }
    ck_assert_ptr_nonnull(arch);
    ck_assert_str_eq(arch->name, lookups[_i].name);
    ck_assert_int_eq(arch->dialect, lookups[_i].found);
}
END_TEST

static const struct {
    const char *typed, *meant;
} typos[] = {
    { "resnet5", "resnet50" },
    { "rsenet101", "resnet101" },
    { "eficientnet-b3", "efficientnet-b3" },
    { "mobilnetv2", "mobilenetv2" },
    { "InceptoinV3", "inception-v3" },
    { "nasnetmobil", "nasnet-mobile" },
    { "alexnett", "alexnet" },
    { "VGG-61", "vgg16" },
    { "ReseNet152-V2", "resnet152v2" },
    { "incepton_resnet_v2", "inception-resnet-v2" },
    { "wide_resnet50_2", "resnet50" },
    { "vgg16_bn", "vgg16" },
    { "resnetblur18", "resnet18" },
    { "denset121", "densenet121" },
    { "tf_efficientnet_b0_ns", "efficientnet-b0" },
};

START_TEST(the_nearest_name_is_meant)
{
    ck_assert_str_eq(weft_arch_nearest(typos[_i].typed), typos[_i].meant);
}
END_TEST

/* A file's address ends in its name, digests have the form that is promised, recipes' words are understood. */
START_TEST(published_files_are_whole)
{
    const weft_arch *arch = weft_arch_get(_i);
    const weft_arch_file *f;
    for (int i = 0; (f = weft_arch_file_get(arch, i)) != NULL; i++) {
        const size_t address = strlen(f->address), file = strlen(f->file);
        ck_assert_str_eq(f->address + address - file, f->file);
        ck_assert_int_eq(strncmp(f->address, "https://", 8), 0);
        const size_t digits = !f->digest ? 0 : strncmp(f->digest, "md5:", 4) == 0 ? 32 : 8;
        if (f->digest) {
            const char *const from = strchr(f->digest, ':') + 1;
            ck_assert_uint_eq(strlen(from), digits);
            ck_assert_uint_eq(strspn(from, "0123456789abcdef"), digits);
        }
        if (digits == 8 && strstr(f->address, "pytorch.org"))
            ck_assert_ptr_nonnull(strstr(f->file, f->digest + strlen("sha256:")));
        weft_recipe recipe = weft_arch_recipe(arch, 0);
        const weft_recipe plain = recipe;
        if (f->recipe) {
            CHECK_OK(weft_recipe_change(f->recipe, &recipe));
            ck_assert(recipe.side != plain.side || recipe.resample != plain.resample);
        }
    }
    ck_assert_ptr_null(weft_arch_file_get(NULL, 0));
}
END_TEST

START_TEST(the_nearest_name_of_anything_exists)
{
    char lengthy[1000];

    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    ck_assert_ptr_nonnull(weft_arch_find(weft_arch_nearest(lengthy), WEFT_DIALECT_DEFAULT));
    ck_assert_ptr_nonnull(weft_arch_find(weft_arch_nearest(""), WEFT_DIALECT_DEFAULT));
    ck_assert_ptr_nonnull(weft_arch_find(weft_arch_nearest(NULL), WEFT_DIALECT_DEFAULT));
}
END_TEST

START_TEST(dialects_have_names)
{
    for (int d = 0; d < WEFT_DIALECT_COUNT; d++)
        ck_assert_int_eq(weft_dialect_parse(weft_dialect_name((weft_dialect)d)), d);
    ck_assert_int_eq(weft_dialect_parse("Keras"), WEFT_KERAS);
    ck_assert_int_eq(weft_dialect_parse("caffe"), WEFT_DIALECT_COUNT);
    ck_assert_int_eq(weft_dialect_parse(""), WEFT_DIALECT_COUNT);
    ck_assert_int_eq(weft_dialect_parse(NULL), WEFT_DIALECT_COUNT);
    ck_assert_ptr_nonnull(weft_dialect_name(WEFT_DIALECT_COUNT));
}
END_TEST

START_TEST(rows_end)
{
    ck_assert_ptr_null(weft_arch_get(-1));
    ck_assert_ptr_null(weft_arch_get(weft_arch_count()));
}
END_TEST

static const struct {
    const char *name;
    weft_arch_opt opt;
    weft_status status;
    const char *sentence;
} refusals[] = {
    { "resnet5", { 0 }, WEFT_NOT_FOUND, "unknown network 'resnet5': did you mean resnet50? `weft models` lists all" },
    { "resnet50v2", { .dialect = WEFT_TORCH }, WEFT_NOT_FOUND, "resnet50v2 has no torch dialect; it has keras" },
    { "VGG16", { .dialect = WEFT_PAPER }, WEFT_NOT_FOUND, "has no paper dialect; it has keras, torch" },
    { "resnet50", { .dialect = (weft_dialect)9 }, WEFT_INVALID, "9 is no dialect" },
    { NULL, { 0 }, WEFT_INVALID, "no network named" },
    { "", { 0 }, WEFT_INVALID, "no network named" },
    { "vgg16",
      { .px = 31 },
      WEFT_INVALID,
      "vgg16: images of 31 x 31 pixels were asked for, expected at least 32 x 32" },
    { "inception-v3", { .px = 74 }, WEFT_INVALID, "expected at least 75 x 75" },
    { "resnet50", { .px = -224 }, WEFT_INVALID, "images of -224 x -224 pixels" },
    { "resnet50", { .batch = -1 }, WEFT_INVALID, "resnet50: a batch of -1 images" },
    { "resnet50", { .classes = -1 }, WEFT_INVALID, "resnet50: -1 classes" },
    { "resnet50", { .batch = INT64_MAX / 2 }, WEFT_INVALID, "" },
    { "resnet50", { .px = INT32_MAX }, WEFT_INVALID, "" },
};

START_TEST(impossible_requests_are_refused)
{
    weft_graph *g = NULL;

    CHECK_FAILS(refusals[_i].status, weft_arch_build(ctx, refusals[_i].name, &refusals[_i].opt, &g),
                refusals[_i].sentence);
    ck_assert_str_ne(weft_error(), "");
    ck_assert_ptr_null(g);
}
END_TEST

START_TEST(a_context_is_needed)
{
    weft_graph *g = NULL;

    CHECK_FAILS(WEFT_INVALID, weft_arch_build(NULL, "lenet5", NULL, &g), "");
    CHECK_FAILS(WEFT_INVALID, weft_arch_build(ctx, "lenet5", NULL, NULL), "");
    ck_assert_ptr_null(g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("arch_names");
    TCase *rows = tcase_create("rows"), *names = tcase_create("names"), *errors = tcase_create("refusals");

    tcase_add_loop_test(rows, rows_are_found_by_name_and_alias, 0, weft_arch_count());
    tcase_add_loop_test(rows, rows_are_unique, 0, weft_arch_count());
    tcase_add_test(rows, rows_end);
    suite_add_tcase(s, rows);

    tcase_add_loop_test(names, lookup_is_tolerant, 0, (int)(sizeof lookups / sizeof *lookups));
    tcase_add_loop_test(names, the_nearest_name_is_meant, 0, (int)(sizeof typos / sizeof *typos));
    tcase_add_test(names, the_nearest_name_of_anything_exists);
    tcase_add_loop_test(names, published_files_are_whole, 0, weft_arch_count());
    tcase_add_test(names, dialects_have_names);
    suite_add_tcase(s, names);

    tcase_add_checked_fixture(errors, open_context, close_context);
    tcase_add_loop_test(errors, impossible_requests_are_refused, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(errors, a_context_is_needed);
    suite_add_tcase(s, errors);
    return s;
}

int main(void)
{
    return check_main(suite(), "arch_names");
}
