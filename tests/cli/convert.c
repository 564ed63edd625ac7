/* SPDX-License-Identifier: Apache-2.0
 *
 * weft convert as a user meets it: a file of Keras' names, right, under another network's name, cut off, with a digest
 * in its name that is not its own; exit codes, what is printed, what is written and what is not. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/weft.h>

#include "check/harness.h"

static const char *program;
static weft_ctx *ctx;

/* Runs the program; its standard output is in out, its errors in err.tmp. */
static int run(const char *arguments, char *out, size_t size)
{
    char command[1024];

    snprintf(command, sizeof command, "'%s' convert %s 2>err.tmp", program, arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    const size_t n = fread(out, 1, size - 1, pipe);
    out[n] = '\0';
    while (getc(pipe) != EOF)
        continue;
    const int status = pclose(pipe);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_error(const char *part)
{
    char text[4096];
    FILE *file = fopen("err.tmp", "rb");

    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    ck_assert_msg(strstr(text, part) != NULL, "standard error is \"%s\", without \"%s\"", text, part);
}

/* The smallest MobileNet by Keras' names. */
static void write_named(const char *path, const char *before)
{
    weft_name_list *list = NULL;
    weft_weights *set = NULL;

    CHECK_OK(weft_weights_names(ctx, "mobilenet-0.25", WEFT_KERAS, WEFT_ORIGIN_KERAS, &list));
    CHECK_OK(weft_weights_create(ctx, &set));
    for (int i = 0; i < list->count; i++) {
        char name[256];

        snprintf(name, sizeof name, "%s%s", before, list->entries[i].origin_name);
        CHECK_OK(weft_weights_add(set, name, WEFT_F32, &list->entries[i].origin_shape, NULL));
    }
    CHECK_OK(weft_weights_write(set, path, WEFT_FORMAT_AUTO));
    weft_weights_destroy(set);
    weft_name_list_destroy(ctx, list);
}

static void write_input(const char *path)
{
    write_named(path, "");
}

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    write_input("in.npz");
    remove("out.safetensors");
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
    remove("in.npz");
    remove("out.safetensors");
    remove("err.tmp");
}

static bool is_written(void)
{
    return access("out.safetensors", F_OK) == 0;
}

START_TEST(a_file_becomes_ours)
{
    char out[65536];
    weft_weights *set = NULL;

    ck_assert_int_eq(run("in.npz out.safetensors --json", out, sizeof out), 0);
    json_t *root = json_loads(out, 0, NULL);
    ck_assert_msg(root != NULL, "not JSON: %s", out);
    ck_assert_str_eq(json_string_value(json_object_get(root, "arch")), "mobilenet-0.25");
    ck_assert_str_eq(json_string_value(json_object_get(root, "found_by")), "tensors");
    ck_assert_str_eq(json_string_value(json_object_get(root, "origin")), "keras");
    ck_assert_int_eq(json_integer_value(json_object_get(root, "bytes")), 475544 * 4);
    CHECK_OK(weft_weights_read(ctx, "out.safetensors", WEFT_FORMAT_AUTO, &set));
    ck_assert_int_eq(weft_weights_count(set), json_integer_value(json_object_get(root, "tensors")));
    ck_assert_str_eq(weft_weights_meta_find(set, "weft.arch"), "mobilenet-0.25");
    ck_assert_str_eq(weft_weights_meta_find(set, "weft.classes"), "1000");
    ck_assert_str_eq(weft_weights_meta_find(set, "weft.preprocess"), "tf");
    ck_assert_ptr_nonnull(strstr(weft_weights_meta_find(set, "weft.recipe"), "px=224"));
    ck_assert_ptr_nonnull(strstr(weft_weights_meta_find(set, "weft.source"), "in.npz sha256:"));
    weft_weights_destroy(set);
    json_decref(root);

    /* once more, from our own file, which says what it is */
    ck_assert_int_eq(run("out.safetensors again.npz", out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "mobilenet-0.25 (keras), by metadata"));
    remove("again.npz");
}
END_TEST

/* What is there is not replaced unasked, but by the same once more; when asked, only by what is right. */
START_TEST(what_is_there_stays)
{
    char out[4096], text[8] = "";
    weft_weights *set = NULL;
    FILE *file = fopen("out.safetensors", "wb");

    ck_assert_ptr_nonnull(file);
    fputs("old", file);
    fclose(file);
    ck_assert_int_eq(run("in.npz out.safetensors", out, sizeof out), 73);
    check_error("out.safetensors is there already");
    check_error("--force");
    ck_assert_int_eq(run("nosuch.npz out.safetensors --force", out, sizeof out), 66);
    ck_assert_int_eq(run("in.npz out.safetensors --model resnet50 -f", out, sizeof out), 65);
    file = fopen("out.safetensors", "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(text, 1, sizeof text - 1, file), 3);
    fclose(file);
    ck_assert_str_eq(text, "old");
    ck_assert_int_eq(run("in.npz out.safetensors --force", out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "written:  out.safetensors"));
    ck_assert_int_eq(run("in.npz out.safetensors", out, sizeof out), 0); /* the same */
    ck_assert_int_eq(run("in.npz out.safetensors --px 160", out, sizeof out), 73);
    check_error("holds something else than would be written");
    CHECK_OK(weft_weights_read(ctx, "in.npz", WEFT_FORMAT_AUTO, &set)); /* training went on: the name is the same */
    CHECK_OK(weft_weights_set_meta(set, "step", "9"));
    CHECK_OK(weft_weights_write(set, "in.npz", WEFT_FORMAT_AUTO));
    weft_weights_destroy(set);
    ck_assert_int_eq(run("in.npz out.safetensors", out, sizeof out), 0);
    ck_assert_int_eq(rename("in.npz", "other.npz"), 0); /* another file with the same tensors */
    ck_assert_int_eq(run("other.npz out.safetensors", out, sizeof out), 73);
    ck_assert_int_eq(rename("other.npz", "in.npz"), 0);
    ck_assert_int_eq(run("in.npz in.npz", out, sizeof out), 73);
    CHECK_OK(weft_weights_read(ctx, "out.safetensors", WEFT_FORMAT_AUTO, &set));
    CHECK_OK(weft_weights_set_meta(set, "weft.source", "weft train, step 7"));
    CHECK_OK(weft_weights_write(set, "out.safetensors", WEFT_FORMAT_AUTO));
    weft_weights_destroy(set);
    ck_assert_int_eq(run("in.npz out.safetensors", out, sizeof out), 73);
}
END_TEST

/* A person is asked, where there is a terminal to be had, and not about the same once more. */
START_TEST(a_terminal_is_asked)
{
    char out[4096], command[1024];
    static const char *const answers[] = { "n", "y" };

    if (system("script -qec true /dev/null > /dev/null 2>&1 < /dev/null") != 0)
        return;
    ck_assert_int_eq(run("in.npz out.safetensors", out, sizeof out), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command,
                 "echo %s | script -qec \"'%s' convert in.npz out.safetensors --px 160\" /dev/null "
                 "> asked.tmp; exit $?", answers[i], program);
        const int status = system(command);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), i ? 0 : 73);
        FILE *file = fopen("asked.tmp", "rb");
        ck_assert_ptr_nonnull(file);
        out[fread(out, 1, sizeof out - 1, file)] = '\0';
        fclose(file);
        ck_assert_ptr_nonnull(strstr(out, "weft: replace out.safetensors? [y/N]"));
        ck_assert_ptr_nonnull(strstr(out, i ? "written:  out.safetensors" : "out.safetensors stays as it is"));
    }
    snprintf(command, sizeof command, "script -qec \"'%s' convert in.npz out.safetensors --px 160\" /dev/null "
             "> asked.tmp < /dev/null; exit $?", program);
    const int again = system(command);
    ck_assert(WIFEXITED(again) && WEXITSTATUS(again) == 0);
    remove("asked.tmp");
}
END_TEST

