/* SPDX-License-Identifier: Apache-2.0
 *
 * weft convert: another framework's weight file becomes one of ours, tensor by tensor, with what the user has to know
 * about it kept as metadata. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/bar.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/names.h"
#include "cli/spare.h"
#include "cli/table.h"
#include "cli/text.h"

enum { LISTED = 10, MAX_LABELS = 1 << 20 };

typedef struct convert_args {
    const char *model, *names, *key, *classes;
    cli_recipe recipe;
    weft_readout activation;
    weft_dialect dialect;
    weft_origin from;
    bool no_strict, no_verify, force, json;
    cli_progress progress;
} convert_args;

/* One conversion. */
typedef struct job {
    const convert_args *args;
    const char *in, *out;
    weft_ctx *ctx;
    weft_weights *read, *mapped;
    weft_map_report *report;
    const weft_arch *arch;
    const char *how; /* the network was found */
    char digest[65];
    cli_bar bar;
} job;

/* ---- reading ---- */

/* "FILE: sentence", with the exit code of status. */
static cli_exit fail(const job *j, weft_status status)
{
    const char *sentence = weft_error();

    if (strstr(sentence, j->in))
        return cli_error(cli_exit_of(status), "%s", sentence);
    return cli_error(cli_exit_of(status), "%s: %s", j->in, sentence);
}

/* Shares of the time are those of a file of some hundred megabytes: a digest is slower than a disk. */
static void begin(job *j, const char *what, double share)
{
    const double elapsed = cli_now() - j->bar.start;
    cli_bar_show(&j->bar, what, share, share > 0 ? elapsed * (1 - share) / share : (double)NAN, true);
}

static cli_exit read_file(job *j)
{
    struct stat about;
    const weft_read_opt opt = { .key = j->args->key };
    weft_status status = weft_weights_read_with(j->ctx, j->in, &opt, &j->read); /* looks at the header first */

    begin(j, "computing the digest", .15);
    if (status)
        return fail(j, status);
    if (stat(j->in, &about) == 0 && S_ISDIR(about.st_mode))
        return CLI_OK; /* a hub's folder has no digest */
    status = j->args->no_verify ? weft_file_digest(j->in, j->digest) : weft_file_verify(j->in, j->digest);
    if (status == WEFT_BAD_DATA)
        return cli_error(CLI_DATA, "%s (--no-verify takes it as it is)", weft_error());
    return status ? fail(j, status) : CLI_OK;
}

/* ---- mapping ---- */

static void list(const char *what, const char *const *names, int64_t count)
{
    for (int64_t i = 0; i < count && i < LISTED; i++) {
        fprintf(stderr, "  %s: ", what);
        cli_put_visible(stderr, names[i]);
        fputc('\n', stderr);
    }
    if (count > LISTED)
        fprintf(stderr, "  %s: ... and %" PRId64 " more\n", what, count - LISTED);
}

static cli_exit take(job *j)
{
    weft_imported found;
    weft_import_opt opt = { .dialect = j->args->dialect,
                            .map = { .origin = j->args->from, .lenient = j->args->no_strict } };

    if (j->args->model) {
        CLI_TRY(cli_find_arch(j->args->model, j->args->dialect, &j->arch));
        opt.arch = j->arch->name;
    }
    const weft_status status = weft_weights_take(j->ctx, j->read, j->in, &opt, &found, &j->mapped);
    j->report = found.report;
    j->arch = found.arch;
    j->how = found.how;
    if (*found.doubt)
        cli_warn("%s: %s", j->in, found.doubt);
    if (status == WEFT_NOT_FOUND && !opt.arch)
        return cli_error(CLI_DATA, "%s: %s; name the network with --model", j->in, weft_error());

    const cli_exit code = status ? fail(j, status) : CLI_OK;
    if (j->report) {
        list("missing", j->report->missing, j->report->missing_count);
        list("unknown", j->report->unused, j->report->unused_count);
    }
    return code;
}

/* ---- what is kept with the tensors ---- */

