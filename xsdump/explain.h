/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files behind --explain share. */
#ifndef XSDUMP_EXPLAIN_H
#define XSDUMP_EXPLAIN_H

#include "json.h"
#include "xsdump.h"

#define EXPLAIN_LINE (64U << 10) /* longest line of a log; of longer ones this much is read */
#define EXPLAIN_HITS 24
#define EXPLAIN_TEXT 400 /* of a message, as it stands in a line */

/* A line that was recognised. */
struct explained {
    struct xsi_message_hit hit; /* the first wording of one message that fits */
    struct explained_wording {
        const struct xsi_message *message;
        unsigned from, to;
    } wordings[EXPLAIN_HITS]; /* all that fit, with their releases */
    size_t count;
    char text[EXPLAIN_TEXT]; /* the message without what surrounds it, escaped */
};

/* What a line has to do with the failure. */
enum explain_role {
    EXPLAIN_CAUSE,       /* an error that can be the root */
    EXPLAIN_PART,        /* part of the error that the next line tells */
    EXPLAIN_CONSEQUENCE, /* a closing line: another line tells the cause */
    EXPLAIN_INFO         /* not an error */
};

/* ---- explain.c ---- */

/* A kind of finding, to t->out. `here`: how severe it is in an image, which can be worse than by
 * itself. */
void explain_row(const struct cli_term *t, const struct xsi_finding_row *row,
                 enum xsi_severity here);

/* ---- explain_words.c ---- */

/* False when no message fits. Where several do that differ in more than their wording, index
 * chooses among them. messages NULL: look for messages that the line is only a part of. */
bool explain_find(const struct xsi_messages *messages, const char *line, size_t n, size_t index,
                  struct explained *out);
enum explain_role explain_role(const struct explained *x);
/* "4.1 to 4.5", "3.0 to 3.4, 4.0.0", "4.6 and later"; "" when a message has no range. */
void explain_releases(const struct explained *x, char *out, size_t size);
/* The same for a line of just this form (the prefixes changed with 4.1). */
void explain_form(const struct explained *x, char *out, size_t size);
/* The other wordings: "3.0 to 3.4 print no number", "3.1 to 3.4 say: …"; "" = there are none. */
void explain_others(const struct explained *x, char *out, size_t size);
/* Who prints it: "libxc", "convert-legacy-stream". */
const char *explain_who(const struct xsi_message *m);
/* The causes: those of the errno that stands in the line when the row tells them apart. */
void explain_causes(const struct explained *x, char *out, size_t size);
/* "XS-L09" and its name by index in a row's codes; NULL behind the last. */
const struct xsi_finding_row *explain_code(const struct xsi_message *about, size_t index);
/* The number that a reader took for a page count, if the message shows one. */
bool explain_counted(const struct explained *x, uint32_t *value);
/* What else the numbers of the line mean, one line per index; false behind the last. */
bool explain_number(const struct explained *x, size_t index, char *out, size_t size);

/* ---- explain_line.c ---- */

/* A labelled line: "  Usual cause  …", wrapped; newlines begin further lines. */
void explain_put(const struct cli_term *t, const char *label, const char *text);
/* One message in full. */
void explain_message(const struct cli_term *t, const struct explained *x);
/* The keys of a message; line 0 = not out of a log. */
struct json_object *explain_json(const struct explained *x, uint64_t line, uint64_t times);
/* All that is known of a line, to t->out. next: what to do, where that is known better than in
 * general; NULL. False: no message fits the line, and nothing was printed. */
bool explain_known_line(const struct cli_term *t, const char *line, const char *next);
/* One line from the command line. Exit status. */
unsigned explain_line(const struct cli_term *t, const struct settings *set, const char *line);

/* ---- explain_log.c ---- */

/* A log, from a stream or (in == NULL) the lines of a text. Exit status. */
unsigned explain_log(const struct cli_term *t, const struct settings *set, FILE *in,
                     const char *text);

#endif
