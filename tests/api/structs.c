/* SPDX-License-Identifier: Apache-2.0
 *
 * The promise on binaries: within 0.MINOR (later: within a major version) no public struct changes its size. Sizes of a
 * line of versions that has been released stand in abi-MAJOR.MINOR.txt, "struct size" a line, which are compared here;
 * with no such file there is no release to be true to. structs --write prints that file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "check/harness.h"

static const char *promised; /* path of the file */

START_TEST(headers_and_library_agree)
{
    ck_assert(WEFT_SAME_STRUCT(weft_ctx_opt));
    ck_assert(WEFT_SAME_STRUCT(weft_classifier_opt));
    ck_assert(WEFT_SAME_STRUCT(weft_conv2d_opt));
    ck_assert(WEFT_SAME_STRUCT(weft_shape));
    ck_assert_int_eq(weft_version_number(), WEFT_VERSION_NUMBER);
    ck_assert_uint_eq(weft_struct_size("weft_ctx"), 0); /* opaque */
    ck_assert_uint_eq(weft_struct_size(NULL), 0);
    ck_assert_ptr_null(weft_struct_name(-1));
}
END_TEST

/* How many structs have another size than the text says, or are gone. */
static int changes(FILE *text)
{
    char line[256], name[128];
    size_t size;
    int count = 0;
    while (fgets(line, sizeof line, text)) {
        if (line[0] == '#' || sscanf(line, "%127s %zu", name, &size) != 2)
            continue;
        if (weft_struct_size(name) != size) {
            fprintf(stderr, "%s has %zu bytes, released with %zu\n", name, weft_struct_size(name), size);
            count++;
        }
    }
    return count;
}

START_TEST(changes_are_found)
{
    FILE *text = tmpfile();
    ck_assert_ptr_nonnull(text);
    fprintf(text, "# a line\nweft_shape %zu\nweft_ctx_opt 3\nweft_gone 8\n", sizeof(weft_shape));
    rewind(text);
    ck_assert_int_eq(changes(text), 2);
    fclose(text);
}
END_TEST

START_TEST(released_structs_stay_as_they_are)
{
    FILE *text = promised ? fopen(promised, "r") : NULL;
    if (!text)
        return;
    ck_assert_msg(changes(text) == 0, "programs built with an earlier release of this line would break: raise the "
                                      "minor version (the major one from 1.0 on), or undo it");
    fclose(text);
}
END_TEST

static int write_sizes(void)
{
    const char *name;
    printf("# Sizes of the public structs of weft %d.%d, 64-bit\n", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR);
    for (int i = 0; (name = weft_struct_name(i)) != NULL; i++)
        printf("%s %zu\n", name, weft_struct_size(name));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--write") == 0)
        return write_sizes();
    promised = argc > 1 ? argv[1] : NULL;
    Suite *suite = suite_create("structs");
    CHECK_CASE(suite, "structs", headers_and_library_agree, changes_are_found, released_structs_stay_as_they_are);
    return check_main(suite, argv[0]);
}
