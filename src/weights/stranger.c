/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are no weight files, by their first bytes. */
#include "weights/stranger.h"

#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"

#define NETWORK "; weft reads the weights of a network, not the network: those that it was exported from"
#define PICKLE                                                                                                         \
    "a bare pickle; weft reads what torch.save writes of tensors and, of NumPy arrays, what "                          \
    "numpy.savez(\"x.npz\", **arrays) does"

static const struct {
    const char *magic;
    size_t length, at;
    const char *what;
} strangers[] = {
    { "TFL3", 4, 4, "a TensorFlow Lite model" NETWORK },
    { "ET1", 3, 4, "an ExecuTorch program" NETWORK },
    { "ftrt", 4, 0, "a TensorRT engine" NETWORK },
    { "ptrt", 4, 0, "a TensorRT engine" NETWORK },
    { "7767517\n", 8, 0, "an ncnn network" NETWORK },
    { "\x12\x01\0\0\0\0\0\0", 8, 0, "a file of MXNet's parameters, which weft does not read" },
    { "MATLAB 5", 8, 0, "a MATLAB file; weft reads safetensors, PyTorch, Keras and NumPy files" },
    { "GGUF", 4, 0, "a GGUF file; weft reads safetensors, PyTorch, Keras and NumPy files" },
    { "\x08\x01\x12", 3, 0,
      "a TensorFlow SavedModel's saved_model.pb; save the weights by model.save_weights(\"x."
      "weights.h5\")" },
    { "\x80", 1, 0, PICKLE },
    { "(dp", 3, 0, PICKLE }, /* of protocol 0 */
    { "ccopy_reg\n", 10, 0, PICKLE },
    { "ccollections\n", 13, 0, PICKLE },
    { "\x93NUMPY", 6, 0,
      "a single NumPy array, or a pickled dictionary of them; save arrays by numpy.savez(\"x.npz\", **arrays)" },
    { "\x1f\x8b", 2, 0, "compressed by gzip; unpack it first" },
    { "BZh", 3, 0, "compressed by bzip2; unpack it first" },
    { "\xfd"
      "7zXZ",
      5, 0, "compressed by xz; unpack it first" },
    { "(\xb5/\xfd", 4, 0, "compressed by zstd; unpack it first" },
    { "7z\xbc\xaf", 4, 0, "a 7z archive; unpack it first" },
    { "Rar!", 4, 0, "a RAR archive; unpack it first" },
    { "ustar", 5, 257,
      "a tar archive, perhaps PyTorch's first format, which is not read; unpack it, or save the weights "
      "again by torch.save of PyTorch 1.6 or later" },
    { "\xff\xd8\xff", 3, 0, "a JPEG image" },
    { "\x89PNG", 4, 0, "a PNG image" },
    { "version https://git-lfs", 16, 0, "a Git LFS pointer; fetch the file it stands for" },
    { "<!DOCTYPE", 9, 0, "an HTML page" },
    { "<!doctype", 9, 0, "an HTML page" },
    { "<html", 5, 0, "an HTML page" },
    { "<?xml", 5, 0, "an XML file" },
    { "{", 1, 0, "a JSON file, which describes weights at most" },
};

/* A protocol buffer that begins with field 1, the version of the format as a small number, and goes on with a field of
 * bytes: the producer's name, its version, the domain, a text, the graph. */
static const char *onnx(const uint8_t *head, size_t size)
{
    const bool fits = size > 3 && head[0] == 0x08 && head[1] >= 1 && head[1] <= 32 && head[2] != 0 &&
                      memchr("\x12\x1a\x22\x32\x3a\x42", head[2], 6) != NULL;
    return fits ? "an ONNX model" NETWORK : NULL;
}

const char *weft_stranger(const uint8_t *head, size_t size)
{
    for (int i = 0; i < WEFT_COUNT(strangers); i++) {
        if (size >= strangers[i].at + strangers[i].length &&
            memcmp(head + strangers[i].at, strangers[i].magic, strangers[i].length) == 0)
            return strangers[i].what;
    }
    return onnx(head, size);
}
