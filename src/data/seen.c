/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that were met, by device and inode: a table with open addressing, at most half full. */
#include "data/dataset.h"

#include <string.h>

#include "base/error.h"

typedef struct weft_seen_slot {
    uint64_t device, file;
    int mark;
    bool used;
} slot;

static slot *place(slot *slots, size_t room, uint64_t device, uint64_t file)
{
    uint64_t hash = (file ^ device << 32) * UINT64_C(0x9e3779b97f4a7c15);
    for (hash ^= hash >> 32;; hash++) {
        slot *at = &slots[hash & (room - 1)];
        if (!at->used || (at->device == device && at->file == file))
            return at;
    }
}

static weft_status widen(weft_seen *seen)
{
    const size_t room = seen->room ? 2 * seen->room : 256;
    slot *slots = weft_calloc(seen->allocator, room, sizeof *slots);
    if (!slots)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    for (size_t i = 0; i < seen->room; i++) {
        if (seen->slots[i].used)
            *place(slots, room, seen->slots[i].device, seen->slots[i].file) = seen->slots[i];
    }
    weft_free(seen->allocator, seen->slots);
    seen->slots = slots;
    seen->room = room;
    return WEFT_OK;
}

weft_status weft_seen_note(weft_seen *seen, uint64_t device, uint64_t file, int mark, int *before)
{
    if (2 * seen->count >= seen->room)
        WEFT_TRY(widen(seen));
    slot *at = place(seen->slots, seen->room, device, file);
    *before = at->used ? at->mark : -1;
    if (at->used)
        return WEFT_OK;
    *at = (slot){ .device = device, .file = file, .mark = mark, .used = true };
    seen->count++;
    return WEFT_OK;
}
