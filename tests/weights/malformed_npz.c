/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays and zip archives made wrong by hand. */
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "weights/malformed.h"

enum { BOMB = 80 << 20, CENTRAL = 46 };
#define H(descr, fortran, shape) "{'descr': '" descr "', 'fortran_order': " fortran ", 'shape': " shape ", }\n"

/* ---- arrays ---- */

static const struct {
    const char *header, *part;
    size_t data;
    weft_status status;
} rows[] = {
    { H("<f4", "False", "(2,)"), "has 4 bytes of elements; its shape takes 8", 4, WEFT_BAD_DATA },
    { H("<f4", "False", "(2,)"), "has 12 bytes of elements", 12, WEFT_BAD_DATA },
    { H(">f4", "False", "(2,)"), "is of '>f4': big-endian", 8, WEFT_BAD_DATA },
    { H("|O", "False", "(2,)"), "is of '|O': pickled Python objects", 8, WEFT_BAD_DATA },
    { H("<c8", "False", "(1,)"), "is of '<c8'", 8, WEFT_BAD_DATA },
    { H("<f4 ", "False", "(2,)"), "is of '<f4'", 8, WEFT_BAD_DATA },
    { H("", "False", "(2,)"), "is of ''", 8, WEFT_BAD_DATA },
    { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", "name of an element type", 8,
      WEFT_BAD_DATA },
    { H("<f4", "false", "(2,)"), "True or False was expected", 8, WEFT_BAD_DATA },
    { H("<f4", "0", "(2,)"), "True or False was expected", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(2)"), "',' or ')' was expected in the shape", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(-2,)"), "a dimension was expected", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(,)"), "a dimension was expected", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(2L,)"), "',' or ')' was expected in the shape", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "2"), "'(' was expected before the shape", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(1, 1, 1, 1, 1, 1, 2)"), "more than 6 dimensions", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(9223372036854775808,)"), "does not fit 63 bits", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(1152921504606846976,)"), "its shape takes 4611686018427387904", 8, WEFT_BAD_DATA },
    { H("<f4", "False", "(4611686018427387904,)"), "fits no memory", 8, WEFT_BAD_DATA },
    { H("<f4", "True", "(1073741824, 1073741824)"), "its shape takes", 8, WEFT_BAD_DATA },
    { "{'descr': '<f4', 'fortran_order': False, }\n", "the header lacks", 8, WEFT_BAD_DATA },
    { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", "each once", 8, WEFT_BAD_DATA },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}\n", "each once", 8, WEFT_BAD_DATA },
    { "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }\n", "',' or '}' was expected", 8, WEFT_BAD_DATA },
    { "{'descr' '<f4', 'fortran_order': False, 'shape': (2,), }\n", "':' was expected", 8, WEFT_BAD_DATA },
    { "['descr']\n", "'{' was expected", 8, WEFT_BAD_DATA },
    { "", "'{' was expected", 8, WEFT_BAD_DATA },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "with blanks and a line feed", 8, WEFT_BAD_DATA },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x\n", "with blanks and a line feed", 8,
      WEFT_BAD_DATA },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2", "',' or ')' was expected", 8, WEFT_BAD_DATA },
};

static size_t array_make(uint8_t *to, int major, size_t length, const char *header, size_t data)
{
    const size_t width = major == 1 ? 2 : 4;
    memcpy(to, "\x93NUMPY", 6);
    to[6] = (uint8_t)major;
    to[7] = 0;
    weft_put_le(to + 8, length, (int)width);
    memcpy(to + 8 + width, header, strlen(header));
    memset(to + 8 + width + strlen(header), 0, data);
    return 8 + width + strlen(header) + data;
}

static void refuse(const char *what, const archive_entry *entries, int count, weft_status status, const char *part)
{
    size_t size;
    uint8_t *file = archive_make(entries, count, &size);
    malformed_refused(what, file, size, WEFT_NPZ, status, part, 0);
    free(file);
}

