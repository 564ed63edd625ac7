/* SPDX-License-Identifier: Apache-2.0
 *
 * Is every layer computed by something? A cell holds a plan of cuDNN's, or there is another way: a plan of the layer
 * without what is behind it, which has a row, too, and a kernel of weft's for the rest; or cuBLASLt. */
#include "plans.h"

#include <stdlib.h>
#include <string.h>

/* Who computes a layer that cuDNN has no engine for; NULL: nobody. */
static const char *other_way(const layer *l)
{
    static const struct {
        const char *op, *behind, *way;
    } others[] = {
        { "matmul ", "", "cuBLASLt, else weft_launch_gemm" },
        { "dgrad ", " residual", "the gradient's plan, then weft_launch_map" },
        { "conv ", " stats", "the convolution's plan, then weft_launch_norm_stats" },
        { "conv ", " maxpool", "the convolution's plan, then weft_launch_pool2d" },
    };
    for (int i = 0; i < WEFT_COUNT(others); i++)
        if (strncmp(l->text, others[i].op, strlen(others[i].op)) == 0 && strstr(l->text, others[i].behind))
            return others[i].way;
    return NULL;
}

static bool is_plan(char cell)
{
    return cell && strchr("PpRr", cell) != NULL;
}

/* NULL: something computes the cell; else what is wrong. */
static const char *fault_of(const layers *all, const row *rows, int i, int n)
{
    const layer *l = &all->list[i];
    const char cell = rows[i].cell[n];
    if (!l->used[n])
        return cell == '.' ? NULL : "no network asks for it";
    if (!cell)
        return "not asked";
    if (l->own || is_plan(cell))
        return l->own == (cell == 'w') ? NULL : "not the kernel that takes it";
    if (cell != '-' || !other_way(l))
        return "no plan, and nothing else takes it";
    const int alone = l->alone[0] ? layers_find(all, l->alone) : -1;
    return !l->alone[0] || (alone >= 0 && is_plan(rows[alone].cell[n])) ? NULL
                                                                        : "no plan, and none without what is behind it";
}

static void name_cell(const layers *all, int i, int n, const char *what)
{
    printf("%s %s %s (%s): %s\n", layer_targets[n / LAYER_PRECISIONS], layer_precisions[n % LAYER_PRECISIONS].name,
           all->list[i].text, all->list[i].network, what);
}

int plans_count_bad(const layers *all, const layers_wanted *wanted, const row *rows)
{
    int bad = 0, others_take = 0;
    for (int i = 0; i < all->count; i++)
        for (int n = 0; n < LAYER_CELLS; n++) {
            const char cell = rows[i].cell[n];
            if (!layers_wants(wanted, n) || !cell || !strchr("-!?", cell))
                continue;
            const char *fault = fault_of(all, rows, i, n);
            name_cell(all, i, n, fault ? fault : other_way(&all->list[i]));
            others_take += !fault;
            bad += fault != NULL;
        }
    printf("%d cells without a plan are taken by another kernel\n", others_take);
    return bad;
}

int plans_check_whole(const layers *all, const layers_wanted *wanted, const row *rows, const plans_file *file)
{
    enum { NAMED = 20 };
    int count[128] = { 0 }, bad = 0;
    for (int i = 0; i < all->count; i++)
        for (int n = 0; n < LAYER_CELLS; n++) {
            if (!all->planned[n / LAYER_PRECISIONS])
                continue;
            const char *fault = layers_wants(wanted, n) ? fault_of(all, rows, i, n) : NULL;
            if (!rows[i].cell[n])
                fault = "not asked";
            if (fault && bad < NAMED)
                name_cell(all, i, n, fault);
            bad += fault != NULL;
            if (layers_wants(wanted, n))
                count[(unsigned char)rows[i].cell[n] & 127]++;
        }
    if (file->strangers > 0)
        printf("%d rows of the golden file are no layer of any network\n", file->strangers);
    printf("%d cells P, %d p, %d R, %d r, %d -, %d w; %d wrong\n", count['P'], count['p'], count['R'], count['r'],
           count['-'], count['w'], bad);
    return bad + file->strangers;
}
