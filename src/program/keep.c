/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice of what is recomputed. Lives of values are followed through the step as it would run, each dropped node
 * repeated right before its first backward reader (Chen et al. 2016, arXiv:1604.06174, whose segments come out of
 * this); the peak falls as long as something that is kept across it can be dropped without a new peak elsewhere: the
 * cheapest by the byte first. A second search keeps what crosses a few narrow places of the forward pass, so that no
 * chain of repeated nodes is longer than the part between two of them. */
#include "program/keep.h"

#include <string.h>


enum { BYTE_PRICE = 16 /* operations that cost as much as a byte to or from memory */ };

/* When a group's memory is in use: the forward pass's own, the repeated one's, the backward pass's. */
typedef struct weft_keep_life {
    int32_t first, last;
    int32_t until, from; /* of what the forward pass made: last read there; first read behind */
} life;

enum { FORWARD, AGAIN, BACKWARD, KINDS };

static bool is_forward(const weft_keep *k, int32_t value)
{
    return k->values[value].maker < k->border;
}

bool weft_keep_is_again(const weft_keep *k, int32_t value)
{
    const int32_t maker = k->values[value].maker, group = k->group[value];
    return group >= 0 && maker >= 0 && maker < k->border && k->groups[group].dropped &&
           k->nodes[maker].out[0] == value;
}

/* ---- the order ---- */

static bool is_read_again(const weft_keep *k, int32_t i, int n)
{
    return n >= 32 || k->reads[i] >> n & 1;
}

/* Node i once more, behind those that it needs. */
static void repeat(weft_keep *k, int32_t i)
{
    const weft_gnode *gnode = &k->nodes[i];
    k->seen[i] = k->round;
    for (int n = 0; n < gnode->node.n_in; n++) {
        const int32_t value = gnode->in[n];
        if (is_read_again(k, i, n) && weft_keep_is_again(k, value) && k->seen[k->values[value].maker] != k->round)
            repeat(k, k->values[value].maker); /* depth: nodes in a row without one that is kept */
    }
    k->order[k->n_order++] = ~i;
}

static void list(weft_keep *k)
{
    k->round++;
    k->n_order = 0;
    for (int32_t i = 0; i < k->n_nodes; i++) {
        const weft_gnode *gnode = &k->nodes[i];
        for (int n = 0; i >= k->border && !gnode->dead && n < gnode->node.n_in; n++) {
            const int32_t value = gnode->in[n];
            if (weft_keep_is_again(k, value) && k->seen[k->values[value].maker] != k->round)
                repeat(k, k->values[value].maker);
        }
        k->order[k->n_order++] = i;
    }
}

/* ---- lives ---- */

/* The life of a value as a node sees it; NULL: it has no memory of the arena. */
static life *life_of(const weft_keep *k, int32_t value, bool behind)
{
    const int32_t group = k->group[value];
    if (group < 0)
        return NULL;
    const int kind = !is_forward(k, value) ? BACKWARD : behind && weft_keep_is_again(k, value) ? AGAIN : FORWARD;
    return &k->lives[kind * k->n_groups + group];
}

static void use(life *l, int32_t from, int32_t to, bool reads, bool behind)
{
    l->first = from < l->first ? from : l->first;
    l->last = to > l->last ? to : l->last;
    if (reads && !behind)
        l->until = to;
    else if (reads && to < l->from)
        l->from = to;
}

/* Entry `at` of the order. A result that overwrites an input in the plain plan comes to be when that is gone. */
static void follow(const weft_keep *k, int32_t at)
{
    const bool again = k->order[at] < 0;
    const int32_t i = again ? ~k->order[at] : k->order[at];
    const bool behind = again || i >= k->border;
    const weft_gnode *gnode = &k->nodes[i];
    int32_t over = 0;
    for (int n = 0; n < gnode->node.n_in; n++) {
        life *l = again && !is_read_again(k, i, n) ? NULL : life_of(k, gnode->in[n], behind);
        if (l)
            use(l, at, at, true, behind);
        if (l && k->group[gnode->in[n]] == k->group[gnode->out[0]] && l != life_of(k, gnode->out[0], behind))
            over = 1;
    }
    for (int o = 0; o < (again ? 1 : gnode->node.n_out); o++) {
        life *l = life_of(k, gnode->out[o], again);
        if (l)
            use(l, at + (o == 0 ? over : 0), at, false, false);
    }
}