START_TEST(arrays_made_wrong_are_refused)
{
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        for (int version = 1; version <= 2; version++) {
            for (int deflate = 0; deflate < 2; deflate++) {
                uint8_t bytes[512];
                const size_t size = array_make(bytes, version, strlen(rows[i].header), rows[i].header, rows[i].data);
                const archive_entry entry = { "a.npy", bytes, size, deflate == 1 };
                refuse(rows[i].header, &entry, 1, rows[i].status, rows[i].part);
            }
        }
    }
}
END_TEST

START_TEST(frames_of_arrays_made_wrong_are_refused)
{
    static const char good[] = H("<f4", "False", "(2,)");
    static const struct {
        size_t at;
        int value;
        const char *part;
    } frames[] = {
        { 0, 0x92, "which begins with 93 4e" }, { 5, 'X', "which begins with 93 4e" },
        { 6, 0, "should be 1.0, 2.0 or 3.0" },  { 6, 4, "should be 1.0, 2.0 or 3.0" },
        { 7, 1, "should be 1.0, 2.0 or 3.0" },  { 8, 255, "header is longer than the array" },
        { 9, 255, "header is longer than the array" }, { 8, 3, "'descr', 'fortran_order'" },
    };
    uint8_t bytes[512];
    const size_t size = array_make(bytes, 1, strlen(good), good, 8);
    for (int i = 0; i < WEFT_COUNT(frames); i++) {
        uint8_t copy[512];
        memcpy(copy, bytes, size);
        copy[frames[i].at] = (uint8_t)frames[i].value;
        refuse(frames[i].part, &(archive_entry){ "a.npy", copy, size, false }, 1, WEFT_BAD_DATA, frames[i].part);
    }
    for (size_t length = 0; length < size; length++) /* an archive that is whole around an array that is not */
        refuse("cut", &(archive_entry){ "a.npy", bytes, length, length % 2 == 1 }, 1, WEFT_BAD_DATA, "array \"a.npy\"");
    const struct {
        const char *name, *part;
    } names[] = {
        { "a.txt", "has the entry \"a.txt\"; arrays (*.npy) only" },
        { ".npy", "has the entry \".npy\"" },
        { "a.npy/", "has the entry" },
        { "a\n.npy", "UTF-8 without control characters" },
        { "a\xff.npy", "UTF-8 without control characters" },
        { "__metadata__.npy", "metadata should be one row of bytes" },
    };
    for (int i = 0; i < WEFT_COUNT(names); i++)
        refuse(names[i].name, &(archive_entry){ names[i].name, bytes, size, false }, 1, WEFT_BAD_DATA, names[i].part);
    const archive_entry twice[] = { { "a.npy", bytes, size, false }, { "a.npy", bytes, size, true } };
    refuse("twice", twice, 2, WEFT_BAD_DATA, "\"a.npy\" occurs twice");
}
END_TEST

START_TEST(metadata_made_wrong_are_refused)
{
    static const struct {
        const char *text, *part;
    } texts[] = {
        { "", "'{' was expected before metadata" }, { "{\"a\":1}", "'\"' was expected before a text" },
        { "{\"a\":\"b\"}x", "should end here" },   { "{\"a\":\"b\",\"a\":\"c\"}", "\"a\" twice" },
        { "[[[[", "'{' was expected before metadata" }, { "{\"weft.crc32\":\"12345678\"}", "says 12345678" },
    };
    for (int i = 0; i < WEFT_COUNT(texts); i++) {
        uint8_t bytes[512];
        char header[] = H("|u1", "False", "(00,)");
        const size_t length = strlen(texts[i].text);
        char *digits = strstr(header, "00");
        digits[0] = (char)('0' + length / 10);
        digits[1] = (char)('0' + length % 10);
        const size_t size = array_make(bytes, 1, strlen(header), header, length);
        memcpy(bytes + size - length, texts[i].text, length);
        refuse(texts[i].text, &(archive_entry){ "__metadata__.npy", bytes, size, false }, 1, WEFT_BAD_DATA,
               texts[i].part);
    }
}
END_TEST

/* ---- archives ---- */

