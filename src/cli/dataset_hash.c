/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset hash: the digests of a set's files, and whether they are those of a list. The list is that of
 * sha256sum: a digest, two spaces, the path in the folder. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/dataset.h"
#include "cli/text.h"

enum { DIGEST = 64, LINE = 8192 };

typedef struct hash_args {
    const char *verify;
    bool json;
} hash_args;

typedef struct entry {
    const char *path; /* in the folder */
    char digest[DIGEST + 1];
    bool listed;
} entry;

typedef struct hash {
    const hash_args *args;
    dataset data;
    entry *entries; /* by path */
    int64_t count;
    int64_t changed, missing, added;
    json_t *faults;
} hash;

static int by_path(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

static cli_exit digest_files(hash *h)
{
    const size_t folder = strlen(weft_trainset_path(h->data.set));
    h->count = weft_trainset_file_count(h->data.set);
    h->entries = cli_alloc((size_t)h->count, sizeof *h->entries);
    for (int64_t i = 0; i < h->count; i++) {
        const char *const path = weft_trainset_file(h->data.set, i);
        h->entries[i].path = path + folder + strspn(path + folder, "/");
        if (!*h->entries[i].path) /* the set is a file */
            h->entries[i].path = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        CLI_TRY_LIBRARY(weft_file_digest(path, h->entries[i].digest));
        if (strpbrk(h->entries[i].path, "\n\\"))
            return cli_error(CLI_DATA, "a file's name has a line break or a backslash: the list cannot name it");
    }
    qsort(h->entries, (size_t)h->count, sizeof *h->entries, by_path);
    return CLI_OK;
}

/* One digest for the whole set: of the list itself. */
static void digest_list(const hash *h, char hex[DIGEST + 1])
{
    size_t size = 1, used = 0;
    for (int64_t i = 0; i < h->count; i++)
        size += DIGEST + strlen(h->entries[i].path) + 3;
    char *const text = cli_alloc(size, 1);
    for (int64_t i = 0; i < h->count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s  %s\n", h->entries[i].digest, h->entries[i].path);
    weft_bytes_digest(text, used, hex);
    free(text);
}

static void tell(hash *h, const char *path, const char *what)
{
    char *const line = cli_format_text("%s: %s", path, what);
    json_array_append_new(h->faults, cli_json_string(line));
    if (!h->args->json) {
        cli_put_visible(stdout, line);
        putchar('\n');
    }
    free(line);
}

static cli_exit check_line(hash *h, char *line, int64_t number)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (strspn(line, "0123456789abcdef") != DIGEST || line[DIGEST] != ' ' || !strchr(" *", line[DIGEST + 1]) ||
        !line[DIGEST + 1] || !line[DIGEST + 2])
        return cli_error(CLI_DATA, "%s: line %" PRId64 ": a digest of 64 digits, two spaces and a path were expected",
                         h->args->verify, number);
    const entry wanted = { .path = line + DIGEST + 2 };
    entry *const found = bsearch(&wanted, h->entries, (size_t)h->count, sizeof *h->entries, by_path);
    if (!found) {
        h->missing++;
        tell(h, wanted.path, "is in the list, not in the set");
        return CLI_OK;
    }
    found->listed = true;
    if (memcmp(found->digest, line, DIGEST) != 0) {
        h->changed++;
        tell(h, wanted.path, "is another file than when the list was made");
    }
    return CLI_OK;
}

static cli_exit compare(hash *h, FILE *file)
{
    char *const line = cli_alloc(LINE, 1);
    cli_exit code = CLI_OK;
    for (int64_t number = 1; !code && fgets(line, LINE, file); number++)
        code = check_line(h, line, number);
    free(line);
    if (!code && ferror(file))
        code = cli_error(CLI_IO, "%s: cannot be read", h->args->verify);
    for (int64_t i = 0; !code && i < h->count; i++) {
        if (h->entries[i].listed)
            continue;
        h->added++;
        tell(h, h->entries[i].path, "is in the set, not in the list");
    }
    return code;
}

/* Names byte by byte, for --verify; on a terminal as text. */
static void print_list(const hash *h)
{
    const bool seen = isatty(STDOUT_FILENO);
    for (int64_t i = 0; i < h->count; i++) {
        printf("%s  ", h->entries[i].digest);
        if (seen)
            cli_put_visible(stdout, h->entries[i].path);
        else
            fputs(h->entries[i].path, stdout);
        putchar('\n');
    }
}

static void print_json(const hash *h)
{
    char hex[DIGEST + 1];
    json_t *const root = cli_json_document(), *const files = json_object();
    dataset_put_json(root, h->data.set);
    digest_list(h, hex);
    cli_set_text(root, "sha256", hex);
    for (int64_t i = 0; i < h->count; i++) {
        char *const path = cli_visible(h->entries[i].path);
        cli_set_text(files, path, h->entries[i].digest);
        free(path);
    }
    json_object_set_new(root, "files", files);
    if (h->args->verify)
        json_object_set(root, "faults", h->faults);
    cli_json_print(root, stdout);
    json_decref(root);
}

static cli_exit examine(const cli_call *call, hash *h)
{
    FILE *list = NULL;
    if (h->args->verify)
        CLI_TRY(cli_open_file(h->args->verify, "a list of digests", &list));
    cli_exit code = dataset_open(call, &h->data);
    if (!code)
        code = digest_files(h);
    if (!code && list)
        code = compare(h, list);
    if (list)
        fclose(list);
    CLI_TRY(code);
    if (h->args->json)
        print_json(h);
    else if (!h->args->verify)
        print_list(h);
    else
        printf("%" PRId64 " files: %" PRId64 " changed, %" PRId64 " missing, %" PRId64 " new\n", h->count, h->changed,
               h->missing, h->added);
    return h->changed + h->missing + h->added ? CLI_DATA : CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    hash h = { .args = call->args, .faults = json_array() };
    const cli_exit code = examine(call, &h);
    free(h.entries);
    json_decref(h.faults);
    dataset_close(&h.data);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_FILE(hash_args, verify, 0, "verify", "FILE", NULL,
             "compare with this list: files that changed, are missing or new are named, and the exit status is 65"),
    ROW_JSON(hash_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_dataset_hash = {
    .name = "dataset hash",
    .takes = CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = DATASET_SYNOPSIS,
    .brief = "print or verify the digests of a set's files",
    .description =
        "Prints the SHA-256 of every file of a set, by its path in the folder, as sha256sum does; --verify compares "
        "with such a list. " DATASET_OPERAND "Two of three photographs in which a bit flips decode to other pixels "
        "without a word: only a list of digests finds them. The JSON has a digest of the whole list, too.",
    .examples = "weft dataset hash flowers > flowers.sha256|make the list\n"
                "weft dataset hash flowers --verify flowers.sha256|is it still the same set?",
    .rows = rows,
    .args_size = sizeof(hash_args),
    .run = run,
};