/* The file of class names as text; prints why not. One line for each class. */
static cli_exit read_labels(const char *path, int64_t expected, char **out)
{
    FILE *file;
    size_t size = 0, room = 4096, n;
    int64_t lines = 0;

    CLI_TRY(cli_open_file(path, "a text of class names", &file));
    char *text = cli_alloc(room, 1);
    while ((n = fread(text + size, 1, room - size - 1, file)) > 0 && size + n < MAX_LABELS * 64) {
        size += n;
        if (size + 1 == room)
            text = cli_grow(text, room *= 2, 1);
    }
    fclose(file);
    text[size] = '\0';
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        text[--size] = '\0';
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    lines += size > 0;
    *out = text;
    if (strlen(text) == size && (lines == expected || (lines == 2 && expected == 1))) /* no and yes of one output */
        return CLI_OK;
    return cli_error(CLI_DATA, "%s: %" PRId64 " lines of text, expected %" PRId64 ", one for each class", path, lines,
                     expected);
}

static cli_exit set(job *j, const char *key, const char *text)
{
    CLI_TRY_LIBRARY(weft_weights_set_meta(j->mapped, key, text));
    return CLI_OK;
}

static cli_exit set_labels(job *j, int64_t classes)
{
    const char *path = j->args->classes;
    char *labels = NULL;
    cli_exit code = read_labels(path, classes, &labels);

    if (!code) {
        const weft_status status = weft_weights_set_meta(j->mapped, "weft.labels", labels);
        if (status == WEFT_INVALID)
            code = cli_error(CLI_DATA, "%s: is not UTF-8, which names of classes must be", path);
        else if (status)
            code = cli_library_error(status);
    }
    free(labels);
    return code;
}

/* The file's recipe, else the publisher's, with what the user says otherwise. */
static cli_exit set_recipe(job *j)
{
    const char *const own = weft_weights_meta_find(j->mapped, "weft.recipe");
    weft_recipe recipe = weft_arch_recipe(j->arch, 0);
    char text[WEFT_RECIPE_TEXT];
    char *const words = cli_recipe_words(&j->args->recipe);
    weft_status status = own ? weft_recipe_parse(own, &recipe) : WEFT_OK;
    if (!status && words)
        status = weft_recipe_change(words, &recipe);
    free(words);
    if (!status)
        status = weft_recipe_fits(&recipe, j->arch);
    if (status)
        return fail(j, status);
    CLI_TRY(set(j, "weft.preprocess", weft_preprocess_name(recipe.preprocess)));
    CLI_TRY(set(j, "weft.recipe", weft_recipe_text(&recipe, text, sizeof text)));
    return j->args->activation ? set(j, "weft.activation", weft_readout_name(j->args->activation)) : CLI_OK;
}

static bool is_changed(const convert_args *args)
{
    const cli_recipe *r = &args->recipe;
    return r->words || r->px || r->crop || r->interpolation || r->mean || r->std || args->activation;
}

/* What the user says of images and outputs must be what the network can do: a classifier is made of the result, as
 * weft classify will. Not where tensors are missing, of which none can be made. */
static cli_exit try_it(const job *j)
{
    weft_classifier *classifier = NULL;
    if (!is_changed(j->args) || j->report->missing_count > 0)
        return CLI_OK;
    const weft_status status = weft_classifier_create(j->ctx, j->mapped, NULL, &classifier);
    weft_classifier_destroy(classifier);
    return status ? fail(j, status) : CLI_OK;
}

static cli_exit add_metadata(job *j)
{
    const char *slash = strrchr(j->in, '/');
    int count = 0;
    char *name = cli_visible(slash ? slash + 1 : j->in); /* whose bytes may be no UTF-8 */
    char *source = cli_format_text("%s%s%s", name, *j->digest ? " sha256:" : "", j->digest);
    const cli_exit code = set(j, "weft.source", source);

    free(source);
    free(name);
    CLI_TRY(code);
    CLI_TRY(set_recipe(j));
    if (weft_weights_classes(j->mapped, 0, &count))
        return cli_error(CLI_DATA, "%s: %s", j->in, weft_error());
    if (j->args->classes)
        CLI_TRY(set_labels(j, count));
    return try_it(j);
}

/* ---- writing ---- */

static int64_t bytes_of(const weft_weights *weights)
{
    int64_t bytes = 0;
    weft_weight w;

    for (int64_t i = 0; i < weft_weights_count(weights); i++)
        if (weft_weights_get(weights, i, &w) == WEFT_OK)
            bytes += w.count * (int64_t)weft_dtype_size(w.dtype);
    return bytes;
}

static json_t *json_names(const char *const *names, int64_t count)
{
    json_t *array = json_array();

    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, cli_json_string(names[i]));
    return array;
}

