/* SPDX-License-Identifier: Apache-2.0
 *
 * A network by name or by a weight file. */
#include "cli/subject.h"

#include <string.h>
#include <unistd.h>

bool cli_names_a_file(const char *word)
{
    return !weft_arch_find(word, WEFT_DIALECT_DEFAULT) && (strpbrk(word, "/.") || access(word, F_OK) == 0);
}

static cli_exit fail(const char *file)
{
    if (strstr(weft_error(), file))
        return cli_error(CLI_DATA, "%s", weft_error());
    return cli_error(CLI_DATA, "%s: %s", file, weft_error());
}

/* What the tensors and what is known of the file say. */
static cli_exit describe(const weft_weights *weights, const cli_size *size, cli_subject *s)
{
    const char *const text = weft_weights_meta_find(weights, "weft.recipe");
    if (weft_weights_classes(weights, s->arch->classes, &s->classes) ||
        (text && weft_recipe_parse(text, &s->recipe)) || weft_recipe_fits(&s->recipe, s->arch))
        return fail(s->file);
    s->px = s->recipe.px;
    if (size->classes && size->classes != s->classes)
        return cli_error(CLI_USAGE, "%s is of %d classes; --classes is for networks without weights", s->file,
                         s->classes);
    return CLI_OK;
}

static cli_exit find_file(weft_ctx *ctx, weft_dialect dialect, const cli_size *size, cli_subject *s,
                          weft_weights **weights)
{
    const weft_import_opt opt = { .read = { .key = size->key }, .dialect = dialect };
    weft_weights *read = NULL;
    weft_imported found;
    const weft_status status = weft_weights_import(ctx, s->file, &opt, &found, &read);
    weft_map_report_destroy(ctx, found.report);
    if (status)
        return status == WEFT_BAD_DATA ? fail(s->file) : cli_library_error(status);
    cli_tell_import(s->file, read, &found);
    s->arch = found.arch;
    s->recipe = weft_arch_recipe(s->arch, 0);
    const cli_exit code = describe(read, size, s);
    if (!code && weights)
        *weights = read;
    else
        weft_weights_destroy(read);
    return code;
}

/* The sides keep their ratio: what is cut off a photograph is the same share of it. */
static void set_px(cli_subject *s, int px)
{
    if (!px)
        return;
    s->recipe.side = (int)((int64_t)s->recipe.side * px / s->recipe.px);
    s->recipe.px = s->px = px;
}

cli_subject cli_sized(const weft_arch *arch, const cli_size *size)
{
    cli_subject s = { .arch = arch, .px = arch->px, .recipe = weft_arch_recipe(arch, 0) };
    s.classes = size->classes ? size->classes : arch->classes;
    set_px(&s, size->px);
    return s;
}

bool cli_has_own_size(const cli_subject *subject)
{
    return subject->px == subject->arch->px && subject->classes == subject->arch->classes;
}

cli_exit cli_find_subject(weft_ctx *ctx, const char *word, weft_dialect dialect, const cli_size *size,
                          cli_subject *out, weft_weights **weights)
{
    cli_subject s = { .file = cli_names_a_file(word) ? word : NULL };
    if (s.file) {
        CLI_TRY(find_file(ctx, dialect, size, &s, weights));
        set_px(&s, size->px);
    } else {
        if (size->key)
            return cli_error(CLI_USAGE, "--key is of a weight file, and %s is a network", word);
        CLI_TRY(cli_find_arch(word, dialect, &s.arch));
        s = cli_sized(s.arch, size);
    }
    *out = s;
    return CLI_OK;
}

cli_exit cli_build(weft_ctx *ctx, const cli_subject *subject, int64_t batch, weft_graph **out)
{
    const weft_arch_opt opt = {
        .dialect = subject->arch->dialect, .batch = batch, .px = subject->px, .classes = subject->classes
    };
    const weft_status status = weft_arch_build(ctx, subject->arch->name, &opt, out);
    return status ? cli_library_error(status) : CLI_OK;
}

void cli_add_planned(cli_table *table, const cli_subject *subject, weft_precision precision, int64_t batch)
{
    cli_table_add(table);
    cli_put_text(table, "model", "%s", subject->arch->name);
    cli_put_text(table, "dialect", "%s", weft_dialect_name(subject->arch->dialect));
    cli_put_number(table, "px", subject->px);
    cli_put_text(table, "precision", "%s", weft_precision_name(precision));
    cli_put_number(table, "batch", (double)batch);
}