/* A network in a network: what its names begin with is dropped, and that is said. */
START_TEST(what_is_not_as_usual_is_told)
{
    char out[65536];

    write_named("in.npz", "mobilenet_0.25_224/");
    ck_assert_int_eq(run("in.npz out.safetensors", out, sizeof out), 0);
    ck_assert_msg(strstr(out, "\nwithout:  mobilenet_0.25_224/\n") != NULL, "%s", out);
    ck_assert_int_eq(run("in.npz out.safetensors --json", out, sizeof out), 0);
    ck_assert_msg(strstr(out, "\"prefix\": \"mobilenet_0.25_224/\"") != NULL, "%s", out);
}
END_TEST

/* A hub's folder has weights of a usual name and no digest. */
START_TEST(a_folder_is_taken)
{
    char out[65536];

    ck_assert_int_eq(mkdir("hub.tmp", 0700), 0);
    write_input("hub.tmp/model.safetensors");
    ck_assert_int_eq(run("hub.tmp out.safetensors", out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "mobilenet-0.25 (keras), by tensors"));
    ck_assert_ptr_null(strstr(out, "sha256"));
    remove("hub.tmp/model.safetensors");
    ck_assert_int_eq(run("hub.tmp out.safetensors", out, sizeof out), 65);
    check_error("hub.tmp: is a directory");
    ck_assert_int_eq(remove("hub.tmp"), 0);
}
END_TEST