/* Lives, the peak and where it is. */
static void measure(weft_keep *k)
{
    list(k);
    for (int32_t l = 0; l < KINDS * k->n_groups; l++)
        k->lives[l] = (life){ INT32_MAX, -1, -1, INT32_MAX };
    for (int32_t at = 0; at < k->n_order; at++)
        if (k->order[at] < 0 || !k->nodes[k->order[at]].dead)
            follow(k, at);
    memset(k->change, 0, sizeof *k->change * (size_t)(k->n_order + 1));
    for (int32_t l = 0; l < KINDS * k->n_groups; l++) {
        const int32_t group = l % k->n_groups;
        const bool whole = l < k->n_groups && k->lasting[group];
        const life *lived = &k->lives[l];
        if (!whole && lived->last < lived->first)
            continue;
        k->change[whole ? 0 : lived->first] += k->groups[group].bytes;
        k->change[whole ? k->n_order : lived->last + 1] -= k->groups[group].bytes;
    }
    double live = 0;
    k->peak = 0;
    for (int32_t at = 0; at < k->n_order; at++) {
        live += k->change[at];
        const int32_t i = k->order[at] < 0 ? ~k->order[at] : k->order[at];
        const double all = live + (k->nodes[i].dead ? 0 : (double)k->scratch[i]);
        if (all > k->peak) {
            k->peak = all;
            k->at = at;
        }
    }
}

/* ---- the search ---- */

/* The cheapest group that is kept across the peak for what comes behind it; -1: none is left. */
static int32_t cheapest(const weft_keep *k)
{
    int32_t best = -1;
    for (int32_t g = 0; g < k->n_groups; g++) {
        const weft_keep_group *group = &k->groups[g];
        const life *l = &k->lives[g];
        if (!group->droppable || group->dropped || group->stays || l->until >= k->at || l->from <= k->at ||
            l->first >= k->at || l->from == INT32_MAX)
            continue;
        if (best < 0 || group->price * k->groups[best].bytes < k->groups[best].price * group->bytes)
            best = g;
    }
    return best;
}

/* Drops until the peak is at most target, or nothing helps. */
static void descend(weft_keep *k, double target)
{
    int32_t g;
    measure(k);
    while (k->peak > target && (g = cheapest(k)) >= 0) {
        const double before = k->peak;
        k->groups[g].dropped = true;
        measure(k);
        if (k->peak <= before)
            continue;
        k->groups[g].dropped = false;
        k->groups[g].stays = true;
        measure(k);
    }
}

/* Takes back, the dearest first, what the target does not need. */
static void relent(weft_keep *k, double target)
{
    const double most = k->peak > target ? k->peak : target;
    for (int32_t n = 0; n < k->n_groups; n++)
        k->groups[n].stays = false;
    for (;;) {
        int32_t dearest = -1;
        for (int32_t g = 0; g < k->n_groups; g++)
            if (k->groups[g].dropped && !k->groups[g].stays &&
                (dearest < 0 || k->groups[g].price > k->groups[dearest].price))
                dearest = g;
        if (dearest < 0)
            break;
        k->groups[dearest].stays = true;
        k->groups[dearest].dropped = false;
        measure(k);
        k->groups[dearest].dropped = k->peak > most;
    }
    measure(k);
}

/* Bytes of what the forward pass has made up to node i and reads behind it. */
static double crossing(const weft_keep *k, int32_t i)
{
    double bytes = 0;
    for (int32_t g = 0; g < k->n_groups; g++)
        if (k->groups[g].first <= i && i < k->groups[g].last)
            bytes += k->groups[g].bytes;
    return bytes;
}

/* What crosses the narrowest place of each of `parts` parts of the forward pass, of equal bytes, stays; parts 0: none.
 */
static void cut(weft_keep *k, int parts, const double *made, const double *cross)
{
    for (int32_t g = 0; g < k->n_groups; g++)
        k->groups[g].dropped = k->groups[g].stays = false;
    for (int p = 0; p < parts; p++) {
        const double low = made[k->border - 1] * (p + .25) / parts, high = made[k->border - 1] * (p + 1.25) / parts;
        int32_t best = -1;
        for (int32_t i = 0; i < k->border; i++)
            if (made[i] >= low && made[i] < high && (best < 0 || cross[i] < cross[best]))
                best = i;
        for (int32_t g = 0; g < k->n_groups && best >= 0; g++)
            if (k->groups[g].first <= best && best < k->groups[g].last)
                k->groups[g].stays = true;
    }
}

static double price(const weft_keep *k)
{
    double sum = 0;
    for (int32_t g = 0; g < k->n_groups; g++)
        sum += k->groups[g].dropped ? k->groups[g].price : 0;
    return sum;
}

