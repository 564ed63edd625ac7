/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the mechanism share: a file's tensors by name (source.c), leaves (leaf.c), layouts (order.c), and
 * which tensor is which parameter (resolve.c). */
#ifndef WEFT_WEIGHTS_NAMES_MAP_H
#define WEFT_WEIGHTS_NAMES_MAP_H

#include <weft/recipe.h>

#include "base/alloc.h"
#include "weights/names/table.h"

/* What the description beside a file calls its network: metadata. */
#define WEFT_META_ARCHITECTURE "hub.architecture"
/* What it says of the network that weft's has otherwise: metadata. */
#define WEFT_META_DIFFERS "hub.differs"

/* ---- tables and their patterns ---- */

/* Table i of all, or NULL behind the last. */
const weft_name_table *weft_name_table_get(int index);
/* Whether a table is for a row of the registry. */
bool weft_name_table_fits(const weft_name_table *table, const weft_arch *arch);

enum { WEFT_NAME_MAX = 256 }; /* bytes of a name with its end; longer ones match nothing */

typedef struct weft_name_values {
    int64_t value['z' - 'a' + 1];
} weft_name_values;

/* Whether all of text is as the pattern says; fills *values. */
bool weft_name_match(const char *pattern, const char *text, weft_name_values *values);
/* The same for any of the patterns between '|'. */
bool weft_name_match_any(const char *patterns, const char *text);

/* What a template's {#stem} needs: writes the name of the k-th layer of the stem (of length chars); false if there is
 * none. k < 0: the next one. */
typedef bool weft_name_numbered(void *arg, const char *stem, size_t length, int64_t k, char *buf, size_t size);
/* Writes the template with its braces replaced; false if it does not fit, or numbered said so. */
bool weft_name_expand(const char *source, const weft_name_values *values, int64_t matched, weft_name_numbered *numbered,
                      void *arg, char *buf, size_t size);

/* ---- a file's tensors ---- */

/* How names and layouts are written. */
typedef enum weft_style { WEFT_STYLE_OURS, WEFT_STYLE_TORCH, WEFT_STYLE_KERAS, WEFT_STYLE_COUNT } weft_style;

typedef struct weft_source_key {
    const char *key; /* the name without what training scripts put before it */
    int64_t index;
} weft_source_key;

/* Tensors of a file that prepare its images (statistics.c), by index. */
typedef struct weft_statistics {
    int64_t mean, std;
    int64_t again[2]; /* the same once more, as a module has that another holds too; -1: not there */
} weft_statistics;

typedef struct weft_source {
    weft_arena *arena;
    int64_t count;
    weft_weight *tensors;        /* in the file's order */
    const char **key;            /* of each */
    weft_source_key *sorted;     /* by key */
    struct weft_stem *stems;     /* numbered layers looked for so far */
    bool *ignored[WEFT_STYLE_COUNT]; /* tensors that never matter, where that was asked; NULL */
    const weft_statistics *statistics; /* NULL: the file has none */
    const char *unread;          /* a tensor that was left out, as a sentence; NULL */
    bool unnamed;                /* its layers are counted by class: "conv2d_3/0" (src/weights/h5.c) */
    const char *prefix;          /* what most keys have lost beside the usual; NULL: nothing */
    struct weft_source *next;    /* the same tensors, their keys without one more prefix; NULL */
} weft_source;

