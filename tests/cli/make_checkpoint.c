/* SPDX-License-Identifier: Apache-2.0
 *
 * make_checkpoint NETWORK DIALECT FILE.pth: writes what a training script of PyTorch's might have saved: weights under
 * state_dict, all zero, and others, as averages, under state_dict_ema. It is the format before PyTorch 1.6: five
 * pickles and the storages. All tensors of a dictionary begin at the beginning of one storage. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

static void put(FILE *out, const void *bytes, size_t size)
{
    if (fwrite(bytes, 1, size, out) != size)
        exit(1);
}
#define PUT(out, text) put(out, text, sizeof text - 1)

static void put_integer(FILE *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(out, &(unsigned char){ (unsigned char)(value >> 8 * i) }, 1);
}

static void put_text(FILE *out, const char *text)
{
    PUT(out, "X");
    put_integer(out, strlen(text), 4);
    put(out, text, strlen(text));
}

static void put_number(FILE *out, int64_t value)
{
    PUT(out, "J");
    put_integer(out, (uint64_t)value, 4);
}

/* _rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()) */
static void put_tensor(FILE *out, const weft_shape *shape, const char *storage, int64_t elements)
{
    PUT(out, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(out, "storage");
    PUT(out, "ctorch\nFloatStorage\n");
    put_text(out, storage);
    put_text(out, "cuda:0");
    put_number(out, elements);
    PUT(out, "NtQK\0(");
    for (int i = 0; i < shape->rank; i++)
        put_number(out, shape->dim[i]);
    PUT(out, "t(");
    for (int i = 0; i < shape->rank; i++) {
        int64_t stride = 1;
        for (int k = i + 1; k < shape->rank; k++)
            stride *= shape->dim[k];
        put_number(out, stride);
    }
    PUT(out, "t\x89" "ccollections\nOrderedDict\n)RtR");
}

static void put_dictionary(FILE *out, const weft_name_list *names, const char *storage, int64_t elements)
{
    PUT(out, "}(");
    for (int i = 0; i < names->count; i++) {
        put_text(out, names->entries[i].name);
        put_tensor(out, &names->entries[i].shape, storage, elements);
    }
    PUT(out, "u");
}

static void put_storage(FILE *out, int64_t elements, float step)
{
    put_integer(out, (uint64_t)elements, 8);
    for (int64_t i = 0; i < elements; i++) {
        const float value = step * (float)(i % 7 - 3);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        put_integer(out, bits, 4);
    }
}

static void write_checkpoint(FILE *out, const weft_name_list *names)
{
    int64_t most = 1;
    for (int i = 0; i < names->count; i++) {
        const int64_t count = weft_shape_count(&names->entries[i].shape);
        most = count > most ? count : most;
    }
    PUT(out, "\x80\2\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x19."); /* the magic number */
    PUT(out, "\x80\2M\xe9\3.");                            /* version 1001 */
    PUT(out, "\x80\2}X\r\0\0\0little_endian\x88s.");
    PUT(out, "\x80\2}(");
    put_text(out, "state_dict");
    put_dictionary(out, names, "0", most);
    put_text(out, "state_dict_ema");
    put_dictionary(out, names, "1", most);
    PUT(out, "u.\x80\2](");
    put_text(out, "0");
    put_text(out, "1");
    PUT(out, "e.");
    put_storage(out, most, 0);
    put_storage(out, most, .0625f);
}

int main(int argc, char **argv)
{
    weft_ctx *ctx = NULL;
    weft_name_list *names = NULL;
    if (argc != 4)
        return 2;
    weft_status status = weft_ctx_create(NULL, &ctx);
    if (!status)
        status = weft_weights_names(ctx, argv[1], weft_dialect_parse(argv[2]), WEFT_ORIGIN_WEFT, &names);
    if (status)
        fprintf(stderr, "make_checkpoint: %s\n", weft_error());
    FILE *out = status ? NULL : fopen(argv[3], "wb");
    if (out)
        write_checkpoint(out, names);
    const bool written = out && fclose(out) == 0;
    weft_name_list_destroy(ctx, names);
    weft_ctx_destroy(ctx);
    return written ? 0 : 1;
}