enum { FROM_START, FROM_DIRECTORY, FROM_END }; /* of two entries, a.npy and b.npy, deflated */

static const struct {
    int from;
    size_t at;
    uint64_t value;
    int bytes;
    const char *part;
    weft_status status;
} patches[] = {
    { FROM_START, 0, 0x05, 1, "which begins with 50 4b 03 04", WEFT_BAD_DATA },
    { FROM_START, 6, 1, 2, "local header of zip entry \"a.npy\" and the directory's entry", WEFT_BAD_DATA },
    { FROM_START, 8, 0, 2, "disagree", WEFT_BAD_DATA },
    { FROM_START, 14, 7, 4, "disagree", WEFT_BAD_DATA },
    { FROM_START, 18, 7, 4, "disagree", WEFT_BAD_DATA },
    { FROM_START, 22, 7, 4, "disagree", WEFT_BAD_DATA },
    { FROM_START, 26, 4, 2, "disagree", WEFT_BAD_DATA },
    { FROM_START, 26, 65535, 2, "longer than its room", WEFT_BAD_DATA },
    { FROM_START, 28, 3, 2, "extra field of a zip entry is longer", WEFT_BAD_DATA },
    { FROM_START, 30, 'x', 1, "disagree", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 0, 0, 1, "entry 0 of the zip directory was expected here", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 8, 1, 2, "is encrypted", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 8, 0x20, 2, "has the flags 0020", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 10, 12, 2, "packed by method 12", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 10, 0, 2, "is stored, but its sizes are", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 16, 7, 4, "disagree", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 20, 100000, 4, "disagree", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 24, 4294967294, 4, "unpacks", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 28, 0, 2, "a zip entry's name has 0 bytes", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 28, 65535, 2, "the zip directory ends within this entry", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 30, 4, 2, "", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 32, 1, 2, "has a comment", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 34, 1, 2, "on another disk", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 42, 1, 4, "entries one behind the other from byte 0", WEFT_BAD_DATA },
    { FROM_DIRECTORY, 42, 4294967295, 4, "entries one behind the other from byte 0", WEFT_BAD_DATA },
    { FROM_END, 0, 0, 1, "the last 22 bytes of the file should be the end record", WEFT_BAD_DATA },
    { FROM_END, 4, 1, 2, "several disks", WEFT_BAD_DATA },
    { FROM_END, 8, 1, 2, "several disks", WEFT_BAD_DATA },
    { FROM_END, 8, 0x00010001, 4, "zip directory should end here, after 1 entries", WEFT_BAD_DATA },
    { FROM_END, 8, 0x00030003, 4, "cannot have so many", WEFT_BAD_DATA },
    { FROM_END, 8, 0xffffffff, 4, "cannot have so many", WEFT_BAD_DATA },
    { FROM_END, 12, 1, 4, "it should end here", WEFT_BAD_DATA },
    { FROM_END, 16, 1, 4, "it should end here", WEFT_BAD_DATA },
    { FROM_END, 16, 4294967295, 4, "it should end here", WEFT_BAD_DATA },
    { FROM_END, 20, 1, 2, "without a comment", WEFT_BAD_DATA },
};

static uint8_t *two_arrays(size_t *size)
{
    static const char good[] = H("<f4", "False", "(2,)");
    uint8_t bytes[512];
    const size_t length = array_make(bytes, 1, strlen(good), good, 8);
    const archive_entry entries[] = { { "a.npy", bytes, length, true }, { "b.npy", bytes, length, true } };
    return archive_make(entries, 2, size);
}

START_TEST(archives_made_wrong_are_refused)
{
    size_t size;
    uint8_t *good = two_arrays(&size);
    const size_t places[] = { 0, weft_le32(good + size - 6), size - 22 };
    for (int i = 0; i < WEFT_COUNT(patches); i++) {
        uint8_t *file = malloc(size);
        memcpy(file, good, size);
        weft_put_le(file + places[patches[i].from] + patches[i].at, patches[i].value, patches[i].bytes);
        malformed_refused(patches[i].part, file, size, WEFT_NPZ, patches[i].status, patches[i].part, 0);
        free(file);
    }
    free(good);
}
END_TEST