weft_status weft_source_open(weft_source *source, weft_arena *arena, const weft_weights *weights);
/* Makes keys and order of tensors that are set, as open does. */
weft_status weft_source_sort(weft_source *source);
/* The order alone, of keys that are set. */
void weft_source_sort_keys(weft_source *source);
/* Looks for a mean and a deviation of pixels; of torch's style only. */
weft_status weft_statistics_find(weft_source *source);
/* Whether it is one of them. */
bool weft_statistics_has(const weft_source *source, int64_t index);
/* Their values, of pixels from 0 to 1; reversed: of channels in the order blue, green, red. */
weft_status weft_statistics_read(const weft_source *source, double mean[3], double std[3], bool *reversed);
/* What to do where weights are stored as what they are made of (pruned, normalised); NULL: they are not. */
const char *weft_source_derived(const weft_source *source);
/* Index of the tensor of that key; -1 if there is none. */
int64_t weft_source_find(const weft_source *source, const char *key);
/* The k-th layer of a stem (see {#stem}); source NULL: as a fresh session of Keras would number them. */
bool weft_source_numbered(weft_source *source, const char *stem, size_t length, int64_t k, char *buf, size_t size);

/* ---- leaves and layouts ---- */

weft_style weft_origin_style(weft_origin origin);

/* The c-th name that a parameter may have there, from its layer's name, its leaf and its position among the layer's
 * parameters; given: the leaf of the template, or NULL. False when there are no more. */
bool weft_leaf_candidate(weft_style style, const char *layer, const char *leaf, const char *given, int position, int c,
                         char *buf, size_t size);
/* Tensors of every file of that style that do not matter. */
bool weft_leaf_ignored(weft_style style, const char *key);

/* How a tensor lies: the dimensions of the file as a view of four, in the order in which ours takes them. */
typedef struct weft_tensor_order {
    const char *name;
    int64_t view[4];
    int order[4];
} weft_tensor_order;

/* map: height, width, channels of what was flattened before a dense layer; zeros: nothing was. False: no layout of that
 * style makes `want` of a tensor shaped `have`. */
bool weft_tensor_order_find(weft_style style, const weft_shape *have, const weft_shape *want, const int64_t map[3],
                      weft_tensor_order *out);
/* The layout and shape that a parameter usually has there; conv: it is a convolution's. */
const char *weft_tensor_order_usual(weft_style style, const weft_shape *want, bool conv, const int64_t map[3],
                              weft_shape *shape);
void weft_tensor_order_apply(const weft_tensor_order *layout, const float *in, float *out);

/* ---- which tensor is which parameter ---- */

typedef struct weft_match {
    weft_param_info param;
    const weft_name_rule *rule; /* NULL: no rule names the layer */
    int64_t source;             /* index; -1: not found */
    int64_t gamma;              /* of WEFT_NAME_GAMMA: index; -1: none */
    const weft_name_rule *fill; /* for a parameter that was not found */
    const char *name;           /* what was looked for first; NULL: nothing */
} weft_match;

typedef struct weft_resolved {
    weft_origin origin;
    const weft_name_table *table; /* NULL: our own names */
    weft_source *source;          /* the view in which tensors were found */
    int count;                    /* parameters */
    weft_match *match;
    int found, missing;           /* parameters with a tensor; with neither tensor nor fill */
    const char *head;             /* the file's layer that is the classifier though it is called otherwise; NULL */
} weft_resolved;

/* The shape of what a parameter takes of its tensor: all, or half of the outputs. */
weft_shape weft_match_shape(const weft_match *match, const weft_weight *tensor);
/* 2 if it takes half, else 1. */
int weft_match_parts(const weft_match *match);

/* Looks every parameter of graph up. source NULL: only says the names. table NULL: our own. */
weft_status weft_resolve(weft_arena *arena, const weft_graph *graph, const weft_name_table *table,
                         weft_source *source, weft_resolved *out);
/* The best of all tables for a row of the registry; origin AUTO: any. out->match stays NULL if there is no table. */
weft_status weft_resolve_best(weft_arena *arena, const weft_graph *graph, const weft_arch *arch,
                              weft_origin origin, weft_source *source, weft_resolved *out);
/* Marks the tensors that parameters took, used[source->count]. */
void weft_resolve_used(const weft_resolved *resolved, bool *used);
/* Whether a tensor of the file that no parameter took is known not to matter. */
bool weft_resolve_ignores(const weft_resolved *resolved, int64_t index);

