/* SPDX-License-Identifier: Apache-2.0
 *
 * Where NVIDIA's libraries are looked for, in folders made for the purpose: the user's own, the loader's path, the
 * toolkit, Python's wheels, in this order; and that the search goes on until a file is taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/harness.h"
#include "cuda/vendor/find.h"

#define SONAME "libweft_fake.so.9"

enum { MOST = 16, PATH = 600 };

static char root[32];

/* The files that were offered; the one that is taken. */
typedef struct offers {
    char path[MOST][PATH];
    int count;
    const char *wanted; /* a part of its path; NULL: none */
} offers;

static bool take(const char *path, void *user)
{
    offers *o = user;
    ck_assert_int_lt(o->count, MOST);
    snprintf(o->path[o->count++], PATH, "%s", path);
    return o->wanted && strstr(path, o->wanted);
}

/* Makes root/path, folders included. */
static void make(const char *path)
{
    char whole[PATH];
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    ck_assert_msg(file != NULL, "%s", whole);
    fclose(file);
    chmod(whole, 0700);
}

static void set(const char *name, const char *value) /* @ stands for the root */
{
    char whole[PATH] = "";
    for (const char *c = value; *c; c++)
        snprintf(whole + strlen(whole), sizeof whole - strlen(whole), *c == '@' ? "%s" : "%.1s", *c == '@' ? root : c);
    setenv(name, whole, 1);
}

static void start(void)
{
    static const char *const files[] = {
        "mine/" SONAME, "toolkit/lib64/" SONAME, "toolkit/lib/" SONAME,
        "venv/lib/python3.12/site-packages/nvidia/cudnn/lib/" SONAME,
        "conda/lib/python3.9/site-packages/nvidia/cu13/lib/" SONAME,
        "conda/lib/python3.11/site-packages/nvidia/cu13/lib/" SONAME,
        "py/bin/python3", "py/lib/python3.13/site-packages/nvidia/cu13/lib/" SONAME,
        "bin/other", "home/.local/lib/python3.10/site-packages/nvidia/cu13/lib/" SONAME,
    };
    strcpy(root, "/tmp/weft-find-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        make(files[i]);
    set("WEFT_CUDA_LIBRARIES", "/nowhere:@/mine");
    set("CUDA_PATH", "@/toolkit");
    set("VIRTUAL_ENV", "@/venv");
    set("CONDA_PREFIX", "@/conda");
    set("HOME", "@/home");
    set("PATH", "/nowhere:@/py/bin");
}

static void finish(void)
{
    char command[PATH];
    set("PATH", "/usr/bin:/bin");
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

static void expect(const offers *o, const char *const *parts)
{
    int i = 0;
    for (; parts[i]; i++)
        ck_assert_msg(i < o->count && strstr(o->path[i], parts[i]), "offer %d is '%s', '%s' is expected", i,
                      i < o->count ? o->path[i] : "", parts[i]);
    ck_assert_msg(i == o->count, "'%s' is one too many", o->path[i]);
}

START_TEST(places_come_in_order)
{
    offers o = { .wanted = NULL };
    ck_assert(!weft_vendor_find(SONAME, take, &o));
    expect(&o, (const char *[]){ "/mine/" SONAME, SONAME, "/toolkit/lib64/", "/toolkit/lib/", "/venv/lib/python3.12/",
                                 "/conda/lib/python3.", "/conda/lib/python3.", NULL });
    ck_assert_str_eq(o.path[1], SONAME); /* as it is: the loader's affair */
}
END_TEST

START_TEST(the_search_ends_with_the_first_that_is_taken)
{
    static const char *const wanted[] = { "/mine/", "/lib64/", "/cudnn/" };
    static const int offered[] = { 1, 3, 5 };
    offers o = { .wanted = wanted[_i] };
    ck_assert(weft_vendor_find(SONAME, take, &o));
    ck_assert_int_eq(o.count, offered[_i]);
}
END_TEST

/* Without an environment: python3 of the path, the user's own packages. */
START_TEST(python_is_found_without_running_it)
{
    offers o = { .wanted = NULL };
    set("WEFT_CUDA_LIBRARIES", "");
    set("CUDA_PATH", "@/none");
    set("VIRTUAL_ENV", "");
    unsetenv("CONDA_PREFIX");
    ck_assert(!weft_vendor_find(SONAME, take, &o));
    expect(&o, (const char *[]){ SONAME, "/py/lib/python3.13/", "/home/.local/lib/python3.10/", NULL });
}
END_TEST

/* An environment's python3 is a link to another's: its own packages come first, then those of the other. */
START_TEST(a_linked_python_is_followed)
{
    char from[PATH], to[PATH];
    offers o = { .wanted = NULL };
    snprintf(from, sizeof from, "%s/py/bin/python3", root);
    snprintf(to, sizeof to, "%s/bin/python3", root);
    ck_assert_int_eq(symlink(from, to), 0);
    make("lib/python3.13/site-packages/nvidia/cu13/lib/" SONAME);
    set("PATH", "@/bin");
    set("WEFT_CUDA_LIBRARIES", "");
    set("CUDA_PATH", "@/none");
    set("HOME", "@/none");
    unsetenv("VIRTUAL_ENV");
    unsetenv("CONDA_PREFIX");
    ck_assert(!weft_vendor_find(SONAME, take, &o));
    char own[PATH];
    snprintf(own, sizeof own, "%s/lib/python3.13/", root);
    expect(&o, (const char *[]){ SONAME, own, "/py/lib/python3.13/", NULL });
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("find");
    TCase *places = tcase_create("places");
    tcase_add_checked_fixture(places, start, finish);
    tcase_add_test(places, places_come_in_order);
    tcase_add_loop_test(places, the_search_ends_with_the_first_that_is_taken, 0, 3);
    tcase_add_test(places, python_is_found_without_running_it);
    tcase_add_test(places, a_linked_python_is_followed);
    suite_add_tcase(suite, places);
    return check_main(suite, "cuda-find");
}
