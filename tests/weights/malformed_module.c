/* SPDX-License-Identifier: Apache-2.0
 *
 * Pickled modules made to cost more than their bytes: what a pickle has once it may name again and again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "check/harness.h"
#include "weights/malformed.h"

enum { MANY = 60000, ROOM = 4 << 20, MOST = 128 << 20 /* of memory */ };

static char *pickle;
static size_t used;
static int noted; /* values in the memo */

static void put(const char *bytes, size_t size)
{
    ck_assert_uint_le(used + size, ROOM);
    memcpy(pickle + used, bytes, size);
    used += size;
}
#define PUT(text) put(text, sizeof text - 1)

static void put_text(const char *format, ...) WEFT_PRINTF(1, 2);
static void put_text(const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put("X", 1);
    put((const char[]){ (char)length, 0, 0, 0 }, 4);
    put(text, (size_t)length);
}

static void put_number(const char *op, int value)
{
    put(op, 1);
    put((const char[]){ (char)value, (char)(value >> 8), (char)(value >> 16), 0 }, 4);
}

static int note(void)
{
    put_number("r", noted);
    return noted++;
}

static void recall(int index)
{
    put_number("j", index);
}

static void begin(void)
{
    used = 0;
    noted = 0;
    PUT("\x80\x02" "ctorch.nn.modules.container\nSequential\n");
    note(); /* 0: the class */
    PUT("0");
}

static void begin_module(void)
{
    recall(0);
    PUT(")\x81");
}

static void put_tensor(void)
{
    PUT("ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK\2tQ"
        "K\0K\2\x85K\1\x85\x89" "ccollections\nOrderedDict\n)RtR");
}

static void put_nothing(int count)
{
    PUT("}(");
    for (int i = 0; i < count; i++)
        PUT("K\1N");
    PUT("u");
}

/* The parameters of a module: `tensors` names of one tensor. */
static void put_parameters(int tensors)
{
    int one = 0;
    put_text("_parameters");
    PUT("}(");
    for (int i = 0; i < tensors; i++) {
        put_text("t%d", i);
        if (i == 0) {
            put_tensor();
            one = note();
        } else {
            recall(one);
        }
    }
    PUT("u");
}

/* The modules of a module: one, `times`. */
static void put_modules(int module, int times)
{
    put_text("_modules");
    PUT("}(");
    for (int i = 0; i < times; i++) {
        put_text("m%d", i);
        recall(module);
    }
    PUT("u");
}

/* The module that is read: it names another, `times`. */
static void put_root(int module, int times)
{
    begin_module();
    PUT("}(");
    put_parameters(1);
    put_modules(module, times);
    PUT("ub");
}

static void check(const char *what, const char *part)
{
    static const float floats[2] = { 1, 2 };
    size_t size;
    PUT(".");
    const archive_entry entries[] = { { "m/data.pkl", pickle, used, false }, { "m/data/0", floats, 8, false } };
    uint8_t *const file = archive_make(entries, 2, &size);
    malformed_refused(what, file, size, WEFT_PTH, WEFT_BAD_DATA, part, MOST);
    free(file);
}

static void setup(void)
{
    pickle = malloc(ROOM);
    ck_assert_ptr_nonnull(pickle);
}

static void teardown(void)
{
    free(pickle);
}

/* An object of many attributes, which behind them has what makes it a module, or not. */
START_TEST(many_attributes_of_one_object)
{
    begin();
    begin_module();
    PUT("}(");
    for (int i = 0; i < MANY; i++)
        PUT("K\1N");
    if (_i) {
        put_text("_modules");
        PUT("}");
    }
    PUT("ub");
    const int object = note();
    PUT("0");
    put_root(object, MANY);
    check("attributes", "is no module");
}
END_TEST

START_TEST(many_objects_of_the_same_attributes)
{
    begin();
    put_nothing(MANY);
    const int state = note();
    PUT("0](");
    for (int i = 0; i < MANY; i++) {
        begin_module();
        recall(state);
        PUT("b");
    }
    PUT("e");
    check("objects", "the file holds a list");
}
END_TEST

START_TEST(many_entries_of_one_module)
{
    begin();
    begin_module();
    PUT("}(");
    put_text("_buffers");
    put_nothing(MANY);
    put_text("_modules");
    PUT("}ub");
    const int module = note();
    PUT("0");
    put_root(module, MANY);
    check("entries", "its modules name others again and again");
}
END_TEST

START_TEST(one_tensor_under_many_names)
{
    begin();
    begin_module();
    PUT("}(");
    put_parameters(1000);
    put_text("_modules");
    PUT("}ub");
    const int module = note();
    PUT("0");
    put_root(module, 1000);
    check("names", "its modules name others again and again");
}
END_TEST

/* Each module has the one before twice. */
START_TEST(modules_that_double)
{
    int module = 0;
    begin();
    for (int i = 0; i < 30; i++) {
        begin_module();
        PUT("}(");
        put_modules(module, i ? 2 : 0);
        PUT("ub");
        module = note();
        PUT("0");
    }
    put_root(module, 1);
    check("doubling", "its modules name others again and again");
}
END_TEST

START_TEST(modules_in_themselves)
{
    begin();
    begin_module();
    const int module = note();
    PUT("}(");
    put_parameters(1);
    put_modules(module, 1);
    PUT("ub");
    check("itself", "modules are nested more than 32 deep");
}
END_TEST

START_TEST(modules_in_modules)
{
    int module = 0;
    begin();
    for (int i = 0; i < 20000; i++) {
        begin_module();
        PUT("}(");
        put_modules(module, i ? 1 : 0);
        PUT("ub");
        module = note();
        PUT("0");
    }
    put_root(module, 1);
    check("chain", "modules are nested more than 32 deep");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_malformed_module");
    TCase *cases = tcase_create("module");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, many_attributes_of_one_object, 0, 2);
    tcase_add_test(cases, many_objects_of_the_same_attributes);
    tcase_add_test(cases, many_entries_of_one_module);
    tcase_add_test(cases, one_tensor_under_many_names);
    tcase_add_test(cases, modules_that_double);
    tcase_add_test(cases, modules_in_themselves);
    tcase_add_test(cases, modules_in_modules);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
