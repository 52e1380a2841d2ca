/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in the reader's panel: reader_lines.c makes it, panel_reader.c draws it. */
#ifndef READER_LINES_H
#define READER_LINES_H

#include "reader.h"
#include "widget_list.h"

#define READER_TOP   64  /* lines about the read */
#define READER_LABEL 8   /* columns of "number  " */
#define READER_TEXT  400 /* of such a line: no terminal is wider */

/* A line about the read that is shown. */
struct text_line {
    enum role role;
    const char *label; /* "" none; NULL: nor its column */
    uint64_t log;      /* number of the log line that it shows, UINT64_MAX none */
    char text[READER_TEXT];
};

/* A line of what the reader knows: a part, or one of its facts. */
struct fact_line {
    const struct replay_part *part;
    const struct replay_fact *fact; /* NULL: the part's own line */
};

/* Top, facts, a line between, the log. */
struct reader_lines {
    struct list list;
    struct text_line top[READER_TOP];
    size_t tops;
    struct fact_line fact[REPLAY_PARTS * (REPLAY_FACTS + 1)];
    size_t facts;
    uint64_t first_log, logs; /* the oldest that is kept, and how many are */
    uint64_t read;            /* number of the read that it was made for */
    bool over;
    int columns, rows;
};

/* The lines for a panel of this size; in v->lines, NULL: no memory. */
struct reader_lines *reader_lines(struct browse *b, struct reader_view *v, int rows, int columns);
/* The number of the log line in a line of the panel. False: something else stands there. */
bool reader_lines_log(const struct reader_lines *l, uint64_t line, uint64_t *number);
/* "libxc error: ..."; and what it is drawn as. */
enum role reader_log(const struct replay_line *line, char *out, size_t size);

#endif
