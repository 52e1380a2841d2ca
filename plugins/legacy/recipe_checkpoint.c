/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a stream ends for its reader: LAST_CHECKPOINT, the checkpoints of a Remus stream, and what
 * stands behind the last one.
 */
#include "recipe.h"

#include "../qemu/recipe.h"

/* A count that every reader refuses; it spells nothing and is no id. */
#define NO_COUNT 0x7fffffffU

static const uint8_t last_chunk[4] = { 0xf7, 0xff, 0xff, 0xff };

/* Index of LAST_CHECKPOINT in the body that the zero count at `end` ends; v->count: none. */
static size_t last_of(const struct legacy_view *v, size_t end)
{
    for (size_t i = end; i-- > v->first && legacy_in_body(&v->row[i]);) {
        if (legacy_is(&v->row[i], PART_END))
            break;
        if (v->row[i].has_id && v->row[i].id == LEGACY_ID_LAST)
            return i;
    }
    return v->count;
}

static bool insert_last(const struct legacy_view *v, size_t end)
{
    if (last_of(v, end) < v->count || legacy_word(v, v->row[end].offset))
        return false;
    xsi_mend_splice(v->m, v->row[end].offset, 0, last_chunk, sizeof(last_chunk),
                    "insert f7 ff ff ff: LAST_CHECKPOINT in front of END");
    legacy_guess_whole(v, end, last_chunk, sizeof(last_chunk));
    return true;
}

int legacy_insert_checkpoint(struct xsi_mend *m)
{
    struct legacy_view v;
    unsigned n;
    size_t end;

    if (!legacy_view(m, &v) || v.other_width || v.converts)
        return 0;
    n = legacy_checkpoints(&v);
    end = n ? legacy_end_row(&v, n - 1) : v.count;
    if (end == v.count || last_of(&v, end) < v.count)
        return 0;
    if (!v.own || legacy_knows(&v, LEGACY_ID_LAST))
        insert_last(&v, end);
    else if (xsi_mend_asked(m))
        xsi_mend_refuse(m, "%s does not know LAST_CHECKPOINT, which is written since 4.1",
                        v.reader->name);
    return 0;
}

int legacy_drop_checkpoint(struct xsi_mend *m)
{
    struct legacy_view v;

    if (!legacy_view(m, &v) || v.other_width)
        return 0;
    if (legacy_knows(&v, LEGACY_ID_LAST) && !xsi_mend_asked(m))
        return 0;
    for (size_t i = v.first; i < v.behind; i++)
        if (legacy_mine(&v.row[i]) && v.row[i].has_id && v.row[i].id == LEGACY_ID_LAST)
            xsi_mend_splice(m, v.row[i].offset, 4, NULL, 0, "delete LAST_CHECKPOINT");
    return 0;
}

/* ---------------------------------------------------------------- Remus ---- */

bool legacy_compressed(const struct legacy_view *v)
{
    for (size_t i = v->first; i < v->behind; i++)
        if (legacy_mine(&v->row[i]) && v->row[i].has_id && v->row[i].id == LEGACY_ID_PACKED)
            return true;
    return false;
}

/* Everything from the row `from` on goes; what is worth keeping is kept. */
static void cut_from(const struct legacy_view *v, size_t from, const char *piece, const char *what)
{
    uint64_t at = v->row[from].offset, size = xsi_mend_size(v->m);

    if (at >= size)
        return;
    xsi_mend_splice(v->m, at, size - at, NULL, 0,
                    "cut off the %" PRIu64 " bytes from 0x%" PRIx64 " on: %s", size - at, at, what);
    xsi_mend_keep(v->m, piece, at, size - at);
}

/* Number of complete checkpoints in front of the damage that asks; all of them without one. */
static unsigned good_checkpoints(const struct legacy_view *v)
{
    unsigned n = legacy_checkpoints(v), k = 0;
    size_t end;

    if (xsi_mend_finding(v->m) != &legacy_findings[LEGACY_L44])
        return n;
    while (k < n && (end = legacy_end_row(v, k)) < v->count &&
           v->row[end].offset < xsi_mend_at(v->m))
        k++;
    return k;
}

int legacy_cut_checkpoint(struct xsi_mend *m)
{
    struct legacy_view v;
    unsigned n, all;
    size_t end, behind;
    char still[200];

    if (!legacy_view(m, &v))
        return 0;
    all = legacy_checkpoints(&v);
    n = good_checkpoints(&v);
    end = n ? legacy_end_row(&v, n - 1) : v.count;
    if (end == v.count) {
        xsi_mend_refuse(m, "no checkpoint of this stream is complete; %s",
                        legacy_still(&v, still, sizeof(still)));
        return 0;
    }
    behind = legacy_tail_behind(&v, end);
    if (behind == v.count || (behind >= v.behind && all == n))
        return 0; /* nothing of the stream stands behind it */
    cut_from(&v, behind, "incomplete-checkpoint", "what follows the last checkpoint that is whole");
    if (!v.converts && legacy_knows(&v, LEGACY_ID_LAST))
        insert_last(&v, end);
    if (n < all)
        xsi_mend_loses(m, "checkpoints %u to %u: what the guest did after checkpoint %u", n + 1,
                       all, n);
    return 0;
}

