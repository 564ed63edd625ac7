/* SPDX-License-Identifier: Apache-2.0
 *
 * What several commands do: find a network by name, open a device, tell what was read, put together JSON. */
#include "cli/common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/settings.h"
#include "cli/text.h"

static void list_dialects(const char *name, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        if (strcmp(arch->name, name) == 0 && used < size)
            used +=
                (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "", weft_dialect_name(arch->dialect));
    }
}

cli_exit cli_find_arch(const char *name, weft_dialect dialect, const weft_arch **out)
{
    const weft_arch *arch = weft_arch_find(name, dialect);
    if (arch) {
        *out = arch;
        return CLI_OK;
    }
    const weft_arch *other = weft_arch_find(name, WEFT_DIALECT_DEFAULT);
    if (!other)
        return cli_error(CLI_NOT_FOUND, "unknown network '%s'; did you mean '%s'? 'weft models' lists all", name,
                         weft_arch_nearest(name));
    char dialects[64];
    list_dialects(other->name, dialects, sizeof dialects);
    return cli_error(CLI_NOT_FOUND, "%s has no dialect '%s'; it has: %s", other->name,
                     weft_dialect_name(dialect), dialects);
}

/* With --verbose, what the library notes. */
static void put_note(void *user, weft_log_level level, const char *message)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };
    (void)user;
    char *const visible = cli_visible(message);
    fprintf(stderr, "%sweft: %s: %s%s\n", cli_color(stderr, CLI_DIM), names[level], visible,
            cli_color(stderr, CLI_PLAIN));
    free(visible);
}

cli_exit cli_open(const weft_ctx_opt *opt, weft_ctx **out)
{
    weft_ctx_opt with = *opt;
    if (cli_set_for_all.verbose)
        with.log = put_note;
    const weft_status status = weft_ctx_create(&with, out);
    return status ? cli_library_error(status) : CLI_OK;
}

cli_exit cli_open_cpu(int threads, weft_ctx **out)
{
    return cli_open(&(weft_ctx_opt){ .threads = threads }, out);
}

int cli_find_device(const char *name, weft_device_info *info)
{
    int absent = -1;
    weft_device_info seen = { .missing = "this build does not know the device" };
    for (int i = 0; i < weft_device_count(); i++) {
        weft_device_info device;
        if (weft_device_get(i, &device) || strncmp(device.name, name, strlen(name)) != 0)
            continue;
        if (device.available) {
            *info = device;
            return i;
        }
        if (absent < 0)
            seen = device;
        absent = i;
    }
    *info = seen;
    return -1;
}

int64_t cli_params(const weft_arch *arch, const weft_counts *counts)
{
    return counts->trainable + (weft_arch_counts_statistics(arch) ? counts->statistics : 0);
}

FILE *cli_open_if_file(const char *path)
{
    struct stat facts;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* waits for no pipe */
    if (file < 0)
        return NULL;
    FILE *const in = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) ? fdopen(file, "r") : NULL;
    if (!in)
        close(file);
    return in;
}

cli_exit cli_open_file(const char *path, const char *wanted, FILE **out)
{
    struct stat facts;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* waits for no pipe */
    if (file < 0)
        return cli_error(errno == ENOENT || errno == ENOTDIR ? CLI_NOT_FOUND : CLI_IO, "%s: cannot be opened: %s", path,
                         strerror(errno));
    const bool regular = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
    *out = regular ? fdopen(file, "r") : NULL;
    if (*out)
        return CLI_OK;
    close(file);
    if (regular)
        return cli_error(CLI_IO, "%s: cannot be opened: %s", path, strerror(errno));
    return cli_error(CLI_DATA, "%s: is not a regular file; %s was expected", path, wanted);
}

cli_exit cli_check_output(const char *option, const char *path)
{
    struct stat facts;
    const bool there = stat(path, &facts) == 0;
    if (there && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) /* a pipe, which opening could wait for */
        return CLI_OK;
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return cli_error(CLI_CREATE, "--%s: cannot create %s: %s", option, path, strerror(errno));
    close(file);
    if (!there)
        unlink(path);
    return CLI_OK;
}

char *cli_recipe_words(const cli_recipe *recipe)
{
    const struct {
        const char *key, *value;
    } words[] = {
        { "px", recipe->px },
        { "crop", recipe->crop },
        { "interpolation", recipe->interpolation },
        { "mean", recipe->mean },
        { "std", recipe->std },
    };
    char *text = recipe->words ? cli_copy(recipe->words) : NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!words[i].value)
            continue;
        char *const longer = cli_format_text("%s %s=%s", text ? text : "", words[i].key, words[i].value);
        free(text);
        text = longer;
    }
    return text;
}

void cli_tell_import(const char *path, const weft_weights *weights, const weft_imported *found)
{
    const char *const key = weft_weights_meta_find(weights, "torch.key");
    const char *const others = weft_weights_meta_find(weights, "torch.other_keys");
    if (others)
        cli_warn("%s: the tensors under \"%s\" are taken; it also has: %s (--key)", path, key ? key : "", others);
    if (*found->doubt)
        cli_warn("%s: %s", path, found->doubt);
}

/* Goes up when a key goes, or means something else; new keys change nothing for who reads the old ones. */
enum { JSON_SCHEMA = 1 };

json_t *cli_json_document(void)
{
    json_t *root = json_object();
    cli_set_count(root, "schema", JSON_SCHEMA);
    return root;
}

json_t *cli_json_string(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    char *visible = cli_visible(text);
    string = json_string(visible);
    free(visible);
    return string;
}

void cli_set_text(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, cli_json_string(value));
}

void cli_set_count(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}

void cli_set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, json_real(value));
}

json_t *cli_json_shape(const weft_shape *shape)
{
    json_t *array = json_array();
    for (int i = 0; i < shape->rank; i++)
        json_array_append_new(array, json_integer(shape->dim[i]));
    return array;
}

double cli_json_number(const json_t *value, const char *path)
{
    char key[64];
    for (;;) {
        const size_t length = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        value = json_object_get(value, key);
        if (!path[length])
            break;
        path += length + 1;
    }
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *cli_json_text(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));
    return text ? text : "";
}

cli_exit cli_bad_limit(const char *what, const char *text, int64_t *out)
{
    char *end = NULL;
    *out = 0;
    if (strcmp(text, "fail") == 0)
        return CLI_OK;
    if (strncmp(text, "skip:", 5) == 0 && text[5] >= '0' && text[5] <= '9') {
        errno = 0;
        *out = strtoll(text + 5, &end, 10);
        if (!*end && !errno)
            return CLI_OK;
    }
    return cli_error(CLI_USAGE, "%s: '%s' is neither fail nor skip:N", what, text);
}
