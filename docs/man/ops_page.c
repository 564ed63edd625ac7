/* SPDX-License-Identifier: Apache-2.0
 *
 * ops_page OPS.H SOURCE...: the manual page weft-ops(7), in roff, of the op table. What a row does not say is taken
 * from where it is written once: builders and options from ops.h, Semantics lines from the sources of src/op. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"

enum { MAX_LINES = 4000, MAX_TEXT = 4000 };

/* A text file as lines. */
typedef struct file {
    char *text;
    char *line[MAX_LINES + 1]; /* NULL ends them */
    int count;
    const char *told; /* the op with which its Semantics lines were printed */
} file;

static void read_file(file *f, const char *path)
{
    FILE *in = fopen(path, "r");
    const size_t size = 1 << 20;
    f->text = calloc(1, size);
    if (!in || !f->text || fread(f->text, 1, size - 1, in) == size - 1) {
        fprintf(stderr, "ops_page: %s: %s\n", path, in ? "too long" : strerror(errno));
        exit(1);
    }
    fclose(in);
    for (char *at = f->text; *at && f->count < MAX_LINES;) {
        f->line[f->count++] = at;
        at += strcspn(at, "\n");
        if (*at)
            *at++ = '\0';
    }
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Escapes what roff would take for its own. */
static void roff(const char *text, int length)
{
    if (length > 0 && (*text == '.' || *text == '\''))
        fputs("\\&", stdout);
    for (int i = 0; i < length && text[i]; i++) {
        if (text[i] == '\\')
            fputs("\\e", stdout);
        else if (text[i] == '-')
            fputs("\\-", stdout);
        else
            putchar(text[i]);
    }
}

static void roff_line(const char *text)
{
    roff(text, (int)strlen(text));
    putchar('\n');
}

/* The text of a line of a comment, without its stars. */
static void comment_text(const char *line, char *out, size_t size)
{
    line += strspn(line, " ");
    line += strspn(line, "/*");
    line += strspn(line, " ");
    snprintf(out, size, "%s", line);
    char *end = strstr(out, "*/");
    if (end)
        *end = '\0';
    for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
        out[n - 1] = '\0';
}

/* ---- ops.h ---- */

static bool is_prototype(const char *line)
{
    return begins(line, "WEFT_API ") || (line[0] == ' ' && strstr(line, ");"));
}

/* The lines that declare a builder: its comment, its options, and the prototypes that stand together with it. */
typedef struct group {
    int comment, options, prototypes, end; /* lines; each begins where the one before ends */
} group;

static bool find_group(const file *header, const char *builder, group *g)
{
    char call[96];
    int at = 0;
    snprintf(call, sizeof call, " weft_%s(", builder);
    while (at < header->count && !(begins(header->line[at], "WEFT_API ") && strstr(header->line[at], call)))
        at++;
    if (at == header->count)
        return false;
    for (g->end = at; g->end < header->count && is_prototype(header->line[g->end]);)
        g->end++;
    while (at > 0 && is_prototype(header->line[at - 1]))
        at--;
    g->prototypes = at;
    if (at > 0 && header->line[at - 1][0] == '}')
        while (!begins(header->line[at], "typedef struct"))
            at--;
    g->options = at;
    if (at > 0 && strstr(header->line[at - 1], "*/") && !strstr(header->line[at - 1], "----"))
        do
            at--;
        while (!begins(header->line[at], "/*"));
    g->comment = at;
    return true;
}

/* "    int stride; / * 0: 1 * /": the declaration is the tag, the comment explains. */
static void print_option(const char *line)
{
    char text[MAX_TEXT];
    line += strspn(line, " ");
    const int length = (int)strcspn(line, ";");
    if (begins(line, "const char *name"))
        return;
    if (begins(line, "*")) { /* the comment goes on */
        comment_text(line, text, sizeof text);
        roff_line(text);
        return;
    }
    fputs(".TP\n.B \"", stdout);
    roff(line, length);
    fputs("\"\n", stdout);
    const char *comment = strstr(line, "/*");
    if (comment) {
        comment_text(comment, text, sizeof text);
        roff_line(text);
    }
}

static void print_group(const file *header, const group *g)
{
    char text[MAX_TEXT];
    for (int i = g->prototypes; i < g->end; i++) {
        const char *line = header->line[i];
        const bool first = begins(line, "WEFT_API ");
        fputs(first ? ".PP\n.B \"" : ".B \"", stdout);
        roff(line + (first ? strlen("WEFT_API ") : strspn(line, " ")), MAX_TEXT);
        fputs("\"\n", stdout);
    }
    if (g->comment < g->options)
        puts(".PP");
    for (int i = g->comment; i < g->options; i++) {
        comment_text(header->line[i], text, sizeof text);
        roff_line(text);
    }
    for (int i = g->options + 1; i < g->prototypes; i++)
        if (header->line[i][0] == ' ')
            print_option(header->line[i]);
}

/* ---- src/op ---- */

/* The source that defines the op's row. */
static file *source_of(file *sources, int count, const char *op)
{
    char row[96];
    snprintf(row, sizeof row, "const weft_op weft_op_%s =", op);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < sources[i].count; k++)
            if (begins(sources[i].line[k], row))
                return &sources[i];
    return NULL;
}

