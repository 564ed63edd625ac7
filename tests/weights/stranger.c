/* SPDX-License-Identifier: Apache-2.0
 *
 * What is no weight file is called by its name, as BAD_DATA. */
#include <string.h>

#include "check/harness.h"
#include "weights/common.h"

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *bytes;
    size_t size;
    const char *part;
} strangers[] = {
    { BYTES("\x08\x08\x12\x07pytorch\x1a\x05"
            "2.1.0"),
      "an ONNX model" },
    { BYTES("\x08\x07:\x10graph"), "an ONNX model" },
    { BYTES("\x1c\0\0\0TFL3\0\0"), "a TensorFlow Lite model" },
    { BYTES("\x08\x01\x12\xaa\x01\n"), "a TensorFlow SavedModel's saved_model.pb" },
    { BYTES("GGUF\3\0\0\0"), "a GGUF file" },
    { BYTES("\x80\x04\x95\x0a\0\0\0\0\0\0\0}."), "a bare pickle" },
    { BYTES("(dp0\nS'fc.weight'\n"), "a bare pickle" },
    { BYTES("ccopy_reg\n_reconstructor\n"), "a bare pickle" },
    { BYTES("ccollections\nOrderedDict\n"), "of NumPy arrays, what numpy.savez" },
    { BYTES("\x93NUMPY\1\0"), "or a pickled dictionary of them; save arrays by numpy.savez" },
    { BYTES("\x1f\x8b\x08\0"), "compressed by gzip" },
    { BYTES("<!doctype html>"), "an HTML page" },
    { BYTES("{\"architecture\": \"resnet18\"}"), "a JSON file" },
    { BYTES("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer" },
    { BYTES("\x20\0\0\0ET12\0\0\0\0\0\0\0\0"), "an ExecuTorch program; weft reads the weights" },
    { BYTES("ftrt\0\0\0\0\0\0\0\0\0\0\0\0"), "a TensorRT engine" },
    { BYTES("7767517\n75 83\nInput data"), "an ncnn network" },
    { BYTES("\x12\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "MXNet's parameters" },
    { BYTES("MATLAB 5.0 MAT-file, Platform: GLNXA64"), "a MATLAB file" },
    { BYTES("nothing known"), "the file begins with 6e 6f 74 68 69 6e 67 20 6b 6e 6f 77 6e; a header" },
    { BYTES("a text that is longer than sixteen bytes"),
      "begins with 61 20 74 65 78 74 20 74 68 61 74 20 69 73 20 6c; a" },
    { BYTES(""), "the file is empty" },
};

START_TEST(strangers_are_called_by_name)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    CHECK_FAILS(WEFT_BAD_DATA, weights_parse(&ctx, strangers[_i].bytes, strangers[_i].size, WEFT_FORMAT_AUTO, &set),
                strangers[_i].part);
    ck_assert_ptr_null(set);
}
END_TEST

/* tar's mark stands in the middle of its first block. */
START_TEST(tar_archives_are_known)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    char block[512] = "sys_info";
    memcpy(block + 257, "ustar", 6);
    CHECK_FAILS(WEFT_BAD_DATA, weights_parse(&ctx, block, sizeof block, WEFT_FORMAT_AUTO, &set), "a tar archive");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_stranger");
    TCase *tcase = tcase_create("strangers");
    tcase_add_loop_test(tcase, strangers_are_called_by_name, 0, WEFT_COUNT(strangers));
    tcase_add_test(tcase, tar_archives_are_known);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
