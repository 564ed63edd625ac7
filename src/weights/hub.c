/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands beside the weights in a folder of a hub. timm's config.json names the network, how photographs are
 * prepared, and perhaps the classes; transformers has the classes, and whether they exclude each other, in config.json
 * and the photographs in preprocessor_config.json (hub_images.c). All of it becomes metadata: hub.architecture,
 * weft.labels, weft.activation, recipe.*, and hub.differs (hub_network.c). A description of another kind, or one that
 * is no good, is no reason to refuse the weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/hub.h"

enum { PATH = 4096, CONFIG_MAX = 16 << 20, LABELS_MAX = 1 << 20, CLASSES = 1 << 16 };

/* ---- classes ---- */

/* How names stand: {"0": "daisy"}, {"daisy": 0} or ["daisy"]. */
typedef enum form { BY_NUMBER, BY_NAME, IN_ORDER } form;

/* Names by number, in whatever order they came. */
typedef struct labels {
    const char **names;
    int count; /* entries */
    int most;  /* the highest number */
    bool odd;  /* one has no number, or another's; or cannot be a line */
} labels;

static int number_of(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    return digits && digits <= 5 && !text[digits] ? (int)strtol(text, NULL, 10) : -1;
}

static weft_status read_label(weft_hub *h, form how, labels *l)
{
    const char *name = NULL, *key = NULL;
    size_t length, first;
    double value = l->count;
    if (how != IN_ORDER) {
        WEFT_TRY(weft_json_string(&h->json, "before a class", &key, &length, &first));
        WEFT_TRY(weft_json_expect(&h->json, ':', "behind a class"));
    }
    if (how == BY_NAME)
        WEFT_TRY(weft_json_real(&h->json, "the number of a class", &value));
    else
        WEFT_TRY(weft_json_string(&h->json, "before a label", &name, &length, &first));
    if (how == BY_NUMBER)
        value = number_of(key);
    name = name ? name : key;
    l->count++;
    if (!(value >= 0 && value < CLASSES) || l->names[(int)value] || strpbrk(name, "\n\r")) {
        l->odd = true;
        return WEFT_OK;
    }
    l->names[(int)value] = name;
    l->most = (int)value > l->most ? (int)value : l->most;
    return WEFT_OK;
}

/* As lines, where each number below their count has a name. */
static weft_status set_labels(weft_hub *h, const labels *l)
{
    size_t used = 0;
    if (l->odd || l->most + 1 != l->count)
        return WEFT_OK;
    char *const lines = weft_arena_alloc(h->json.arena, LABELS_MAX + 1);
    if (!lines)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < l->count; i++) {
        const size_t length = strlen(l->names[i]);
        if (used + length + 1 > LABELS_MAX)
            return WEFT_OK;
        memcpy(lines + used, l->names[i], length);
        lines[used + length] = '\n';
        used += length + 1;
    }
    lines[used - 1] = '\0';
    return weft_hub_set(h, "weft.labels", lines);
}

static weft_status read_labels(weft_hub *h, size_t at, form how)
{
    labels l = { .most = -1 };
    how = weft_json_is(&h->json, at, '[') ? IN_ORDER : how;
    if (how != IN_ORDER && !weft_json_is(&h->json, at, '{'))
        return WEFT_OK;
    l.names = weft_arena_array(h->json.arena, CLASSES, sizeof *l.names);
    if (!l.names)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_json_expect(&h->json, how == IN_ORDER ? '[' : '{', "before labels"));
    do
        WEFT_TRY(read_label(h, how, &l));
    while (l.count < CLASSES && weft_json_take(&h->json, ','));
    return set_labels(h, &l);
}

/* transformers calls classes so that it knows no names of. */
static bool are_numbers(const char *lines)
{
    return lines && strncmp(lines, "LABEL_0", 7) == 0;
}

/* What the outputs are, as transformers says it: of classes that exclude each other, of several at once, or numbers. */
static weft_status read_problem(weft_hub *h, size_t at)
{
    static const struct {
        const char *problem, *key, *text;
    } rows[] = {
        { "multi_label_classification", "weft.activation", "sigmoid" },
        { "regression", "hub.differs", "\"problem_type\": \"regression\", where weft's has classes" },
    };
    const char *problem = NULL;
    WEFT_TRY(weft_json_text_at(&h->json, at, &problem));
    for (int i = 0; problem && i < WEFT_COUNT(rows); i++) {
        if (strcmp(problem, rows[i].problem) == 0 && !weft_weights_meta_find(h->weights, rows[i].key))
            return weft_hub_set(h, rows[i].key, rows[i].text);
    }
    return WEFT_OK;
}

