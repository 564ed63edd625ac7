/* SPDX-License-Identifier: Apache-2.0
 *
 * weft summary MODEL --dialect D --json, of every network that the registry knows, gives the registry's counts, a peak
 * of memory, and layers that add up to the totals. */
#include "check/harness.h"

#include <jansson.h>
#include <string.h>
#include <weft/arch.h>

static const char *program;

static json_t *summary(const weft_arch *arch)
{
    char command[512];
    json_error_t error;
    snprintf(command, sizeof command, "'%s' summary %s --dialect %s --json", program, arch->name,
             weft_dialect_name(arch->dialect));
    FILE *out = popen(command, "r");
    ck_assert_ptr_nonnull(out);
    json_t *root = json_loadf(out, JSON_REJECT_DUPLICATES, &error);
    const int code = pclose(out);
    ck_assert_msg(root != NULL, "%s: %s", command, error.text);
    ck_assert_msg(code == 0, "%s: status %d", command, code);
    return root;
}

static int64_t number(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    ck_assert_msg(json_is_integer(value), "%s is no whole number", key);
    return json_integer_value(value);
}

static int64_t sum(const json_t *layers, const char *key)
{
    int64_t total = 0;
    for (size_t i = 0; i < json_array_size(layers); i++)
        total += number(json_array_get(layers, i), key);
    return total;
}

START_TEST(counts_of_every_network)
{
    ck_assert_int_gt(weft_arch_count(), 0);
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        json_t *root = summary(arch);
        const json_t *input = json_object_get(root, "input"), *layers = json_object_get(root, "layers");
        ck_assert_str_eq(json_string_value(json_object_get(root, "model")), arch->name);
        ck_assert_str_eq(json_string_value(json_object_get(root, "dialect")), weft_dialect_name(arch->dialect));
        ck_assert_int_eq(number(root, "params"), arch->params);
        ck_assert_int_eq(number(root, "trainable"), arch->trainable);
        ck_assert_int_eq(number(root, "macs"), arch->macs);
        ck_assert_int_gt(number(root, "peak_bytes"), 0);
        ck_assert_int_eq(number(root, "total_bytes"),
                         number(root, "peak_bytes") + number(root, "packed_bytes") + number(root, "params_bytes"));
        ck_assert_int_eq((int64_t)json_array_size(input), 4);
        ck_assert_int_eq(json_integer_value(json_array_get(input, 0)), 1);
        ck_assert_int_eq(json_integer_value(json_array_get(input, 1)), arch->px);
        ck_assert_int_eq(json_integer_value(json_array_get(input, 3)), arch->channels);
        ck_assert_int_eq(sum(layers, "macs"), arch->macs);
        ck_assert_int_eq(sum(layers, "trainable"), arch->trainable);
        ck_assert_int_eq(sum(layers, "params"), arch->params);
        json_decref(root);
    }
}
END_TEST

int main(int argc, char **argv)
{
    program = argc > 1 ? argv[1] : "weft";
    Suite *suite = suite_create("cli counts");
    CHECK_CASE(suite, "counts", counts_of_every_network);
    return check_main(suite, argv[0]);
}