/* Chunks that each checkpoint repeats; the last one's count. */
static bool repeated(const struct legacy_view *v, size_t i, size_t last_body)
{
    const struct xsi_map_row *row = &v->row[i];
    const struct legacy_chunk_row *known = row->has_id ? legacy_chunk_row(row->id) : NULL;

    if (!known || !known->once)
        return false;
    for (size_t k = last_body; k < v->behind; k++)
        if (legacy_mine(&v->row[k]) && v->row[k].has_id && v->row[k].id == row->id)
            return true;
    return false;
}

/*
 * All bodies become one, in front of the last tail: a frame's last copy counts, and what the
 * chunks of a body say takes effect at its zero count. So the reader gets the state of the last
 * checkpoint. Compressed pages come as plain ones in the place of the first END (`plain`).
 */
static void join_bodies(const struct legacy_view *v, unsigned n, const uint8_t *plain,
                        size_t length)
{
    size_t body = v->first, end, last_body = legacy_tail_behind(v, legacy_end_row(v, n - 2));

    for (unsigned k = 0; k < n; k++) {
        uint64_t behind;

        end = legacy_end_row(v, k);
        for (; body < end; body++) {
            const struct xsi_map_row *row = &v->row[body];
            bool packed = plain && (k || row->id == LEGACY_ID_COMPRESS) &&
                          (row->flags & XSI_CHUNK_PAGES || row->id == LEGACY_ID_PACKED ||
                           row->id == LEGACY_ID_COMPRESS);

            if (legacy_in_body(row) && (packed || (k + 1 < n && repeated(v, body, last_body))))
                xsi_mend_splice(v->m, row->offset, row->length, NULL, 0, "checkpoint %u: delete %s",
                                k + 1, row->type);
        }
        if (k + 1 == n)
            return;
        body = legacy_tail_behind(v, end);
        behind = v->row[body].offset;
        xsi_mend_splice(v->m, v->row[end].offset, behind - v->row[end].offset, k ? NULL : plain,
                        k ? 0 : length, "checkpoint %u: delete END and tail", k + 1);
    }
}

int legacy_merge_checkpoints(struct xsi_mend *m)
{
    const uint8_t *plain = NULL;
    struct legacy_view v;
    size_t end, behind, length = 0;
    unsigned n;

    if (!legacy_view(m, &v) || v.other_width)
        return 0;
    n = legacy_checkpoints(&v);
    end = n >= 2 ? legacy_end_row(&v, n - 1) : v.count;
    if (end == v.count)
        return 0;
    if (legacy_compressed(&v) && !(plain = legacy_unpack_later(&v, n, &length))) {
        xsi_mend_refuse(m,
                        "the compressed changes of the later checkpoints cannot be unpacked here: "
                        "too many, or damaged. To keep the first checkpoint: xsrecover truncate "
                        "IMAGE --checkpoint 1");
        return 0;
    }
    join_bodies(&v, n, plain, length);
    behind = legacy_tail_behind(&v, end);
    if (behind < v.behind)
        cut_from(&v, behind, "incomplete-checkpoint", "the checkpoint that is not complete");
    return 0;
}

/* ---------------------------------------------------------------- behind the last tail ---- */

/* Where the image cannot become shorter: a word that the reader refuses, so that it ends there. */
static void stop_word(const struct legacy_view *v, uint64_t at, const char *what)
{
    uint32_t word = htole32(NO_COUNT);

    if (legacy_word(v, at) > LEGACY_BATCH_MAX && (int32_t)legacy_word(v, at) > 0 &&
        xsi_mend_finding(v->m) == NULL)
        return; /* it stops there already */
    xsi_mend_splice(v->m, at, 4, &word, 4, "put ff ff ff 7f, no count that a reader takes, over %s",
                    what);
}

/* What is known of the bytes behind the tail, which are not zeros; false: they must stay. */
static bool may_cut_tail(const struct legacy_view *v, uint64_t at)
{
    uint64_t length = xsi_mend_size(v->m) - at, state;

    if (qemu_state_within(v->m, at, length, &state)) {
        xsi_mend_refuse(v->m,
                        "the bytes behind the tail hold a device model's state (QEVM at 0x%" PRIx64
                        "), whose record has lost its header: they stay",
                        state);
        return false;
    }
    if (v->pv)
        xsi_mend_guess(v->m, "that these %" PRIu64 " bytes belong to nothing", length);
    else
        xsi_mend_loses(v->m,
                       "what the %" PRIu64 " bytes behind the tail were; no device-model record "
                       "is recognised in them",
                       length);
    return true;
}

int legacy_cut_tail(struct xsi_mend *m)
{
    struct legacy_view v;
    unsigned n;
    size_t end, behind;
    bool zeros;

    if (!legacy_view(m, &v) || v.other_width || !legacy_checkpoints(&v))
        return 0;
    n = legacy_checkpoints(&v);
    end = legacy_end_row(&v, n - 1);
    behind = end < v.count ? legacy_tail_behind(&v, end) : v.count;
    if (behind >= v.count || behind < v.behind)
        return 0;
    zeros = !legacy_word(&v, v.row[behind].offset) && behind + 1 == v.count;
    if (!xsi_mend_same_size(m) && (zeros || may_cut_tail(&v, v.row[behind].offset)))
        cut_from(&v, behind, "behind-the-stream",
                 zeros ? "zeros behind the tail, which a reader can take for a checkpoint"
                       : "bytes behind the tail that belong to nothing");
    if (xsi_mend_same_size(m) && v.pv && v.own && !legacy_knows(&v, LEGACY_ID_LAST) &&
        v.row[behind].length >= 4)
        stop_word(&v, v.row[behind].offset, "the zeros behind the tail");
    return 0;
}
