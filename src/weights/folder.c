/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file of a folder holds its weights. One that hubs and trainers call so; else the only weight file there; of the
 * cache of a hub (models--owner--name) that of its only snapshot. What is kept as a folder and is no weight file is
 * named. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "weights/weights.h"

enum { PATH = 4096, LISTED = 300 };

/* How hubs call the weights in a folder, in the order in which they are looked for. */
static const char *const usual[] = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
};

/* Folders that are no hub's, by what is in them. */
static const struct {
    const char *has, *what;
} others[] = {
    { "saved_model.pb", "a TensorFlow SavedModel; save the model by model.save(\"x.h5\")" },
    { ".metadata", "a checkpoint of torch.distributed; make one file of it by python -m "
                   "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER x.pth" },
    { "_CHECKPOINT_METADATA", "a checkpoint of Orbax (JAX), which weft does not read" },
    { "Manifest.json", "a package of Core ML, which weft does not read; those weights that it was made of it reads" },
};

static const char *const suffixes[] = {
    ".safetensors", ".index.json", ".pth", ".pt", ".ckpt", ".bin", ".pth.tar", ".keras", ".h5", ".hdf5", ".npz",
};

/* What trainers keep beside weights under the same suffixes. */
static const char *const beside[] = { "optimizer", "scheduler", "scaler", "rng_state", "random_states", "training_args",
                                      "sampler", "dl_state", "custom_checkpoint" };

/* What a look through the folder found. */
typedef struct search {
    char name[256];    /* the first weight file */
    char list[LISTED]; /* all of them */
    int count;
    char index[256]; /* the only index */
    int indices;
} search;

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

static bool join(char *file, size_t size, const char *folder, const char *name)
{
    const int n = snprintf(file, size, "%s%s%s", folder, ends_with(folder, "/") ? "" : "/", name);
    return n > 0 && (size_t)n < size;
}

static bool is_there(const char *folder, const char *name, mode_t kind)
{
    char path[PATH];
    struct stat facts;
    return join(path, sizeof path, folder, name) && stat(path, &facts) == 0 && (facts.st_mode & S_IFMT) == kind;
}

/* Whether a name is that of weights; of a piece, the index is. */
static bool is_weights(const char *name)
{
    bool ends = false;
    for (int i = 0; i < WEFT_COUNT(suffixes); i++)
        ends = ends || ends_with(name, suffixes[i]);
    for (int i = 0; i < WEFT_COUNT(beside); i++)
        ends = ends && strncmp(name, beside[i], strlen(beside[i])) != 0;
    return ends && name[0] != '.';
}

static void take(search *s, const char *name)
{
    const size_t used = strlen(s->list);
    if (ends_with(name, ".index.json") && s->indices++ == 0)
        snprintf(s->index, sizeof s->index, "%s", name);
    if (s->count++ == 0)
        snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(s->list + used, LISTED - used, "%s%.80s", used ? ", " : "", name);
}

/* All weight files, whatever order the folder has. */
static void look(const char *folder, search *s)
{
    DIR *const dir = opendir(folder);
    const struct dirent *entry = NULL;
    *s = (search){ .count = 0 };
    while (dir && (entry = readdir(dir)) != NULL) {
        if (is_weights(entry->d_name) && is_there(folder, entry->d_name, S_IFREG))
            take(s, entry->d_name);
    }
    if (dir)
        closedir(dir);
}

/* The folder of the only snapshot in a hub's cache. */
static bool find_snapshot(const char *folder, char *out, size_t size)
{
    char snapshots[PATH];
    int count = 0;
    if (!join(snapshots, sizeof snapshots, folder, "snapshots"))
        return false;
    DIR *const dir = opendir(snapshots);
    const struct dirent *entry = NULL;
    while (dir && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && is_there(snapshots, entry->d_name, S_IFDIR) &&
            join(out, size, snapshots, entry->d_name))
            count++;
    }
    if (dir)
        closedir(dir);
    return count == 1;
}

static weft_status nothing(const char *folder, const search *s)
{
    for (int i = 0; i < WEFT_COUNT(others); i++) {
        if (is_there(folder, others[i].has, S_IFREG))
            return weft_fail(WEFT_BAD_DATA, "%s: is %s", folder, others[i].what);
    }
    if (s->count > 1)
        return weft_fail(WEFT_BAD_DATA, "%s: is a directory with several weight files; name one: %s", folder, s->list);
    return weft_fail(WEFT_BAD_DATA, "%s: is a directory, and has neither model.safetensors nor pytorch_model.bin nor "
                     "an index of one, nor one other weight file; a weight file was expected", folder);
}

weft_status weft_weights_find_in_folder(const char *folder, char *file, size_t size)
{
    char snapshot[PATH];
    search s;
    if (find_snapshot(folder, snapshot, sizeof snapshot))
        folder = snapshot;
    for (int i = 0; i < WEFT_COUNT(usual); i++) {
        if (is_there(folder, usual[i], S_IFREG) && join(file, size, folder, usual[i]))
            return WEFT_OK;
    }
    look(folder, &s);
    const char *const only = s.indices == 1 ? s.index : s.count == 1 ? s.name : NULL; /* an index comes with pieces */
    return only && join(file, size, folder, only) ? WEFT_OK : nothing(folder, &s);
}