/* What is flattened before a dense layer: [height, width, channels], or zeros. */
void weft_flattened_map(const weft_graph *graph, const char *layer, int64_t map[3]);

/* ---- the classifier (head.c) ---- */

/* Index of the first parameter of the network's last layer. */
int weft_head_first(const weft_resolved *resolved);
/* How many classes the file's classifier has, 0: it is not known. */
int weft_head_classes(const weft_resolved *resolved);
/* Where nothing but the classifier is missing, and the file has one dense layer of its width left, takes that. */
weft_status weft_head_adopt(weft_arena *arena, weft_resolved *resolved);
/* "fc.0 [64, 512], fc.2 [10, 64]": the dense layers that are left, where nothing but the classifier is missing; how
 * many there are. */
weft_status weft_head_left(weft_arena *arena, const weft_resolved *resolved, char *buf, size_t size, int *count);

/* ---- layers ---- */

/* How a layer of the file does arithmetic otherwise than weft's that takes its tensors, as a sentence; NULL: none does,
 * or *failed, which is for want of memory. graph is what was resolved. */
const char *weft_layers_differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph,
                               const weft_resolved *resolved, const weft_arch *arch, bool *failed);
/* The same of pools. */
const char *weft_pools_differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph, const weft_arch *arch,
                              bool *failed);

/* The same of activations. */
const char *weft_acts_differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph, bool *failed);

/* ---- recipes ---- */

/* The recipe for a file of the network by an origin's names: its publisher's, but for what metadata recipe.* and the
 * file's own statistics say. BAD_DATA if they ask for what no recipe can; where that is taken leniently, it is passed
 * over. */
weft_status weft_recipe_asked(const weft_weights *in, const weft_source *source, weft_origin origin,
                              const weft_arch *arch, bool lenient, weft_recipe *out);

/* Words for the recipe of a file that a framework publishes and evaluates otherwise than the network's first; NULL. */
const char *weft_published_recipe(const char *path, const weft_arch *arch);
/* Whether the file is called as the network is, with more to it: resnetblur18 where resnet18 was found. */
bool weft_name_is_longer(const char *path, const weft_arch *arch);

/* weft.classes of the metadata; 0: nothing, or nonsense. */
int weft_classes_said(const weft_weights *in);
/* Whether the text is a weft.activation; NULL: it is the default. */
bool weft_readout_is_known(const char *text);

/* ---- reports ---- */

weft_status weft_report_create(weft_ctx *ctx, const weft_resolved *resolved, weft_map_report **out);
/* Copies the name. */
weft_status weft_report_set_nearest(weft_map_report *report, const char *nearest);

/* A file that is not taken. */
typedef struct weft_finding {
    weft_ctx *ctx;
    const weft_arch *arch;
    weft_arena *arena;
    weft_source *source;
    const weft_resolved *resolved;
    int misshapen;   /* the first parameter whose tensor has no order that fits; -1: none */
    bool incomplete; /* tensors are missing, or unknown */
} weft_finding;
/* BAD_DATA with the sentence that says why. */
weft_status weft_map_refuse(const weft_finding *finding, weft_map_report *report);

/* "resnet50", and "resnet50 (keras)" where that is not its default dialect. */
void weft_describe_network(const weft_arch *arch, char *buf, size_t size);
/* How well the tensors are those of a network, by any origin: 0 to 1. By name and shape; by name only. */
typedef struct weft_score {
    double fit, names;
} weft_score;
weft_status weft_score_network(weft_ctx *ctx, const weft_arch *arch, weft_source *source, weft_score *out);
/* The network that the tensors fit best, with its dialect where that is not its default, if they fit it better than
 * arch; else NULL. Text of arena. */
weft_status weft_nearest_network(weft_ctx *ctx, weft_arena *arena, weft_source *source, const weft_arch *arch,
                                 const char **out);

#endif
