/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that a test reads. */
#ifndef WEFT_TESTS_CHECK_FILES_H
#define WEFT_TESTS_CHECK_FILES_H

/* PROGRAM FOLDER [FILE...]: the names given or, if there are none, all that end in .txt in the folder, in order; at
 * most `most`, each the caller's to free. Returns how many. */
int check_list_files(int argc, char **argv, char **files, int most);

#endif
