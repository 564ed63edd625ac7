/* SPDX-License-Identifier: Apache-2.0
 *
 * A line of a label file: what is the file in it and what the class. */
#ifndef WEFT_DATA_LABEL_LINE_H
#define WEFT_DATA_LABEL_LINE_H

#include <stdbool.h>

enum { WEFT_LABEL_COLUMNS = 64 };

/* How the lines of a label file are built; found from its first line. */
typedef struct weft_label_form {
    char between; /* fields: '\t', ',' or ';', ' ' for "FILE CLASS" of words, 0 for "CLASS" */
    bool header;  /* the first line names the columns */
    int file, label; /* columns */
} weft_label_form;

/* Splits a line in place at `between`, quotes as in RFC 4180; how many fields there are, at most WEFT_LABEL_COLUMNS. */
int weft_label_split(char *line, char between, char *fields[WEFT_LABEL_COLUMNS]);
/* Whether a line (kept as it is) is a header of two columns or more: then *form has them; label < 0: none of them is
 * called a class. */
bool weft_label_header(const char *line, weft_label_form *form);
/* Whether a word is what a header calls the column of classes. */
bool weft_label_names_class(const char *word);
/* Kaggle's "n03995372 85 1 499 272 ...", a class with the corners of boxes, becomes the class; false if the boxes are
 * of several classes. */
bool weft_label_cut_boxes(char *text);

#endif
