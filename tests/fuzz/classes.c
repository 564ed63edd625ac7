/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of classes, of a file and of the text that weights carry: what is taken has as many as the network, each ended
 * within its line, and takes memory in proportion. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "task/classify.h"

enum { FLOOR = 1 << 18, RATIO = 200, TEXT = 1 << 16 };

static void check(weft_classifier *c, const weft_classifier_opt *opt, const char *text, size_t size)
{
    weft_label *labels = NULL;
    int classes = 0;
    const weft_status status = weft_labels_make(c, opt, text, &labels, &classes);
    if (status != WEFT_OK) {
        fuzz_check(status == WEFT_BAD_DATA, "the status is BAD_DATA");
        return;
    }
    size_t length = 0;
    fuzz_check(classes == c->outputs || (classes == 2 && c->outputs == 1), "there are as many as the network has");
    for (int i = 0; i < classes; i++) {
        length += strlen(labels[i].id) + strlen(labels[i].name);
        fuzz_check(!strchr(labels[i].name, '\n') && strlen(labels[i].id) % 9 == 0, "a name is one line, an id an id");
    }
    fuzz_check(length <= size, "no name is longer than its text");
}

static int lines_of(const uint8_t *data, size_t size)
{
    int count = 1;
    for (size_t i = 0; i < size; i++)
        count += data[i] == '\n';
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT];
    fuzz_memory memory = { .most = FLOOR + RATIO * size };
    const weft_allocator allocator = fuzz_allocator(&memory);
    char path[FUZZ_PATH];
    const weft_classifier_opt opt = { .classes = fuzz_path("classes.txt", path) }, none = { .classes = NULL };
    const size_t length = size < TEXT ? size : TEXT - 1;
    fuzz_write("classes.txt", data, size);
    memcpy(text, data, length);
    text[length] = '\0';
    for (int less = 0; less < 3; less++) { /* a network of as many classes as the file has lines, or fewer */
        weft_classifier c = { .outputs = lines_of(data, size) - less, .activation = WEFT_READOUT_SIGMOID };
        if (c.outputs < 1)
            break;
        weft_arena_init(&c.arena, &allocator);
        check(&c, &opt, NULL, size);
        check(&c, &none, text, size);
        weft_arena_release(&c.arena);
    }
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