/* What a description asks for and no recipe can do is refused; the user may say what is meant instead. */
START_TEST(what_no_recipe_can_do_is_overruled)
{
    char out[65536];
    weft_weights *set = NULL;

    ck_assert_int_eq(mkdir("hub.tmp", 0700), 0);
    write_input("hub.tmp/model.safetensors");
    FILE *file = fopen("hub.tmp/preprocessor_config.json", "wb");
    ck_assert_ptr_nonnull(file);
    fputs("{\"resample\": 1}", file);
    fclose(file);
    ck_assert_int_eq(run("hub.tmp out.safetensors", out, sizeof out), 65);
    check_error("asks for Pillow's filter 1, which no recipe");
    check_error("weft convert --no-strict");
    ck_assert(!is_written());
    ck_assert_int_eq(run("hub.tmp out.safetensors --no-strict --interpolation bicubic", out, sizeof out), 0);
    CHECK_OK(weft_weights_read(ctx, "out.safetensors", WEFT_FORMAT_AUTO, &set));
    ck_assert_ptr_nonnull(strstr(weft_weights_meta_find(set, "weft.recipe"), "resample=bicubic"));
    weft_weights_destroy(set);
    remove("hub.tmp/preprocessor_config.json");
    remove("hub.tmp/model.safetensors");
    ck_assert_int_eq(remove("hub.tmp"), 0);
}
END_TEST

START_TEST(another_network_is_refused)
{
    char out[4096];

    ck_assert_int_eq(run("in.npz out.safetensors --model resnet50 --dialect keras", out, sizeof out), 65);
    check_error("the tensors fit mobilenet-0.25 better");
    check_error("missing: stem/conv2d/weight");
    check_error(" more");
    ck_assert(!is_written());
    ck_assert_int_eq(run("in.npz out.safetensors --model mobilnet", out, sizeof out), 66);
    check_error("did you mean 'mobilenet'?");
}
END_TEST

START_TEST(a_file_cut_off_is_refused)
{
    char out[4096], data[10000];
    FILE *in = fopen("in.npz", "rb"), *cut = fopen("cut.npz", "wb");

    ck_assert(in && cut);
    ck_assert_uint_eq(fwrite(data, 1, fread(data, 1, sizeof data, in), cut), sizeof data);
    fclose(in);
    fclose(cut);
    ck_assert_int_eq(run("cut.npz out.safetensors", out, sizeof out), 65);
    check_error("cut.npz: byte ");
    ck_assert(!is_written());
    remove("cut.npz");
}
END_TEST

START_TEST(a_name_with_another_digest_is_refused)
{
    char out[4096];

    ck_assert_int_eq(rename("in.npz", "mobilenet-0.25-00000000.npz"), 0);
    ck_assert_int_eq(run("mobilenet-0.25-00000000.npz out.safetensors", out, sizeof out), 65);
    check_error("the SHA-256 begins with 00000000");
    ck_assert(!is_written());
    ck_assert_int_eq(run("mobilenet-0.25-00000000.npz out.safetensors --no-verify", out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "by file name"));
    ck_assert(is_written());
    remove("mobilenet-0.25-00000000.npz");
}
END_TEST

START_TEST(class_names_are_kept)
{
    char out[4096];
    weft_weights *set = NULL;
    FILE *file = fopen("classes.txt", "wb");

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "class %d\n", i);
    fclose(file);
    ck_assert_int_eq(run("in.npz out.safetensors --classes classes.txt", out, sizeof out), 0);
    CHECK_OK(weft_weights_read(ctx, "out.safetensors", WEFT_FORMAT_AUTO, &set));
    ck_assert_int_eq(strncmp(weft_weights_meta_find(set, "weft.labels"), "class 0\nclass 1\n", 16), 0);
    weft_weights_destroy(set);
    remove("out.safetensors");
    file = fopen("classes.txt", "wb");
    ck_assert_ptr_nonnull(file);
    fputs("one\ntwo\n", file);
    fclose(file);
    ck_assert_int_eq(run("in.npz out.safetensors --classes classes.txt", out, sizeof out), 65);
    check_error("2 lines of text, expected 1000");
    ck_assert(!is_written());
    file = fopen("classes.txt", "wb");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++)
        fputs("caf\xe9\n", file);
    fclose(file);
    ck_assert_int_eq(run("in.npz out.safetensors --classes classes.txt", out, sizeof out), 65);
    check_error("weft: classes.txt: is not UTF-8");
    ck_assert(!is_written());
    remove("classes.txt");
}
END_TEST

