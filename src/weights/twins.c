/* SPDX-License-Identifier: Apache-2.0
 *
 * Several networks in one flat list of tensors: "online_model.conv1.weight" and "ema_model.conv1.weight", a Lightning
 * module with its running average, encoder_q and encoder_k. Two prefixes are twins if nearly all names behind one are
 * behind the other, with the same shapes, and twins are at least half of the file. Of them the only one that is no
 * running average stays, or the one that a key names; the others leave the set, and the caller is told which they are.
 * A key may name any other prefix as well: then nothing else stays. Files that weft wrote, and Keras', whose names have
 * a stroke in them, have no twins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/weights.h"

/* Tensors of a file that is looked at; components of a prefix; what a twin has at least: tensors, and of all of them
 * one in SHARE; percent that twins have in common; prefixes, of which SHARE of each depth have that share. */
enum { MOST = 20000, DEPTH = 4, LEAST = 8, SHARE = 5, ALIKE = 90, PREFIXES = DEPTH * SHARE, LISTED = 400 };

/* Names in order, from `first` up to `last`, begin with the same `length` bytes, which end in a dot. */
typedef struct prefix {
    int64_t first, last;
    size_t length;
} prefix;

typedef struct twins {
    const weft_weights *set;
    int64_t *order; /* entries by name */
    prefix found[PREFIXES];
    int count;
} twins;

static const weft_weight *at(const twins *t, int64_t i)
{
    return &t->set->entries[t->order[i]].weight;
}

static int by_name(const void *a, const void *b)
{
    const weft_weights_entry *const *x = a, *const *y = b;
    return strcmp((*x)->weight.name, (*y)->weight.name);
}

/* Entries in the order of their names. */
static weft_status sort(twins *t, weft_arena *arena)
{
    const size_t count = (size_t)t->set->count;
    const weft_weights_entry **sorted = weft_arena_array(arena, count, sizeof *sorted);
    t->order = weft_arena_array(arena, count, sizeof *t->order);
    if (!sorted || !t->order)
        return WEFT_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &t->set->entries[i];
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++)
        t->order[i] = sorted[i] - t->set->entries;
    return WEFT_OK;
}

/* Bytes of so many components of a name with their dots; 0: it has no more than these. */
static size_t components(const char *name, int count)
{
    const char *behind = name;
    for (int i = 0; i < count; i++) {
        const char *const dot = strchr(behind, '.');
        if (!dot)
            return 0;
        behind = dot + 1;
    }
    return *behind ? (size_t)(behind - name) : 0;
}

/* Every prefix of `depth` components that many of the names have. */
static void find_prefixes(twins *t, int depth)
{
    const int64_t count = t->set->count;
    for (int64_t first = 0, last; first < count; first = last) {
        const char *const name = at(t, first)->name;
        const size_t length = components(name, depth);
        for (last = first + 1; last < count && length; last++) {
            if (strncmp(at(t, last)->name, name, length) != 0)
                break;
        }
        if (length && (last - first) * SHARE >= count && last - first >= LEAST && t->count < PREFIXES)
            t->found[t->count++] = (prefix){ first, last, length };
    }
}

static bool are_twins(const twins *t, const prefix *a, const prefix *b)
{
    const int64_t mine = a->last - a->first, its = b->last - b->first;
    int64_t same = 0;
    if (a->first < b->last && b->first < a->last) /* one is in the other */
        return false;
    for (int64_t i = a->first, k = b->first; i < a->last && k < b->last;) { /* what is behind them is in order, too */
        const int order = strcmp(at(t, i)->name + a->length, at(t, k)->name + b->length);
        same += order == 0 && weft_shape_equal(&at(t, i)->shape, &at(t, k)->shape);
        i += order <= 0;
        k += order >= 0;
    }
    return 100 * same >= ALIKE * (mine > its ? mine : its);
}

static int64_t count_tensors(const prefix *all, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += all[i].last - all[i].first;
    return sum;
}

/* The first prefix that has twins, and these behind it. Returns how many there are. */
static int find_twins(const twins *t, prefix out[PREFIXES])
{
    for (int i = 0; i < t->count; i++) {
        int count = 1;
        out[0] = t->found[i];
        for (int k = 0; k < t->count; k++) {
            bool apart = true;
            for (int j = 1; j < count; j++)
                apart = apart && (t->found[k].first >= out[j].last || out[j].first >= t->found[k].last);
            if (apart && are_twins(t, &t->found[i], &t->found[k]))
                out[count++] = t->found[k];
        }
        if (2 * count_tensors(out, count) >= t->set->count && count > 1)
            return count;
    }
    return 0;
}

/* ---- choosing ---- */

bool weft_is_average(const char *path)
{
    return strstr(path, "ema") || strstr(path, "EMA") || strstr(path, "averag") || strstr(path, "swa");
}

/* The prefix without its dot. */
static const char *name_of(const twins *t, const prefix *p, weft_arena *arena)
{
    return weft_arena_text(arena, "%.*s", (int)p->length - 1, at(t, p->first)->name);
}

/* The twins' names, but for one. */
static const char *list(const char *const *names, int count, int but, char text[LISTED])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used < LISTED; i++) {
        if (i != but)
            used += (size_t)snprintf(text + used, LISTED - used, "%s%.80s", used ? ", " : "", names[i]);
    }
    return text;
}

/* Position of the twin that is meant; -1: it is not clear, or key names none. */
static int choose(const char *const *names, int count, const char *key)
{
    int plain = -1, plains = 0;
    for (int i = 0; i < count; i++) {
        if (key && strcmp(names[i], key) == 0)
            return i;
        if (weft_is_average(names[i]))
            continue;
        plain = i;
        plains++;
    }
    return key || plains != 1 ? -1 : plain;
}

