/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of a hub, for tests: hub.tmp with a context, files of letters, descriptions. */
#ifndef WEFT_TESTS_WEIGHTS_HUB_FILES_H
#define WEFT_TESTS_WEIGHTS_HUB_FILES_H

#include <check.h>
#include <weft/weft.h>

extern weft_ctx *hub_ctx;
/* The fixture: makes the context and the folder; takes both away with all files that tests put there. */
void hub_setup(void);
void hub_teardown(void);

void hub_write_text(const char *path, const char *text);
/* A file of tensors "<letter>" that hold their letters. */
void hub_write_letters(const char *path, const char *letters);
/* check_main in a folder of its own, beside other tests that run now. */
int hub_run(Suite *suite, const char *program);

#define TIMM(inside) "{\"architecture\": \"resnet18\", \"num_classes\": 3, " inside "}"
#define CONFIG(inside) TIMM("\"pretrained_cfg\": {\"tag\": \"a1\", " inside "}")

#endif
