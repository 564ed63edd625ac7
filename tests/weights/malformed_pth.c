/* SPDX-License-Identifier: Apache-2.0
 *
 * Pickles and PyTorch archives made wrong by hand. */
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "weights/malformed.h"

enum { OPS = 1000000 };

/* Pieces of pickles. A text of one, four and seven bytes; storage "0" of FloatStorage with n elements; a tensor. */
#define P "\x80\x02"
#define TEXT1(c) "X\1\0\0\0" c
#define STORAGE(type, n) "(X\7\0\0\0storagectorch\n" type "\n" TEXT1("0") "X\3\0\0\0cpu" n "tQ"
#define FLOATS STORAGE("FloatStorage", "K\2")
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define HOOKS "\x89" "ccollections\nOrderedDict\n)R"
#define TENSOR(storage, offset, size, stride) REBUILD "(" storage offset size stride HOOKS "tR"
#define NAMED(tensor) P "}" TEXT1("a") tensor "s."
#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *pickle;
    size_t size;
    const char *part;
    weft_status status;
} rows[] = {
    { BYTES(""), "a pickle was expected", WEFT_BAD_DATA },
    { BYTES("}."), "a pickle was expected", WEFT_BAD_DATA },
    { BYTES("\x80\x01}."), "is of protocol 1; 2 to 5", WEFT_BAD_DATA },
    { BYTES("\x80\x06}."), "is of protocol 6; 2 to 5", WEFT_BAD_DATA },
    { BYTES(P), "ends here without the opcode for its end", WEFT_BAD_DATA },
    { BYTES(P "}"), "ends here without the opcode for its end", WEFT_BAD_DATA },
    { BYTES(P "."), "exactly one value should be on the stack", WEFT_BAD_DATA },
    { BYTES(P "}}."), "exactly one value should be on the stack", WEFT_BAD_DATA },
    { BYTES(P "(."), "exactly one value should be on the stack", WEFT_BAD_DATA },
    { BYTES(P "}.}"), "its entry has more bytes", WEFT_BAD_DATA },
    { BYTES(P "N."), "the file holds None", WEFT_BAD_DATA },
    { BYTES(P "]."), "the file holds a list", WEFT_BAD_DATA },
    { BYTES(P "}" TEXT1("a") "K\1s."), "a dictionary without tensors", WEFT_BAD_DATA },
    { BYTES(P "i"), "opcode 69: weft does not read this opcode", WEFT_BAD_DATA },
    { BYTES(P "\x97."), "opcode 97: weft does not read", WEFT_BAD_DATA },
    { BYTES(P "cos\nsystem\n(X\2\0\0\0lstR."), "an object, os.system, in which weft finds no tensors", WEFT_BAD_DATA },
    { BYTES(P "cbuiltins\neval\n(X\1\0\0\0xtR."), "an object, builtins.eval", WEFT_BAD_DATA },
    { BYTES(P "ctorch.nn.modules.linear\nLinear\n)\x81."), "torch.nn.modules.linear.Linear", WEFT_BAD_DATA },
    { BYTES("\x80\4\x8c\2os\x8c\6system\x93."), "the file holds a global", WEFT_BAD_DATA },
    { BYTES("\x80\4\x8c\2os\x93."), "there is no value on the stack", WEFT_BAD_DATA },
    { BYTES("\x80\4K\1\x8c\1a\x93."), "a string was expected on the stack; found an integer", WEFT_BAD_DATA },
    { BYTES("\x80\4\x8c\2o\x07\x8c\1a\x93."), "too long or not printable", WEFT_BAD_DATA },
    { BYTES("\x80\4\x95\x09\0\0\0\0\0\0\0}."), "a frame is longer than the pickle", WEFT_BAD_DATA },
    { BYTES("\x80\4\x95\1\0\0\0"), "ends within its argument", WEFT_BAD_DATA },
    { BYTES("\x80\4\x94."), "no value on the stack to remember", WEFT_BAD_DATA },
    { BYTES("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "ends within its argument", WEFT_BAD_DATA },
    { BYTES("\x80\4\x8e\xff\xff\xff\xff\xff\xff\xff\xff."), "ends within its argument", WEFT_BAD_DATA },
    { BYTES("\x80\4\x91."), "there is no mark on the stack", WEFT_BAD_DATA },
    { BYTES("\x80\4K\1\x90."), "there is no mark on the stack", WEFT_BAD_DATA },
    { BYTES("\x80\4cos\nsystem\n)K\1\x92."), "a dictionary was expected on the stack; found an integer",
      WEFT_BAD_DATA },
    { BYTES(NAMED("cx\ny\n(" TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85") "tR")),
      "tensor \"a\" is made by x.y, which weft does not know and never runs", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(STORAGE("StrangeStorage", "K\2"), "K\0", "K\2\x85", "K\1\x85"))),
      "tensor \"a\" is made by torch.StrangeStorage", WEFT_BAD_DATA },
    { BYTES(P "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nN)NtR."),
      "is made of itself", WEFT_BAD_DATA },
    { BYTES(P "ctorch._tensor\n_rebuild_from_type_v2\n)R."), "made of 0 arguments; 4", WEFT_BAD_DATA },
    { BYTES(P "ccollections\nOrderedDict\n]K\1a\x85R."), "pairs of key and value were expected", WEFT_BAD_DATA },
    { BYTES(P "(X\7\0\0\0storagectorch\nFloatStorage\n" TEXT1("0") "X\3\0\0\0cpuK\2(" TEXT1("v") "K\1K\2ttQ."),
      "a view of a storage ends behind its 2 elements", WEFT_BAD_DATA },
    { BYTES(P "(X\7\0\0\0storagectorch\nFloatStorage\n" TEXT1("0") "X\3\0\0\0cpuK\2)tQ."),
      "the view of a storage has 0 parts", WEFT_BAD_DATA },
    { BYTES(P "ctorch\nFloatStorage\n)R."), "makes a call of torch.FloatStorage", WEFT_BAD_DATA },
    { BYTES(P REBUILD ")\x81."), "makes an instance of torch._utils._rebuild_tensor_v2", WEFT_BAD_DATA },
    { BYTES(P "ccollections\nOrderedDict"), "ends within the name of a global", WEFT_BAD_DATA },
    { BYTES(P "ccoll\1ections\nOrderedDict\n."), "too long or not printable", WEFT_BAD_DATA },
    { BYTES(P "ccollections\nOrderedDict\nK\1\x85R."), "made of 1 arguments; none, or a list", WEFT_BAD_DATA },
    { BYTES(P "ccollections\nOrderedDict\nK\1R."), "opcode 52: a tuple was expected on the stack; found an integer",
      WEFT_BAD_DATA },
    { BYTES(P "K\1)R."), "a global was expected on the stack; found an integer", WEFT_BAD_DATA },
    { BYTES(P ")R."), "there is no value on the stack", WEFT_BAD_DATA },
    { BYTES(P "0."), "there is no value on the stack", WEFT_BAD_DATA },
    { BYTES(P "(0."), "there is no value on the stack", WEFT_BAD_DATA },
    { BYTES(P "2."), "there is no value on the stack", WEFT_BAD_DATA },
    { BYTES(P "1."), "there is no mark on the stack", WEFT_BAD_DATA },
    { BYTES(P "t."), "there is no mark on the stack", WEFT_BAD_DATA },
    { BYTES(P "\x85."), "too few values", WEFT_BAD_DATA },
    { BYTES(P "K\1\x86."), "too few values", WEFT_BAD_DATA },
    { BYTES(P "K\1(K\1\x87."), "too few values", WEFT_BAD_DATA },
    { BYTES(P "q\0."), "no value on the stack to remember", WEFT_BAD_DATA },
    { BYTES(P "(q\0."), "no value on the stack to remember", WEFT_BAD_DATA },
    { BYTES(P "}q\1."), "number of the memo is not the next one", WEFT_BAD_DATA },
    { BYTES(P "}r\xff\xff\xff\xff."), "number of the memo is not the next one", WEFT_BAD_DATA },
    { BYTES(P "h\0."), "nothing was remembered under this number", WEFT_BAD_DATA },
    { BYTES(P "j\xff\xff\xff\xff."), "nothing was remembered", WEFT_BAD_DATA },
    { BYTES(P "K"), "ends within its argument", WEFT_BAD_DATA },
    { BYTES(P "X\xff\xff\xff\xff."), "ends within its argument", WEFT_BAD_DATA },
    { BYTES(P "X\1\0\0\0\xff."), "the file holds bytes", WEFT_BAD_DATA },
    { BYTES(P "}X\1\0\0\0\xff" TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85") "s."), "key of a tensor is bytes",
      WEFT_BAD_DATA },
    { BYTES(P "\x8a\x11"
              "aaaaaaaaaaaaaaaaa."),
      "the file holds a number", WEFT_BAD_DATA },
    { BYTES(P "\x8b\x02\0\0\0\xff\x7f."), "the file holds an integer", WEFT_BAD_DATA },
    { BYTES(P "\x8a\xff."), "the pickle ends within its argument", WEFT_BAD_DATA },
    { BYTES(P "\x8b\xff\xff\xff\xff."), "the pickle ends within its argument", WEFT_BAD_DATA },
    { BYTES(P "]K\1K\2s."), "opcode 73: a dictionary was expected on the stack; found a list", WEFT_BAD_DATA },
    { BYTES(P FLOATS "K\1K\2s."), "a dictionary was expected on the stack; found a storage", WEFT_BAD_DATA },
    { BYTES(P "}K\1a."), "opcode 61: a list was expected on the stack; found a dictionary", WEFT_BAD_DATA },
    { BYTES(P "}(K\1u."), "a key without a value", WEFT_BAD_DATA },
    { BYTES(P "(K\1K\2u."), "there is no value on the stack", WEFT_BAD_DATA },
    { BYTES(P "((K\1K\2u."), "found a mark", WEFT_BAD_DATA },
    { BYTES(P "}}K\1s."), "a key of a dictionary is a dictionary", WEFT_BAD_DATA },
    { BYTES(P "}]b."), "opcode 62: a dictionary was expected on the stack; found a list", WEFT_BAD_DATA },
    { BYTES(P "K\1}b."), "found an integer", WEFT_BAD_DATA },
    { BYTES(P "ctorch\nSize\n)R."), "torch.Size is made of 0 arguments", WEFT_BAD_DATA },
    { BYTES(P "ctorch\nSize\nK\1\x85R."), "argument of torch.Size should be a tuple", WEFT_BAD_DATA },
    { BYTES(P "ctorch._utils\n_rebuild_parameter\n)R."), "a parameter is made of 0 arguments", WEFT_BAD_DATA },
    { BYTES(P "ctorch._utils\n_rebuild_parameter\n}\x88}\x87R."), "a parameter's data should be a tensor",
      WEFT_BAD_DATA },
    { BYTES(P "}Q."), "opcode 51: a tuple was expected on the stack", WEFT_BAD_DATA },
    { BYTES(P ")Q."), "a persistent id has 0 parts", WEFT_BAD_DATA },
    { BYTES(P "(X\7\0\0\0storageNX\1\0\0\0000X\3\0\0\0cpuK\2tQ."), "type of a storage should be a global",
      WEFT_BAD_DATA },
    { BYTES(P STORAGE("Size", "K\2") "."), "should be ('storage'", WEFT_BAD_DATA },
    { BYTES(P STORAGE("FloatStorage", "J\xff\xff\xff\xff") "."), "size of a storage is -1", WEFT_BAD_DATA },
    { BYTES(P STORAGE("FloatStorage", "N") "."), "size of a storage should be an integer; found None", WEFT_BAD_DATA },
    { BYTES(P REBUILD ")R."), "a tensor is made of 0 arguments", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR("K\1", "K\0", "K\2\x85", "K\1\x85"))), "lies in should be a storage", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "J\xff\xff\xff\xff", "K\2\x85", "K\1\x85"))), "offset is -1", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\1", "K\2\x85", "K\1\x85"))), "reaches beyond its storage of 2", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "K\2\x85", "K\2\x85"))), "reaches beyond its storage", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "K\3\x85", "K\0\x85"))), "or repeats them", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "K\2\x85", "J\xff\xff\xff\xff\x85"))), "stride is -1", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "J\xff\xff\xff\xff\x85", "K\1\x85"))), "size is -1", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "\x8a\x08\0\0\0\0\0\0\0\x40\x85", "\x8a\x08\0\0\0\0\0\0\0\x40\x85"))),
      "reaches beyond its storage", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\2\x85", "K\1\x85"))),
      "reaches beyond its storage", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0", "K\2\x85", "K\1\x85"))),
      "offset should be an integer; found a number", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "K\1K\2\x86", "K\1\x85"))), "2 sizes and 1 strides", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "(K\1K\1K\1K\1K\1K\1K\1t", "K\1\x85"))), "7 dimensions", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(FLOATS, "K\0", "]", "K\1\x85"))), "size should be a tuple; found a list", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(STORAGE("FloatStorage", "K\3"), "K\0", "K\2\x85", "K\1\x85"))),
      "has 8 bytes; a FloatStorage of 3 elements", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(STORAGE("FloatStorage", "\x8a\x08\0\0\0\0\0\0\0\x40"), "K\0", "K\2\x85", "K\1\x85"))),
      "a FloatStorage of 4611686018427387904 elements", WEFT_BAD_DATA },
    { BYTES(NAMED(TENSOR(STORAGE("BoolStorage", "K\x08"), "K\0", "K\2\x85", "K\1\x85"))), "lies in a BoolStorage",
      WEFT_BAD_DATA },
    { BYTES(P "}K\1" TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85") "s."), "key of a tensor is an integer",
      WEFT_BAD_DATA },
    { BYTES(P "}X\1\0\0\0\n" TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85") "s."), "control character 0a", WEFT_BAD_DATA },
    { BYTES(P "}(" TEXT1("a") TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85") TEXT1("a")
                TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85") "u."),
      "\"a\" occurs twice", WEFT_BAD_DATA },
};

static const float floats[2] = { 1, 2 };
static const char good[] = NAMED(TENSOR(FLOATS, "K\0", "K\2\x85", "K\1\x85"));

static void refuse(const char *what, const archive_entry *entries, int count, weft_status status, const char *part)
{
    size_t size;
    uint8_t *file = archive_make(entries, count, &size);
    malformed_refused(what, file, size, WEFT_PTH, status, part, 0);
    free(file);
}

START_TEST(the_pickle_that_they_vary_is_read)
{
    size_t size;
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *weights = NULL;
    weft_weight w;
    const archive_entry entries[] = { { "m/data.pkl", good, sizeof good - 1, false },
                                      { "m/data/0", floats, sizeof floats, false } };
    uint8_t *file = archive_make(entries, 2, &size);
    CHECK_OK(weights_parse(&ctx, file, size, WEFT_FORMAT_AUTO, &weights));
    CHECK_OK(weft_weights_find(weights, "a", &w));
    ck_assert(w.count == 2 && memcmp(w.data, floats, sizeof floats) == 0);
    weft_weights_destroy(weights);
    free(file);
}
END_TEST

START_TEST(pickles_made_wrong_are_refused)
{
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        const archive_entry entries[] = { { "m/data.pkl", rows[i].pickle, rows[i].size, false },
                                          { "m/data/0", floats, sizeof floats, false } };
        refuse(rows[i].part, entries, 2, rows[i].status, rows[i].part);
    }
    for (size_t length = 0; length < sizeof good - 1; length++) { /* whole archives around half pickles */
        const archive_entry entries[] = { { "m/data.pkl", good, length, false },
                                          { "m/data/0", floats, sizeof floats, false } };
        refuse("cut", entries, 2, WEFT_BAD_DATA, "pickle");
    }
}
END_TEST

#define PICKLE { "m/data.pkl", good, sizeof good - 1, false }
#define DATA { "m/data/0", floats, sizeof floats, false }

START_TEST(archives_made_wrong_are_refused)
{
    static const struct {
        archive_entry entries[4];
        int count;
        weft_status status;
        const char *part;
    } archives[] = {
        { { DATA }, 1, WEFT_BAD_DATA, "has no data.pkl" },
        { { { "data.pkl", good, sizeof good - 1, false }, DATA }, 2, WEFT_BAD_DATA, "has no data.pkl" },
        { { PICKLE, DATA, { "n/data.pkl", good, sizeof good - 1, false } }, 3, WEFT_BAD_DATA, "a second data.pkl" },
        { { PICKLE }, 1, WEFT_BAD_DATA, "has no entry \"data/0\" for a storage" },
        { { PICKLE, { "n/data/0", floats, sizeof floats, false } }, 2, WEFT_BAD_DATA, "has no entry \"data/0\"" },
        { { PICKLE, { "m/data/0", floats, 7, false } }, 2, WEFT_BAD_DATA, "has 7 bytes; a FloatStorage of 2" },
        { { PICKLE, { "m/data/0", floats, sizeof floats, true } }, 2, WEFT_BAD_DATA, "is deflated; PyTorch stores" },
        { { PICKLE, DATA, { "m/byteorder", "big", 3, false } }, 3, WEFT_BAD_DATA, "are big-endian" },
        { { PICKLE, DATA, { "m/byteorder", "middle", 6, false } }, 3, WEFT_BAD_DATA, "should be \"little\"" },
        { { PICKLE, DATA, { "m/constants.pkl", "x", 1, false } }, 3, WEFT_BAD_DATA, "a TorchScript program" },
    };
    for (int i = 0; i < WEFT_COUNT(archives); i++)
        refuse(archives[i].part, archives[i].entries, archives[i].count, archives[i].status, archives[i].part);
    size_t size;
    const archive_entry entries[] = { PICKLE, DATA };
    uint8_t *file = archive_make(entries, 2, &size);
    file[40] ^= 1; /* in the pickle, then in the storage */
    malformed_refused("crc", file, size, WEFT_PTH, WEFT_BAD_DATA, "\"m/data.pkl\" has the CRC-32", 0);
    file[40] ^= 1;
    file[weft_le32(file + size - 6) - 1] ^= 1;
    malformed_refused("crc", file, size, WEFT_PTH, WEFT_BAD_DATA, "\"m/data/0\" has the CRC-32", 0);
    free(file);
}
END_TEST

/* ---- bombs ---- */

static void bomb(const char *what, const char *begin, size_t begin_size, const char *fill, size_t fill_size,
                 size_t times, const char *part)
{
    const size_t size = 2 + begin_size + fill_size * times;
    char *pickle = malloc(size), *at = pickle + 2 + begin_size;
    memcpy(pickle, P, 2);
    memcpy(pickle + 2, begin, begin_size);
    for (size_t i = 0; i < times; i++, at += fill_size)
        memcpy(at, fill, fill_size);
    size_t length;
    const archive_entry entries[] = { { "m/data.pkl", pickle, size, false }, DATA };
    uint8_t *file = archive_make(entries, 2, &length);
    malformed_refused(what, file, length, WEFT_PTH, WEFT_BAD_DATA, part, (size_t)128 << 20);
    free(file);
    free(pickle);
}

START_TEST(bombs_are_refused)
{
    bomb("marks", "", 0, "(", 1, OPS + 1, "more than 1000000 opcodes");
    bomb("tuples in tuples", "N", 1, "\x85", 1, OPS + 1, "more than 1000000 opcodes");
    bomb("values", "", 0, "N0", 2, OPS, "more than 1000000 opcodes");
    bomb("a list that holds itself", "]", 1, "2a", 2, OPS, "more than 1000000 opcodes");
    bomb("memo", "Nq\0", 3, "h\0", 2, OPS, "more than 1000000 opcodes");
    bomb("texts", "", 0, "X\0\0\0\0", 5, OPS + 1, "more than 1000000 opcodes");
    bomb("dictionaries", "", 0, "}", 1, OPS + 1, "more than 1000000 opcodes");
}
END_TEST

/* Tensors that are not dense, all of one storage: 100 bytes of pickle each would ask for the storage's size again. */
START_TEST(copies_are_bounded)
{
    enum { SIDE = 256, COUNT = 40 };
    static const char one[] = TENSOR(STORAGE("FloatStorage", "J\0\0\1\0"), "K\0", "M\0\1M\0\1\x86", "K\1M\0\1\x86");
    char *pickle = malloc(64 + COUNT * (sizeof one + 8)), *at = pickle;
    at = memcpy(at, P "}(", 4), at += 4;
    for (int i = 0; i < COUNT; i++) {
        const char name[] = { 'X', 2, 0, 0, 0, (char)('a' + i / 10), (char)('0' + i % 10) };
        memcpy(at, name, sizeof name);
        memcpy(at + sizeof name, one, sizeof one - 1);
        at += sizeof name + sizeof one - 1;
    }
    memcpy(at, "u.", 2);
    void *data = calloc(SIDE * SIDE, sizeof(float));
    const archive_entry entries[] = { { "m/data.pkl", pickle, (size_t)(at + 2 - pickle), false },
                                      { "m/data/0", data, SIDE * SIDE * sizeof(float), false } };
    size_t size;
    uint8_t *file = archive_make(entries, 2, &size);
    malformed_refused("copies", file, size, WEFT_PTH, WEFT_BAD_DATA, "add up to more than 4 times the file",
                      5 * size + (1 << 20));
    free(file);
    free(data);
    free(pickle);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_malformed_pth");
    CHECK_CASE(suite, "pickle", the_pickle_that_they_vary_is_read, pickles_made_wrong_are_refused);
    CHECK_CASE(suite, "archive", archives_made_wrong_are_refused, bombs_are_refused, copies_are_bounded);
    return check_main(suite, argv[0]);
}