/* Whether two prefixes have the very same tensors, as one module that another holds too: torch.save keeps them once. */
static bool are_one(const twins *t, const prefix *a, const prefix *b)
{
    bool same = a->last - a->first == b->last - b->first;
    for (int64_t i = 0; same && i < a->last - a->first; i++) {
        const weft_weight *const mine = at(t, a->first + i), *const its = at(t, b->first + i);
        same = strcmp(mine->name + a->length, its->name + b->length) == 0 && mine->data == its->data &&
               weft_shape_equal(&mine->shape, &its->shape);
    }
    return same;
}

/* Of twins that are one network under several names the shortest name; -1: they are several. */
static int choose_any(const twins *t, const prefix *all, int count)
{
    int shortest = count ? 0 : -1;
    for (int i = 1; i < count; i++) {
        if (!are_one(t, &all[0], &all[i]))
            return -1;
        shortest = all[i].length < all[shortest].length ? i : shortest;
    }
    return shortest;
}

/* Takes entries that are marked out of the set. */
static weft_status drop(weft_weights *set, const bool *gone)
{
    const int64_t count = set->count;
    int64_t left = 0;
    for (int64_t i = 0; i < count; i++) {
        if (gone[i])
            weft_free(set->allocator, set->entries[i].owned);
        else
            set->entries[left++] = set->entries[i];
    }
    set->count = left;
    weft_index_release(&set->index, set->allocator);
    set->index = (weft_index){ 0 };
    for (int64_t i = 0; i < left; i++)
        WEFT_TRY(weft_index_add(&set->index, set->allocator, set->entries, sizeof *set->entries));
    return WEFT_OK;
}

/* Marks what does not begin with the key and a dot; false if nothing does. */
static bool mark_others(const weft_weights *set, const char *key, bool *gone)
{
    const size_t length = strlen(key);
    bool some = false;
    for (int64_t i = 0; i < set->count; i++) {
        const char *const name = set->entries[i].weight.name;
        gone[i] = length == 0 || strncmp(name, key, length) != 0 || name[length] != '.';
        some = some || !gone[i];
    }
    return some;
}

static void mark(const twins *t, const prefix *all, int count, int kept, bool *gone)
{
    for (int i = 0; i < count; i++) {
        for (int64_t k = all[i].first; k < all[i].last && i != kept; k++)
            gone[t->order[k]] = true;
    }
}

/* Metadata of what was taken, and what not. */
static weft_status tell(weft_ctx *ctx, const char *path, const char *name, const char *others, weft_weights *set)
{
    const char *const before = weft_weights_meta_find(set, "torch.other_keys");
    char text[2 * LISTED];
    WEFT_TRY(weft_weights_set_meta(set, "torch.key", name));
    if (!*others)
        return WEFT_OK;
    snprintf(text, sizeof text, "%s%s%s", others, before ? ", " : "", before ? before : "");
    weft_log(ctx, WEFT_LOG_WARN, "%s: the tensors under \"%s\" are taken; the file also has: %s", path, name, others);
    return weft_weights_set_meta(set, "torch.other_keys", text);
}

static weft_status pick(weft_ctx *ctx, const char *path, const char *key, weft_weights *set, weft_arena *arena)
{
    twins t = { .set = set };
    prefix all[PREFIXES];
    const char *names[PREFIXES];
    char others[LISTED];
    bool *gone = weft_arena_array(arena, (size_t)set->count, sizeof *gone);
    if (!gone)
        return WEFT_NO_MEMORY;
    WEFT_TRY(sort(&t, arena));
    for (int depth = 1; depth <= DEPTH; depth++)
        find_prefixes(&t, depth);
    const int count = find_twins(&t, all);
    for (int i = 0; i < count; i++) {
        names[i] = name_of(&t, &all[i], arena);
        if (!names[i])
            return WEFT_NO_MEMORY;
    }
    const int any = key ? -1 : choose_any(&t, all, count), one = any >= 0 ? any : choose(names, count, key);
    list(names, count, one, others);
    if (one >= 0)
        mark(&t, all, count, one, gone);
    else if (key && !mark_others(set, key, gone))
        return weft_fail(WEFT_BAD_DATA, "%s: there are no tensors under the key \"%.80s\"%s%s", path, key,
                         count ? "; there are under: " : "", others);
    else if (!key && count > 0)
        return weft_fail(WEFT_BAD_DATA, "%s: the file holds several networks side by side, and a key must say which is "
                         "meant: %s", path, others);
    if (one < 0 && !key)
        return WEFT_OK;
    WEFT_TRY(drop(set, gone));
    return tell(ctx, path, key ? key : names[one], key || any >= 0 ? "" : others, set);
}

/* Whether it can have twins. */
static bool is_flat(const weft_weights *set)
{
    bool flat = set->count <= MOST && set->count >= 2 * LEAST && !weft_weights_meta_find(set, "weft.arch");
    for (int64_t i = 0; flat && i < set->count; i++)
        flat = !strchr(set->entries[i].weight.name, '/');
    return flat;
}

weft_status weft_weights_pick(weft_ctx *ctx, const char *path, const char *key, weft_weights *weights)
{
    weft_arena arena;
    if (!key && !is_flat(weights))
        return WEFT_OK;
    weft_arena_init(&arena, &ctx->allocator);
    const weft_status status = pick(ctx, path, key, weights, &arena);
    weft_arena_release(&arena);
    return status;
}