/* Bytes that belong to no entry, before the second one or before the directory, all offsets told right. */
START_TEST(holes_are_refused)
{
    enum { HOLE = 5 };
    size_t size;
    uint8_t *good = two_arrays(&size);
    const size_t directory = weft_le32(good + size - 6), entry = CENTRAL + 5;
    const size_t second = weft_le32(good + directory + entry + 42), places[] = { second, directory };
    for (int i = 0; i < WEFT_COUNT(places); i++) {
        uint8_t *file = calloc(1, size + HOLE);
        memcpy(file, good, places[i]);
        memcpy(file + places[i] + HOLE, good + places[i], size - places[i]);
        weft_put_le(file + size + HOLE - 6, directory + HOLE, 4);
        if (places[i] == second)
            weft_put_le(file + directory + HOLE + entry + 42, second + HOLE, 4);
        malformed_refused("hole", file, size + HOLE, WEFT_NPZ, WEFT_BAD_DATA, "5 bytes behind zip entry", 0);
        free(file);
    }
    free(good);
}
END_TEST

START_TEST(damaged_data_are_refused)
{
    size_t size;
    uint8_t *file = two_arrays(&size);
    file[35] ^= 0x40; /* the first byte of a deflate stream */
    malformed_refused("stream", file, size, WEFT_NPZ, WEFT_BAD_DATA, "zip entry \"a.npy\"", 0);
    free(file);
    static const char good[] = H("<f4", "False", "(2,)");
    uint8_t bytes[512];
    const size_t length = array_make(bytes, 1, strlen(good), good, 8);
    file = archive_make(&(archive_entry){ "a.npy", bytes, length, false }, 1, &size);
    file[35 + length - 1] = 1;
    malformed_refused("crc", file, size, WEFT_NPZ, WEFT_BAD_DATA, "byte 35: zip entry \"a.npy\" has the CRC-32", 0);
    free(file);
}
END_TEST

/* 80 MiB of zeros deflate to 80 kB, a ratio of 1029: refused before anything is unpacked. */
START_TEST(bombs_are_refused)
{
    size_t size;
    uint8_t *zeros = calloc(1, BOMB);
    uint8_t *file = archive_make(&(archive_entry){ "a.npy", zeros, BOMB, true }, 1, &size);
    ck_assert_uint_lt(size, 100000);
    malformed_refused("zeros", file, size, WEFT_NPZ, WEFT_BAD_DATA, "at most 100 times as many", 0);
    free(file);
    /* Below the floor the same ratio is allowed, and unpacked to what it says. */
    file = archive_make(&(archive_entry){ "a.npy", zeros, BOMB / 4, true }, 1, &size);
    malformed_refused("zeros", file, size, WEFT_NPZ, WEFT_BAD_DATA, "array \"a.npy\"", BOMB / 2);
    free(file);
    /* Many parts below the floor are one bomb. */
    static const char *const names[] = { "a.npy", "b.npy", "c.npy", "d.npy", "e.npy", "f.npy", "g.npy", "h.npy" };
    archive_entry parts[WEFT_COUNT(names)];
    for (int i = 0; i < WEFT_COUNT(names); i++)
        parts[i] = (archive_entry){ names[i], zeros, BOMB / 4, true };
    file = archive_make(parts, WEFT_COUNT(names), &size);
    malformed_refused("parts", file, size, WEFT_NPZ, WEFT_BAD_DATA, "the zip archive unpacks", 0);
    free(file);
    free(zeros);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_malformed_npz");
    CHECK_CASE(suite, "npz", arrays_made_wrong_are_refused, frames_of_arrays_made_wrong_are_refused,
               metadata_made_wrong_are_refused);
    CHECK_CASE(suite, "zip", archives_made_wrong_are_refused, holes_are_refused, damaged_data_are_refused,
               bombs_are_refused);
    return check_main(suite, argv[0]);
}
