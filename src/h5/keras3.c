/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras 3's .weights.h5: groups follow the objects of the model ("layers/sequential/layers/conv2d_1"), and the
 * variables of each are numbered in its group "vars", whose attribute "name" is the layer's name. */
#include "helper.h"

#include <string.h>

typedef struct walk {
    model *model;
    bool by_attributes; /* take names from attributes where there are some */
    bool any_attribute; /* there was one */
} walk;

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

/* Says nothing in a name. */
static const char *const containers[] = { "layers", "_layer_checkpoint_dependencies", NULL };
/* Holds no weights: the state of random layers. */
static const char *const skipped[] = { "seed_generator", NULL };

/* What the layer of this group is called by its variables' attribute; NULL if nothing is noted. */
static char *noted_name(walk *w, hid_t group, const char *path)
{
    const hid_t vars = open_below(group, path, "vars", H5I_GROUP);
    if (vars < 0)
        return NULL;
    char *name = read_string(vars, text("%s/vars", path), "name", MAX_NAME);
    H5Gclose(vars);
    if (!name || name[0] == '\0')
        return NULL;
    w->any_attribute = true;
    return name;
}

static void walk_group(walk *w, hid_t group, const char *path, const char *prefix, int depth, bool in_vars);

/* The group `link` of a group whose objects are called prefix. */
static void walk_child(walk *w, hid_t child, const char *path, const char *prefix, const char *link, int depth,
                       bool in_vars)
{
    char *noted = NULL;
    if (is_one_of(link, skipped) || (depth == 0 && (strcmp(link, "optimizer") == 0 || strcmp(link, "metrics") == 0)))
        return;
    if (!in_vars && strcmp(link, "vars") == 0) {
        walk_group(w, child, path, depth == 0 ? (w->model->name ? w->model->name : "vars") : prefix, depth + 1, true);
        return;
    }
    if (!in_vars && is_one_of(link, containers)) {
        walk_group(w, child, path, prefix, depth + 1, false);
        return;
    }
    if (!in_vars)
        noted = noted_name(w, child, path);
    const char *name = w->by_attributes && noted ? noted : link;
    walk_group(w, child, path, text("%s%s%s", prefix, prefix[0] ? "/" : "", name), depth + 1, in_vars);
}

static void walk_group(walk *w, hid_t group, const char *path, const char *prefix, int depth, bool in_vars)
{
    if (depth > MAX_DEPTH)
        refuse(BAD, "%s: groups are nested more than %d deep", path, MAX_DEPTH);
    const link_list links = list_links(group, path);
    for (uint64_t i = 0; i < links.count; i++) {
        const char *link = links.names[i];
        const char *here = text("%s/%s", path, link);
        const hid_t object = open_link(group, path, link, H5I_BADID);
        const H5I_type_t type = H5Iget_type(object);
        if (type == H5I_DATASET && in_vars) {
            add_tensor(w->model, object, here, text("%s/%s", prefix, link));
            continue; /* the model keeps it open */
        }
        if (type == H5I_DATASET)
            refuse(BAD, "%s: is a data set outside of the groups of variables (vars) that Keras writes", here);
        if (type == H5I_GROUP)
            walk_child(w, object, here, prefix, link, depth, in_vars);
        H5Oclose(object);
    }
}

bool read_keras3(hid_t root, model *m)
{
    static const char *const marks[] = { "layers", "_layer_checkpoint_dependencies", "vars", NULL };
    bool ours = false;
    for (int i = 0; marks[i]; i++) {
        const htri_t there = H5Lexists(root, marks[i], H5P_DEFAULT);
        if (there < 0)
            refuse_h5("/%s: cannot be looked up", marks[i]);
        ours = ours || there;
    }
    if (!ours)
        return false;
    walk w = { .model = m, .by_attributes = true };
    m->format = "keras-weights-h5";
    m->name = noted_name(&w, root, "");
    walk_group(&w, root, "", "", 0, false);
    m->names = w.any_attribute ? "attributes" : "paths";
    if (duplicate_name(m)) { /* two layers with one name: then the paths tell them apart */
        m->count = 0;
        m->bytes = 0;
        m->names = "paths";
        w.by_attributes = false;
        walk_group(&w, root, "", "", 0, false);
    }
    return true;
}