static weft_status read_config(weft_hub *h)
{
    enum { ARCHITECTURE, TIMM, LABEL_NAMES, BY_ID, TYPE, ARGS, BY_LABEL, PROBLEM, KEYS };
    static const char *const keys[KEYS] = {
        [ARCHITECTURE] = "architecture", [TIMM] = "pretrained_cfg", [LABEL_NAMES] = "label_names",
        [BY_ID] = "id2label", [TYPE] = "model_type", [ARGS] = "model_args", [BY_LABEL] = "label2id",
        [PROBLEM] = "problem_type",
    };
    size_t at[KEYS];
    const char *architecture = NULL, *type = NULL;
    WEFT_TRY(weft_json_members(&h->json, keys, at, KEYS));
    WEFT_TRY(weft_json_text_at(&h->json, at[ARCHITECTURE], &architecture));
    WEFT_TRY(weft_json_text_at(&h->json, at[TYPE], &type));
    if (!architecture && !at[TYPE])
        return WEFT_OK; /* of something else */
    WEFT_TRY(weft_hub_set(h, "hub.architecture", architecture));
    if (architecture)
        WEFT_TRY(weft_hub_timm(h, weft_json_is(&h->json, at[TIMM], '{') ? h->json.at : 0));
    WEFT_TRY(weft_hub_check_network(&h->json, 0, architecture ? NULL : type, h->weights));
    if (architecture && weft_json_is(&h->json, at[ARGS], '{'))
        WEFT_TRY(weft_hub_check_network(&h->json, at[ARGS], NULL, h->weights));
    WEFT_TRY(read_problem(h, at[PROBLEM]));
    const size_t by_number = at[LABEL_NAMES] ? at[LABEL_NAMES] : at[BY_ID];
    WEFT_TRY(read_labels(h, by_number ? by_number : at[BY_LABEL], by_number ? BY_NUMBER : BY_NAME));
    if (are_numbers(weft_weights_meta_find(h->weights, "weft.labels")))
        return weft_weights_set_meta(h->weights, "weft.labels", NULL);
    return WEFT_OK;
}

/* ---- files ---- */

static weft_status parse(weft_ctx *ctx, const weft_file *file, weft_weights *weights, weft_status (*read)(weft_hub *h))
{
    weft_arena arena;
    weft_arena_init(&arena, &ctx->allocator);
    weft_hub h = { .json = { .file = file, .end = file->size, .arena = &arena }, .weights = weights };
    if (file->size >= 3 && memcmp(file->data, "\xef\xbb\xbf", 3) == 0) /* a mark that some editors put there */
        h.json.at = 3;
    const weft_status status = read(&h);
    weft_arena_release(&arena);
    if (status == WEFT_NO_MEMORY)
        return status;
    if (status != WEFT_OK)
        weft_log(ctx, WEFT_LOG_WARN, "%s; what it says is not obeyed from there on", weft_error());
    return WEFT_OK;
}

static weft_status consult(weft_ctx *ctx, const char *path, const char *name, weft_weights *weights,
                           weft_status (*read)(weft_hub *h))
{
    char beside[PATH];
    const char *slash = strrchr(path, '/');
    uint64_t size = 0;
    weft_file file;
    const int n = snprintf(beside, sizeof beside, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
    if (n < 0 || n >= PATH || weft_file_size(beside, &size) != WEFT_OK || size > CONFIG_MAX)
        return WEFT_OK;
    weft_status status = weft_file_load(&ctx->allocator, beside, &file);
    if (status != WEFT_OK)
        return status == WEFT_NO_MEMORY ? status : WEFT_OK;
    status = parse(ctx, &file, weights, read);
    weft_free(&ctx->allocator, file.data);
    return status;
}

weft_status weft_hub_describe(weft_ctx *ctx, const char *path, bool of_folder, weft_weights *weights)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!of_folder && strncmp(name, "model", 5) != 0 && strncmp(name, "pytorch_model", 13) != 0)
        return WEFT_OK; /* what hubs call weights; a config.json beside other files is of anything */
    WEFT_TRY(consult(ctx, path, "config.json", weights, read_config));
    return consult(ctx, path, "preprocessor_config.json", weights, weft_hub_preprocessor);
}