/* Byte E9 is an accented e in Latin-1 and nothing in UTF-8, which metadata are in. */
START_TEST(a_name_that_is_not_utf8_is_kept_escaped)
{
    char out[4096];
    weft_weights *set = NULL;

    ck_assert_int_eq(rename("in.npz", "caf\xe9\n.npz"), 0);
    ck_assert_int_eq(run("'caf\xe9\n.npz' out.safetensors", out, sizeof out), 0);
    CHECK_OK(weft_weights_read(ctx, "out.safetensors", WEFT_FORMAT_AUTO, &set));
    const char *source = weft_weights_meta_find(set, "weft.source");
    ck_assert_msg(strncmp(source, "caf\\xe9\\n.npz sha256:", 21) == 0, "%s", source);
    weft_weights_destroy(set);
    ck_assert_int_eq(run("'caf\xe9\n.npz' 'caf\xe9.safetensors' --json", out, sizeof out), 0);
    ck_assert_msg(strstr(out, "\"out\": \"caf\\\\xe9.safetensors\"") != NULL, "%s", out);
    ck_assert_int_eq(remove("caf\xe9.safetensors"), 0);
    remove("caf\xe9\n.npz");
}
END_TEST

/* A limit on the size of files is an error as a full disk is, and no signal that ends the program. */
START_TEST(a_file_over_the_limit_leaves_nothing)
{
    char command[1024];

    ck_assert_int_eq(mkdir("limited.tmp", 0700), 0);
    for (int npz = 0; npz < 2; npz++) {
        snprintf(command, sizeof command, "ulimit -f 100; '%s' convert in.npz limited.tmp/out.%s 2>err.tmp", program,
                 npz ? "npz" : "safetensors");
        const int status = system(command);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 74);
        check_error("cannot be written: File too large");
    }
    ck_assert_int_eq(rmdir("limited.tmp"), 0);
}
END_TEST

START_TEST(usage_is_checked_before_files)
{
    static const struct {
        const char *arguments;
        int code;
        const char *error;
    } cases[] = {
        { "", 2, "a file to read and one to write" },
        { "in.npz", 2, "a file to read and one to write" },
        { "in.npz out.bin", 2, "must end in .safetensors or .npz" },
        { "none.npz out.npz", 66, "none.npz" },
        { "--names vgg16 in.npz", 2, "takes no files" },
        { "--names lenet5 --from timm", 66, "timm has no network that is weft's lenet5" },
    };
    char out[4096];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(run(cases[i].arguments, out, sizeof out) == cases[i].code, "convert %s", cases[i].arguments);
        check_error(cases[i].error);
    }
}
END_TEST

START_TEST(names_are_listed)
{
    static char out[1 << 20];

    ck_assert_int_eq(run("--names vgg16 --dialect torch --json", out, sizeof out), 0);
    json_t *root = json_loads(out, 0, NULL), *tensor;
    bool found = false;
    size_t i;
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_string_value(json_object_get(root, "origin")), "torchvision");
    json_array_foreach(json_object_get(root, "tensors"), i, tensor) {
        if (strcmp(json_string_value(json_object_get(tensor, "name")), "fc1/dense/weight") != 0)
            continue;
        found = true;
        ck_assert_str_eq(json_string_value(json_object_get(tensor, "origin_name")), "classifier.0.weight");
        ck_assert_str_eq(json_string_value(json_object_get(tensor, "layout")), "o(chw)");
    }
    ck_assert(found);
    json_decref(root);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("cli_convert");
    TCase *convert = tcase_create("convert");

    if (argc != 2)
        return EXIT_FAILURE;
    program = argv[1];
    tcase_add_checked_fixture(convert, setup, teardown);
    tcase_set_timeout(convert, 120);
    tcase_add_test(convert, a_file_becomes_ours);
    tcase_add_test(convert, what_is_there_stays);
    tcase_add_test(convert, a_terminal_is_asked);
    tcase_add_test(convert, what_is_not_as_usual_is_told);
    tcase_add_test(convert, a_folder_is_taken);
    tcase_add_test(convert, what_no_recipe_can_do_is_overruled);
    tcase_add_test(convert, another_network_is_refused);
    tcase_add_test(convert, a_file_cut_off_is_refused);
    tcase_add_test(convert, a_name_with_another_digest_is_refused);
    tcase_add_test(convert, class_names_are_kept);
    tcase_add_test(convert, a_name_that_is_not_utf8_is_kept_escaped);
    tcase_add_test(convert, a_file_over_the_limit_leaves_nothing);
    tcase_add_test(convert, usage_is_checked_before_files);
    tcase_add_test(convert, names_are_listed);
    suite_add_tcase(s, convert);
    return check_main(s, "cli_convert");
}
