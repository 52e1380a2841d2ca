/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chunk records. There can be millions, so they are written key by key; an object of json-c for
 * each takes three times as long. Foreign text goes through json-c all the same.
 */
#include <string.h>

#include "json.h"

/* A key that is a literal, with what stands in front of it. */
static void put_key(const char *key)
{
    fputs_unlocked(key, stdout);
}

static void put_flags(const struct xsi_chunk *chunk)
{
    static const struct {
        unsigned flag;
        const char *key;
    } rows[] = {
        { XSI_CHUNK_GAP, ",\"gap\":true" },
        { XSI_CHUNK_UNREADABLE, ",\"unreadable\":true" },
        { XSI_CHUNK_CUT, ",\"cut\":true" },
        { XSI_CHUNK_RESYNC, ",\"resync\":true" },
        { XSI_CHUNK_CERTAIN, ",\"certain\":true" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (chunk->flags & rows[i].flag)
            put_key(rows[i].key);
}

static void put_batch(const struct xsi_chunk *chunk)
{
    put_key(",\"entries\":");
    json_put_number(chunk->entries);
    if (!chunk->pages)
        return;
    put_key(",\"first_pfn\":");
    json_put_number(chunk->first_pfn);
    put_key(",\"last_pfn\":");
    json_put_number(chunk->last_pfn);
}

static void put_place(const struct xsi_chunk *chunk)
{
    put_key("\"index\":");
    json_put_number(chunk->index);
    put_key(",\"offset\":");
    json_put_number(chunk->offset);
    put_key(",\"length\":");
    json_put_number(chunk->length);
    put_key(",\"layer\":");
    json_put_text(chunk->layer, strlen(chunk->layer));
    put_key(",\"type\":");
    json_put_text(chunk->type, strlen(chunk->type));
    put_key(",\"id\":");
    if (chunk->has_id)
        json_put_signed(chunk->id);
    else
        put_key("null");
    put_key(",\"pages\":");
    json_put_number(chunk->pages);
}

void json_put_chunk(struct image *im, const struct xsi_chunk *chunk, bool record)
{
    put_key("{");
    if (record) {
        put_key("\"record\":\"chunk\",\"schema\":1,\"file\":");
        json_put_text(im->file, strlen(im->file));
        put_key(",");
    }
    put_place(chunk);
    if (chunk->flags & XSI_CHUNK_PAGES)
        put_batch(chunk);
    if (*chunk->note) {
        put_key(",\"note\":");
        json_put_text(chunk->note, strlen(chunk->note));
    }
    put_flags(chunk);
    if (chunk->flags & XSI_CHUNK_CUT) {
        put_key(",\"wanted\":");
        json_put_number(chunk->wanted);
    }
    put_key(",\"fields\":");
    put_key(json_put_fields(im, chunk) ? "}" : ",\"fields_cut\":true}");
}