/* Each builder of the source whose body names the op, once for each group. */
static void print_builders(const file *header, const file *source, const char *id)
{
    char name[64], whole[96];
    int printed[MAX_LINES] = { 0 }, count = 0;
    snprintf(whole, sizeof whole, "WEFT_OP_%s,", id);
    for (int i = 0; i < source->count; i++) {
        group g;
        if (sscanf(source->line[i], "weft_%*[a-z0-9_] weft_%63[a-z0-9_](", name) != 1)
            continue;
        bool makes = false;
        for (int k = i; k < source->count && source->line[k][0] != '}'; k++)
            makes |= strstr(source->line[k], whole) != NULL;
        if (makes && find_group(header, name, &g) && !printed[g.prototypes]) {
            printed[g.prototypes] = ++count;
            print_group(header, &g);
        }
    }
}

/* The numbered lines under "Semantics" in the comment on top; a family's once, with its first op. */
static void print_semantics(file *source, const char *op)
{
    char text[MAX_TEXT];
    int i = 0;
    while (i < source->count && !begins(source->line[i], " * Semantics"))
        i++;
    if (i == source->count)
        return;
    if (source->told) {
        printf(".PP\nSemantics: with %s.\n", source->told);
        return;
    }
    source->told = op;
    puts(".PP\nSemantics:");
    for (bool last = false; !last && ++i < source->count;) {
        last = strstr(source->line[i], "*/") != NULL;
        comment_text(source->line[i], text, sizeof text);
        const size_t digits = strspn(text, "0123456789");
        if (digits > 0 && text[digits] == '.')
            printf(".TP\n%.*s.\n", (int)digits, text);
        roff_line(digits > 0 && text[digits] == '.' ? text + digits + 2 : text);
    }
}

/* ---- the table ---- */

static const char *const error_classes[] = {
    [WEFT_EXACT] = "the same bits on every device",
    [WEFT_ELEMENTWISE] = "a few units in the last place",
    [WEFT_REDUCTION] = "grows with the square root of the length of the sum",
};

static const char *const makers[] = {
    [WEFT_NETWORK] = "Networks are built of it",
    [WEFT_BACKWARD] = "Gradients are built of it",
    [WEFT_FUSED] = "Passes over the graph make it",
    [WEFT_UPDATE] = "It changes a state in place",
};

static void print_op(const file *header, file *sources, int count, const char *id, weft_op_kind kind,
                     const weft_op *op)
{
    file *source = source_of(sources, count, op->name);
    printf(".SH %s\n", op->name);
    roff(op->brief, MAX_TEXT);
    puts(".");
    if (op->paper[0]) {
        roff(op->paper, MAX_TEXT);
        puts(".");
    }
    if (!source) {
        fprintf(stderr, "ops_page: no source defines weft_op_%s\n", op->name);
        exit(1);
    }
    print_builders(header, source, id);
    printf(".PP\n%s.\nInputs: %s%d. ", makers[kind], op->n_in < 0 ? "at least " : "", abs(op->n_in));
    printf("Epilogue: %s%s%s. ", op->takes & WEFT_TAKES_RESIDUAL ? "residual" : "",
           op->takes == (WEFT_TAKES_RESIDUAL | WEFT_TAKES_ACT) ? ", then activation"
           : op->takes & WEFT_TAKES_ACT                        ? "activation"
                                                               : "",
           op->takes ? "" : "none");
    printf("Error: %s.\n", error_classes[op->error_class]);
    print_semantics(source, op->name);
}

int main(int argc, char **argv)
{
    static const char *const ids[] = {
#define WEFT_OP(id, name, family, kind, devices) #id,
#include "op/list.def"
#undef WEFT_OP
    };
    if (argc < 3) {
        fputs("usage: ops_page OPS.H SOURCE...\n", stderr);
        return 2;
    }
    file *header = calloc(1, sizeof *header), *sources = calloc((size_t)argc, sizeof *sources);
    if (!header || !sources)
        return 1;
    read_file(header, argv[1]);
    for (int i = 2; i < argc; i++)
        read_file(&sources[i - 2], argv[i]);
    puts(".\\\" SPDX-License-Identifier: Apache-2.0\n"
         ".\\\" Written by ops_page.c: cmake --build <build> --target man.\n"
         ".TH WEFT\\-OPS 7 \"\" \"weft\" \"weft manual\"\n.SH NAME\nweft\\-ops \\- what each op means\n"
         ".SH DESCRIPTION\n"
         "The ops of <weft/ops.h>. In option structs zero means the default, which stands beside the field; \"name\",\n"
         "the node's name in its scope, is left out here. Activations are [N, H, W, C], filters\n"
         "[out, kh, kw, C/groups]. An epilogue is what an op computes after its own result when weft fuses nodes:\n"
         "plus a residual of the same shape, then an activation. Error says how far from the exact result a device\n"
         "may be.");
    for (int id = 0; id < WEFT_OP_COUNT; id++)
        print_op(header, sources, argc - 2, ids[id], weft_op_kinds[id], weft_op_get((weft_op_id)id));
    puts(".SH SEE ALSO\n.BR weft (1),\n.BR weft\\-explain (1),\n.BR weft\\-weights (5)");
    return 0;
}
