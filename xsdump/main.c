/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsdump: list what is in a saved Xen VM. */
#include <stdlib.h>

#include "browse/browse.h"
#include "xsdump.h"

#define OUTPUT_BUFFER (256U << 10)

static unsigned list_images(const struct settings *set, const struct cli_term *t)
{
    bool json = set->json || set->jsonl;
    struct view *view = json ? json_view_new(set) : text_view_new(set, t);
    unsigned status = 0;

    if (!view) {
        cli_error(NULL, "out of memory; free some and try again");
        return CLI_OPERATIONAL;
    }
    for (size_t i = 0; i < set->image_count && !cli_output_failed(); i++)
        status |= image_list(set, set->images[i], view);
    view->done(view);
    view->free(view);
    return status;
}

static unsigned list_bids(const struct settings *set, const struct cli_term *t)
{
    unsigned status = 0;

    for (size_t i = 0; i < set->image_count; i++)
        status |= image_bids(set, set->images[i], t, i == 0);
    return status;
}

static unsigned run(const struct settings *set, const struct cli_term *t)
{
    unsigned status;

    if (set->help) {
        usage_print(t);
        return 0;
    }
    if (set->version) {
        printf("xsdump %s\n", XSI_VERSION);
        return 0;
    }
    if (set->list_findings)
        return findings_list(t, set->json || set->jsonl);
    if (set->list_readers)
        return readers_list(t, set->json || set->jsonl);
    if (set->explain && !set->image_count)
        return explain_print(t, set);
    status = set->list_bids ? list_bids(set, t) : list_images(set, t);
    if (set->explain && !set->json && !set->jsonl)
        status |= explain_places(t, set);
    return status;
}

int main(int argc, char **argv)
{
    struct settings set;
    struct cli_term t;
    unsigned status;

    if (!cli_start())
        return CLI_OPERATIONAL;
    if (!settings_parse(&set, argc, argv))
        return CLI_USAGE;
    cli_term_init(&t, set.color);
    /* Lines for a pipe or a file need no flush at their end. */
    setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
    if (set.browse && !set.help && !set.version) {
        status = browse_images(&set);
    } else {
        pager_start(&set);
        status = run(&set, &t);
    }
    return cli_finish((int)status);
}
