/* SPDX-License-Identifier: Apache-2.0
 *
 * What programs that load the library by hand ask it: its version and the sizes of its structs. (abi.sh asks for every
 * struct.) */
#include <weft/weft.h>

#include "check/harness.h"

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

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("structs");
    CHECK_CASE(suite, "structs", headers_and_library_agree);
    return check_main(suite, argv[0]);
}