weft_status weft_keep_choose(weft_keep *k, double target, weft_arena *arena)
{
    static const int parts[] = { 0, 2, 3, 4, 6, 8, 12, 16, 24, 32 };
    double *made = weft_arena_array(arena, (size_t)k->border + 1, sizeof *made);
    double *cross = weft_arena_array(arena, (size_t)k->border + 1, sizeof *cross);
    bool *best = weft_arena_array(arena, (size_t)k->n_groups, sizeof *best);
    double best_peak = 0, best_price = 0;
    if (!made || !cross || !best)
        return WEFT_NO_MEMORY;
    for (int32_t g = 0; g < k->n_groups; g++)
        if (k->groups[g].droppable)
            made[k->groups[g].first] += k->groups[g].bytes;
    for (int32_t i = 0; i < k->border; i++) {
        made[i] += i > 0 ? made[i - 1] : 0;
        cross[i] = crossing(k, i);
    }
    for (int p = 0; p < WEFT_COUNT(parts); p++) {
        cut(k, parts[p], made, cross);
        descend(k, target);
        relent(k, target);
        const double pays = price(k);
        const bool fits = k->peak <= target, fitted = best_peak <= target;
        if (p > 0 && (fits != fitted ? !fits : fits ? pays >= best_price : k->peak >= best_peak))
            continue;
        best_peak = k->peak;
        best_price = pays;
        for (int32_t g = 0; g < k->n_groups; g++)
            best[g] = k->groups[g].dropped;
    }
    for (int32_t g = 0; g < k->n_groups; g++)
        k->groups[g].dropped = best[g];
    measure(k);
    return WEFT_OK;
}

/* ---- the groups ---- */

/* Whether a node can run twice: it changes nothing, and what is read of it later is its first result. */
static bool is_repeatable(const weft_gnode *gnode)
{
    return !gnode->node.op->updates && (gnode->node.n_out == 1 || gnode->node.op->again);
}

static double bytes_of(const weft_node *node)
{
    double count = 0;
    for (int i = 0; i < node->n_in; i++)
        count += (double)weft_shape_count(&node->in[i]);
    return (count + (double)weft_shape_count(&node->out[0])) * (double)sizeof(float);
}

/* Notes what the node reads when it runs once more, and what that costs. */
static weft_status note_again(weft_keep *k, int32_t i, weft_arena *arena, double *flops)
{
    const weft_node *node = &k->nodes[i].node;
    weft_again other = { 0 };
    *flops = node->op->cost(node).flops;
    k->reads[i] = ~0U;
    if (!node->op->again)
        return WEFT_OK;
    WEFT_TRY(node->op->again(node, arena, &other));
    k->reads[i] = node->epi.residual ? 1U << (node->n_in - 1) : 0;
    for (int n = 0; n < other.n_in; n++)
        k->reads[i] |= other.in[n] < 0 ? 0 : 1U << other.in[n];
    if (!is_read_again(k, i, 0)) /* what was made of it is not made once more; the result is shaped alike */
        *flops = weft_op_get(other.op)->cost(node).flops;
    return WEFT_OK;
}

static void note_results(weft_keep *k, int32_t i, double flops)
{
    const weft_gnode *gnode = &k->nodes[i];
    for (int o = 0; o < gnode->node.n_out; o++) {
        const int32_t group = k->group[gnode->out[o]];
        if (group < 0)
            continue;
        weft_keep_group *g = &k->groups[group];
        g->first = i < g->first ? i : g->first;
        g->droppable = g->droppable && o == 0 && is_repeatable(gnode);
        g->price += flops + BYTE_PRICE * bytes_of(&gnode->node);
    }
}

weft_status weft_keep_begin(weft_keep *k, weft_arena *arena)
{
    const size_t n = (size_t)k->n_nodes;
    k->lives = weft_arena_array(arena, (size_t)k->n_groups * KINDS, sizeof *k->lives);
    k->order = weft_arena_array(arena, 2 * n, sizeof *k->order);
    k->change = weft_arena_array(arena, 2 * n + 2, sizeof *k->change);
    k->seen = weft_arena_array(arena, n, sizeof *k->seen);
    k->reads = weft_arena_array(arena, n, sizeof *k->reads);
    if (!k->lives || !k->order || !k->change || !k->seen || !k->reads)
        return WEFT_NO_MEMORY;
    for (int32_t g = 0; g < k->n_groups; g++) {
        k->groups[g].first = INT32_MAX;
        k->groups[g].last = -1;
        k->groups[g].droppable = !k->lasting[g];
    }
    for (int32_t i = 0; i < k->border; i++) {
        if (k->nodes[i].dead)
            continue;
        double flops;
        WEFT_TRY(note_again(k, i, arena, &flops));
        note_results(k, i, flops);
        for (int j = 0; j < k->nodes[i].node.n_in; j++) {
            const int32_t group = k->group[k->nodes[i].in[j]];
            if (group >= 0)
                k->groups[group].last = i;
        }
    }
    for (int32_t g = 0; g < k->n_groups; g++) /* made behind the forward pass, or scratch */
        k->groups[g].droppable = k->groups[g].droppable && k->groups[g].first != INT32_MAX;
    measure(k);
    return WEFT_OK;
}
