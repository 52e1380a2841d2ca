/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --as list: what each format thinks of the first bytes. */
#include <string.h>

#include "json.h"

#define BIDS_MAX 64

static void bids_text(const struct cli_term *t, const struct image *im,
                      const struct xsi_candidate *bid, size_t count, bool first)
{
    char name[1024];

    fprintf(t->out, "%s%simage    %s%s\n", first ? "" : "\n", cli_colour(t, CLI_BOLD),
            cli_colour(t, CLI_PLAIN), cli_name(name, sizeof(name), im->file));
    fprintf(t->out, "%s  %-16s %5s  REASON%s\n", cli_colour(t, CLI_BOLD), "LAYER", "SCORE",
            cli_colour(t, CLI_PLAIN));
    for (size_t i = 0; i < count; i++) {
        fprintf(t->out, "%s %-16s %5d  ", bid[i].chosen ? "*" : " ", bid[i].layer, bid[i].score);
        cli_wrap(t, 26, 26, *bid[i].reason ? bid[i].reason : "-");
    }
    fputs("  * chosen. Another one: xsdump --as LAYER IMAGE\n", t->out);
}

static void bids_json(const struct image *im, const struct xsi_candidate *bid, size_t count)
{
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_new_object();

        json_object_object_add(one, "layer", json_object_new_string(bid[i].layer));
        json_object_object_add(one, "score", json_object_new_int(bid[i].score));
        json_object_object_add(one, "reason", json_text(bid[i].reason, strlen(bid[i].reason)));
        json_object_object_add(one, "chosen", json_object_new_boolean(bid[i].chosen));
        json_object_array_add(list, one);
    }
    json_object_object_add(o, "record", json_object_new_string("bids"));
    json_object_object_add(o, "schema", json_object_new_int(1));
    json_object_object_add(o, "file", json_text(im->file, strlen(im->file)));
    json_object_object_add(o, "bids", list);
    json_put(o);
    putchar('\n');
}

unsigned image_bids(const struct settings *set, const char *file, const struct cli_term *t,
                    bool first)
{
    struct image im = { .set = set, .file = file };
    struct xsi_candidate bid[BIDS_MAX];
    struct xsi_error error = { 0, "" };
    unsigned status = CLI_USAGE;
    size_t count;

    if (!image_open(&im, &error)) {
        cli_error(file, "%s", error.text);
        image_close(&im);
        return CLI_OPERATIONAL;
    }
    count = xsi_walk_candidates(im.walk, BIDS_MAX, bid);
    for (size_t i = 0; i < count; i++)
        if (bid[i].chosen)
            status = 0;
    if (set->json || set->jsonl)
        bids_json(&im, bid, count);
    else
        bids_text(t, &im, bid, count, first);
    image_close(&im);
    return status;
}