/* What was not as usual, or could have been otherwise. */
static const struct {
    const char *key, *text;
} notes[] = {
    { "key", "taken:    " },          /* the dictionary of a PyTorch file */
    { "other_keys", "also has: " },   /* others that could have been meant */
    { "prefix", "without:  " },       /* what stood before most names */
    { "head", "head:     " },         /* the classifier, under another name than usual */
};

/* NULL: there is nothing to say. */
static const char *note(const job *j, int i)
{
    const char *const texts[] = { weft_weights_meta_find(j->read, "torch.key"),
                                  weft_weights_meta_find(j->read, "torch.other_keys"), j->report->prefix,
                                  j->report->head };

    return texts[i];
}

static void print_json(const job *j)
{
    const weft_map_report *r = j->report;
    json_t *root = cli_json_document();

    cli_set_text(root, "in", j->in);
    cli_set_text(root, "out", j->out);
    cli_set_text(root, "arch", j->arch->name);
    cli_set_text(root, "dialect", weft_dialect_name(j->arch->dialect));
    cli_set_text(root, "found_by", j->how);
    cli_set_text(root, "origin", weft_origin_name(r->origin));
    if (*j->digest)
        cli_set_text(root, "sha256", j->digest);
    cli_set_count(root, "tensors", weft_weights_count(j->mapped));
    cli_set_count(root, "bytes", bytes_of(j->mapped));
    cli_set_text(root, "classes", weft_weights_meta_find(j->mapped, "weft.classes"));
    cli_set_count(root, "mapped", r->mapped);
    for (int i = 0; i < (int)(sizeof notes / sizeof *notes); i++) {
        const char *text = note(j, i);
        if (text)
            json_object_set_new(root, notes[i].key, cli_json_string(text));
    }
    json_object_set_new(root, "missing", json_names(r->missing, r->missing_count));
    json_object_set_new(root, "unknown", json_names(r->unused, r->unused_count));
    json_object_set_new(root, "ignored", json_names(r->ignored, r->ignored_count));
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_text(const job *j)
{
    char size[32];
    const weft_map_report *r = j->report;

    printf("network:  %s (%s)%s%s\n", j->arch->name, weft_dialect_name(j->arch->dialect),
           strcmp(j->how, "named") == 0 ? "" : ", by ", strcmp(j->how, "named") == 0 ? "" : j->how);
    printf("names of: %s\n", weft_origin_name(r->origin));
    for (int i = 0; i < (int)(sizeof notes / sizeof *notes); i++) {
        if (!note(j, i))
            continue;
        printf("%s", notes[i].text);
        cli_put_visible(stdout, note(j, i));
        putchar('\n');
    }
    printf("tensors:  %" PRId64 ", %s", weft_weights_count(j->mapped),
           cli_bytes_text((double)bytes_of(j->mapped), size));
    if (r->ignored_count > 0) {
        printf("; %" PRId64 " that do not matter left out, such as ", r->ignored_count);
        cli_put_visible(stdout, r->ignored[0]);
    }
    if (r->missing_count + r->unused_count > 0)
        printf("; %" PRId64 " missing, %" PRId64 " unknown", r->missing_count, r->unused_count);
    if (*j->digest)
        printf("\nsha256:   %s", j->digest);
    printf("\nwritten:  ");
    cli_put_visible(stdout, j->out);
    putchar('\n');
}

static cli_exit convert(job *j)
{
    CLI_TRY(cli_open_cpu(1, &j->ctx));
    cli_bar_open(&j->bar, j->args->progress);
    begin(j, "reading", 0);
    CLI_TRY(read_file(j));
    begin(j, "finding the network", .6);
    CLI_TRY(take(j));
    CLI_TRY(add_metadata(j));
    cli_bar_clear(&j->bar);
    CLI_TRY(cli_spare(j->ctx, j->out, j->mapped, j->args->force));
    begin(j, "writing", .8);
    CLI_TRY_LIBRARY(weft_weights_write(j->mapped, j->out, WEFT_FORMAT_AUTO));
    cli_bar_clear(&j->bar);
    (j->args->json ? print_json : print_text)(j);
    return CLI_OK;
}

static bool ends_in(const char *path, const char *extension)
{
    const size_t length = strlen(path), n = strlen(extension);

    return length > n && strcasecmp(path + length - n, extension) == 0;
}

static cli_exit run(const cli_call *call)
{
    const convert_args *args = call->args;
    if (args->names) {
        if (call->n_words > 0)
            return cli_error(CLI_USAGE, "convert: --names lists names and takes no files");
        return cli_list_names(args->names, args->dialect, args->from, args->json);
    }
    if (call->n_words != 2)
        return cli_error(CLI_USAGE, "convert: a file to read and one to write are needed; see 'weft convert --help'");
    job j = { .args = args, .in = call->words[0], .out = call->words[1] };
    if (!ends_in(j.out, ".safetensors") && !ends_in(j.out, ".npz"))
        return cli_error(CLI_USAGE, "convert: %s: the file to write must end in .safetensors or .npz", j.out);

    const cli_exit code = convert(&j);
    cli_bar_clear(&j.bar);
    weft_weights_destroy(j.mapped);
    weft_weights_destroy(j.read);
    weft_map_report_destroy(j.ctx, j.report);
    weft_ctx_destroy(j.ctx);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_TEXT(convert_args, model, 'm', "model", "MODEL", NULL, NULL, "the network that the file is of"),
    ROW_DIALECT(convert_args, WHOSE_VARIANT "; default: the one that the tensors are of"),
    OPT_ENUM(convert_args, from, 0, "from", "ORIGIN", "auto", "auto|weft|torchvision|timm|keras|transformers",
             "whose names the tensors have"),
    OPT_FILE(convert_args, classes, 0, "classes", "FILE", NULL,
             "keep the names of the classes with the weights: one a line"),
    ROW_KEY(convert_args, key, "key", A_CHECKPOINT),
    ROW_ACTIVATION(convert_args, "as the file says"),
    ROWS_RECIPE(convert_args, "as the file says, else as the publisher does"),
    OPT_BOOL(convert_args, no_strict, 0, "no-strict", "take what fits; list missing and unknown tensors"),
    OPT_BOOL(convert_args, no_verify, 0, "no-verify", "do not hold the file's SHA-256 against its name"),
    OPT_BOOL(convert_args, force, 'f', "force", "replace OUT, whatever it is, without asking"),
    OPT_TEXT(convert_args, names, 0, "names", "MODEL", NULL, NULL,
             "read no file, list the names of MODEL's tensors there and here"),
    ROW_JSON(convert_args),
    ROW_PROGRESS(convert_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_convert = {
    .name = "convert",
    .takes = CLI_TAKES_FILE,
    .max_words = 2,
    .synopsis = "IN OUT",
    .brief = "make another framework's weight file one of weft's",
    .description =
        "Reads the weight file IN (safetensors, PyTorch .pth, Keras .h5, .weights.h5 or .keras, NumPy .npz), gives "
        "every tensor weft's name and layout, and writes OUT, .safetensors or .npz by its name. If OUT is there and "
        "holds anything else, unless it was made of an IN of this name with other bytes, convert asks on a terminal "
        "whether it may be replaced, and elsewhere wants --force. The "
        "network is what --model says, else what the file says, else what its name begins with, else what its tensors "
        "fit; it is printed. Nothing in a file is executed.\n"
        "\n"
        "Every parameter of the network must be in the file and every tensor of the file in the network; if not, "
        "those that are missing or unknown are listed with the network that fits better, nothing is written, and "
        "the exit code is 65. With --no-strict they are only listed. A name that ends in the first digits of the "
        "file's SHA-256, such as resnet50-0676ba61.pth, is held against it.\n"
        "\n"
        "The recipe (how a photograph becomes the input) and the activation are written with the tensors, as the file "
        "says them or as --recipe, the options after it and --activation do, so that weft classify and weft eval need "
        "no such options for OUT. What the network cannot do is refused with exit code 65.\n"
        "\n"
        "With --names MODEL no file is read: the names, shapes and layouts of MODEL's tensors there and here are "
        "listed. See weft-weights(5).",
    .examples = "weft convert resnet50-0676ba61.pth resnet50.safetensors|from torchvision\n"
                "weft convert my.keras my.safetensors --model mobilenetv2 --classes names.txt|of ten classes, say\n"
                "weft convert run.pth mine.npz --key state_dict_ema --mean .5 --std .5|of a checkpoint with averages\n"
                "weft convert --names vgg16 --from keras --json|for a script",
    .rows = rows,
    .args_size = sizeof(convert_args),
    .run = run,
};
