/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One look through an HVM context: is it whole, what does it hold, who wrote it? */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "x86_priv.h"

enum {
    ISSUES_PER_ID = 4,  /* so that one kind of damage does not hide the others */
    MAX_TRIES = 32,     /* looks ahead from damaged lengths; each is as long as the list */
    MAX_RECORDS = 8192, /* 128 vCPUs with all their records are some 1200 */
    SCAN = 32768,       /* bytes in which a list may go on: no record of Xen is that long */
    PROBLEM = 2 | 4     /* exit bits of what a reader stumbles over */
};

/* A look in progress. */
struct look {
    const uint8_t *p;
    size_t have, length; /* bytes at p; bytes the list should have */
    struct x86_hvm_summary *s;
    uint64_t seen[X86_HVM_CODES][2]; /* bit per instance below 128 */
    uint64_t cpus[2];                /* CPU records that are there in full */
    unsigned last_code, last_instance;
    size_t last_at; /* of the record before */
    unsigned tries;
    unsigned of_id[X86_FINDING_COUNT];
    bool stopped; /* the list cannot be followed further */
};

/* A descriptor at `at`. */
struct record {
    size_t at;
    unsigned code, instance;
    uint32_t length;
    char label[32];
};

XSI_PRINTF(5, 6)
static void note(struct look *l, enum x86_finding_id id, const struct record *r, size_t length,
                 const char *fmt, ...)
{
    struct x86_hvm_summary *s = l->s;
    struct x86_hvm_issue issue = { .id = id, .at = r->at, .length = length };
    bool full = s->issues == X86_HVM_ISSUES || l->of_id[id] == ISSUES_PER_ID;
    va_list ap;

    if (full && s->problem[0]) {
        s->dropped++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(issue.text, sizeof(issue.text), fmt, ap);
    va_end(ap);
    if (!s->problem[0] && x86_findings[id].exit & PROBLEM) {
        s->bad_at = r->at;
        s->bad_type = r->code;
        memcpy(s->problem, issue.text, sizeof(s->problem));
    }
    if (full) {
        s->dropped++;
        return;
    }
    l->of_id[id]++;
    s->issue[s->issues++] = issue;
}

static void read_record(const struct look *l, size_t at, struct record *r)
{
    r->at = at;
    r->code = x86_le16(l->p + at);
    r->instance = x86_le16(l->p + at + 2);
    r->length = xsi_le32(l->p + at + 4);
    if (r->code < X86_HVM_CODES)
        snprintf(r->label, sizeof(r->label), "%s %u", x86_hvm_types[r->code].name, r->instance);
    else
        snprintf(r->label, sizeof(r->label), "type %u instance %u", r->code, r->instance);
}

/* From a descriptor at `at` on, do lengths lead to an END at the very end? */
static bool comes_out_even(struct look *l, size_t at)
{
    if (l->have < l->length || l->tries++ >= MAX_TRIES)
        return false;
    for (unsigned n = 0; n < MAX_RECORDS && x86_fits(at, X86_HVM_DESC, l->length); n++) {
        uint32_t length = xsi_le32(l->p + at + 4);

        at += X86_HVM_DESC;
        if (x86_le16(l->p + at - X86_HVM_DESC) == X86_HVM_END)
            return length == 0 && at == l->length;
        if (length > l->length - at)
            return false;
        at += length;
    }
    return false;
}

/* The row of the record's length; NULL when no release wrote it. *most: the longest known. */
static const struct x86_hvm_length *length_row(unsigned code, uint32_t length, uint32_t *most)
{
    const struct x86_hvm_length *row;
    unsigned repeat = x86_hvm_types[code].repeat;

    *most = 0;
    for (row = x86_hvm_lengths; row->code < X86_HVM_CODES; row++) {
        if (row->code != code)
            continue;
        if (length == row->length ||
            (repeat && length > row->length && (length - row->length) % repeat == 0))
            return row;
        if (row->length > *most)
            *most = row->length;
    }
    return NULL;
}

/*
 * The first place from `from` on where a good rest of the list begins; `length` when there is
 * none. All lengths are multiples of 8, so places are 8 bytes apart.
 */
static size_t good_rest(struct look *l, size_t from)
{
    /* A call is a look ahead too: a list of nothing but damage must not cost its square. */
    if (l->have < l->length || l->tries++ >= MAX_TRIES)
        return l->length;
    for (size_t at = from; at - from < SCAN && x86_fits(at, X86_HVM_DESC, l->length); at += 8) {
        unsigned code = x86_le16(l->p + at);
        uint32_t most;

        if (code == X86_HVM_END
                ? at + X86_HVM_DESC != l->length || xsi_le64(l->p + at) != 0
                : code >= X86_HVM_CODES || !length_row(code, xsi_le32(l->p + at + 4), &most))
            continue;
        if (comes_out_even(l, at))
            return at;
        if (l->tries >= MAX_TRIES)
            break;
    }
    return l->length;
}

/* A length that Xen uses for the type and that leads to a good list; 0 when there is none. */
static uint32_t better_length(struct look *l, const struct record *r)
{
    size_t body = r->at + X86_HVM_DESC, rest;

    for (const struct x86_hvm_length *row = x86_hvm_lengths; row->code < X86_HVM_CODES; row++) {
        if (row->code != r->code || !row->length || !x86_fits(body, row->length, l->length))
            continue;
        if (x86_hvm_types[r->code].repeat) {
            rest = good_rest(l, body + row->length);
            return rest < l->length ? (uint32_t)(rest - body) : 0;
        }
        if (row->length != r->length && comes_out_even(l, body + row->length))
            return row->length;
    }
    return 0;
}

/* A record that was written by `from` to `to`: what that says of the writer of the whole. */
static void narrow(struct x86_hvm_summary *s, unsigned from, unsigned to)
{
    if (from > s->from)
        s->from = from;
    if (to && (!s->to || to < s->to))
        s->to = to;
}

/* Length of a known type. May put the right one into r->length to go on with. */
static void check_length(struct look *l, struct record *r)
{
    uint32_t most, better;
    const struct x86_hvm_length *row = length_row(r->code, r->length, &most);
    bool overrun = r->length > l->length - r->at - X86_HVM_DESC;

    if (row && !overrun) {
        narrow(l->s, row->from, row->to);
        return;
    }
    if (!overrun && r->length > most && !x86_hvm_types[r->code].repeat &&
        comes_out_even(l, r->at + X86_HVM_DESC + r->length)) {
        note(l, X86_H08, r, X86_HVM_DESC,
             "%s has %" PRIu32 " bytes; Xen up to 4.22 has at most %" PRIu32, r->label, r->length,
             most);
        return;
    }
    better = better_length(l, r);
    if (better) {
        note(l, overrun ? X86_H06 : X86_H07, r, X86_HVM_DESC,
             "%s says %" PRIu32 " bytes; with %" PRIu32 " the list comes out even", r->label,
             r->length, better);
        r->length = better;
    } else if (overrun) {
        note(l, X86_H06, r, X86_HVM_DESC,
             "%s says %" PRIu32 " bytes, the context has only %zu "
             "left",
             r->label, r->length, l->length - r->at - X86_HVM_DESC);
        l->stopped = true;
    } else {
        note(l, X86_H07, r, X86_HVM_DESC, "%s has %" PRIu32 " bytes, as in no release of Xen",
             r->label, r->length);
    }
}

/* Number, order, and whether it was there already. */
static void check_place(struct look *l, const struct record *r)
{
    const struct x86_hvm_type *t = &x86_hvm_types[r->code];
    unsigned limit = t->per_vcpu ? X86_HVM_MAX_VCPUS : t->instances;

    if (r->code < l->last_code || (r->code == l->last_code && r->instance < l->last_instance)) {
        if (!l->of_id[X86_H16])
            note(l, X86_H16, r, X86_HVM_DESC, "%s stands behind type %u", r->label, l->last_code);
    }
    l->last_code = r->code;
    l->last_instance = r->instance;
    if (r->instance >= limit) {
        bool refused = limit > 1;

        note(l, refused ? X86_H14 : X86_H15, r, X86_HVM_DESC,
             "%s: instance %u of a record that "
             "has at most %u",
             t->name, r->instance, limit);
        if (refused)
            return;
    }
    if (r->instance < 128) {
        uint64_t *seen = &l->seen[r->code][r->instance / 64], bit = X86_BIT(r->instance % 64);

        if (*seen & bit)
            note(l, X86_H10, r, X86_HVM_DESC, "second record %s", r->label);
        *seen |= bit;
    }
    if (t->per_vcpu && r->instance >= l->s->vcpus)
        l->s->vcpus = r->instance + 1;
}

static void check_header(struct look *l, const struct record *r)
{
    struct x86_hvm_summary *s = l->s;
    const uint8_t *p = l->p + r->at + X86_HVM_DESC;

    s->header_magic = xsi_le32(p);
    s->header_version = xsi_le32(p + 4);
    s->changeset = xsi_le64(p + 8);
    s->cpuid = xsi_le32(p + 16);
    s->tsc_khz = xsi_le32(p + 20);
    if (s->header_magic != X86_HVM_MAGIC)
        note(l, X86_H02, r, X86_HVM_DESC + 4, "magic is 0x%08" PRIx32 ", should be 0x%08x",
             s->header_magic, X86_HVM_MAGIC);
    else if (s->header_version != 1)
        note(l, X86_H03, r, X86_HVM_DESC + 8, "version is %" PRIu32 ", should be 1",
             s->header_version);
    else
        s->header_ok = true;
    if (s->tsc_khz)
        narrow(s, 400, 0);
}

/* A body that is there in full. */
static void check_body(struct look *l, const struct record *r)
{
    const uint8_t *body = l->p + r->at + X86_HVM_DESC;
    char why[96];

    if (r->code == X86_HVM_HEADER && r->length >= X86_HVM_HEADER_SIZE && l->s->records == 1)
        check_header(l, r);
    if (r->code == X86_HVM_CPU && r->length >= 1016) {
        if (x86_is_filled(body, r->length)) {
            if (!l->s->filled)
                note(l, X86_H19, r, X86_HVM_DESC + r->length, "%s consists of bytes 0x%02x",
                     r->label, body[0]);
            l->s->filled = true;
        }
        if (r->instance < 128)
            l->cpus[r->instance / 64] |= X86_BIT(r->instance % 64);
    }
    if (!l->s->filled && !x86_hvm_values(r->code, body, r->length, why, sizeof(why)))
        note(l, X86_H17, r, X86_HVM_DESC + r->length, "%s: %s", r->label, why);
}

/* One record; false when the list ends there. */
static bool take(struct look *l, size_t *at)
{
    struct x86_hvm_summary *s = l->s;
    struct record r;

    read_record(l, *at, &r);
    if (s->records == MAX_RECORDS) {
        note(l, X86_H04, &r, X86_HVM_DESC, "no END record after %u records", s->records);
        l->stopped = true;
        return false;
    }
    s->records++;
    if (s->records == 1 && (r.code != X86_HVM_HEADER || r.length != X86_HVM_HEADER_SIZE))
        note(l, X86_H01, &r, X86_HVM_DESC,
             "the context begins with %s, %" PRIu32 " bytes, not "
             "with HEADER",
             r.label, r.length);
    if (r.code == X86_HVM_END) {
        if (r.instance || r.length)
            note(l, X86_H21, &r, X86_HVM_DESC, "END has instance %u and length %" PRIu32,
                 r.instance, r.length);
        s->end_seen = true;
        *at += X86_HVM_DESC;
        return false;
    }
    if (r.code > s->highest)
        s->highest = r.code;
    if (r.code < X86_HVM_CODES) {
        s->types |= 1U << r.code;
        check_length(l, &r);
        check_place(l, &r);
    } else if (r.length > l->length - r.at - X86_HVM_DESC) {
        note(l, X86_H06, &r, X86_HVM_DESC,
             "%s says %" PRIu32 " bytes, the context has only %zu "
             "left",
             r.label, r.length, l->length - r.at - X86_HVM_DESC);
        l->stopped = true;
    } else {
        note(l, X86_H09, &r, X86_HVM_DESC, "%s, %" PRIu32 " bytes", r.label, r.length);
    }
    if (l->stopped)
        return false;
    if (!x86_fits(r.at + X86_HVM_DESC, r.length, l->have)) {
        s->cut = true;
        return false;
    }
    if (r.code < X86_HVM_CODES)
        check_body(l, &r);
    l->last_at = r.at;
    *at = r.at + X86_HVM_DESC + r.length;
    return true;
}

/*
 * Do the per-vCPU records name the same vCPUs? A vCPU that is off has no CPU record, but Xen
 * writes LAPIC, LAPIC_REGS and MTRR for all. 3.1 had no MTRR record: a type that is nowhere is
 * not looked for.
 */
static void check_vcpus(struct look *l, const struct record *end)
{
    static const unsigned char every[] = { X86_HVM_LAPIC, X86_HVM_LAPIC_REGS, X86_HVM_MTRR };

    for (unsigned half = 0; half < 2; half++) {
        uint64_t all = 0, known = 0;

        for (unsigned code = 0; code < X86_HVM_CODES; code++)
            all |= x86_hvm_types[code].per_vcpu ? l->seen[code][half] : 0;
        for (size_t i = 0; i < X86_COUNT(every); i++) {
            uint64_t lacks = all & ~l->seen[every[i]][half];

            known |= l->seen[every[i]][half];
            if (lacks && (l->s->types >> every[i] & 1))
                note(l, X86_H13, end, 0, "vCPU %u has no %s record",
                     half * 64 + (unsigned)__builtin_ctzll(lacks), x86_hvm_types[every[i]].name);
        }
        if (!known && all & ~l->seen[X86_HVM_CPU][half])
            note(l, X86_H13, end, 0, "vCPU %u has no CPU record",
                 half * 64 + (unsigned)__builtin_ctzll(all & ~l->seen[X86_HVM_CPU][half]));
    }
    if (l->s->cpus && !l->s->has_cpu0)
        note(l, X86_H13, end, 0, "vCPU 0 has no CPU record");
}

/* Types that every release writes together: when one is there, so are the others. */
static void check_company(struct look *l, const struct record *end)
{
    static const uint32_t together[] = {
        1U << X86_HVM_PCI_IRQ | 1U << X86_HVM_ISA_IRQ | 1U << X86_HVM_PCI_LINK,
        1U << X86_HVM_LAPIC | 1U << X86_HVM_LAPIC_REGS,
    };

    for (size_t i = 0; i < X86_COUNT(together); i++) {
        uint32_t lacks = together[i] & ~l->s->types;

        if (lacks && lacks != together[i])
            note(l, X86_H22, end, 0, "there is no %s record",
                 x86_hvm_types[__builtin_ctz(lacks)].name);
    }
}

/*
 * Behind END: nothing of interest, or the part of the list that a wrong length cut off? False then:
 * what is missing in front of it stands behind it.
 */
static bool check_trailing(struct look *l, const struct record *end)
{
    size_t rest = good_rest(l, end->at), body = l->last_at + X86_HVM_DESC;
    struct record last;

    if (rest + X86_HVM_DESC >= l->length) {
        note(l, X86_H11, end, l->length - end->at, "%zu bytes behind END", l->length - end->at);
        return true;
    }
    read_record(l, l->last_at, &last);
    note(l, X86_H20, &last, X86_HVM_DESC,
         "END comes too early: the list goes on at byte %zu; "
         "%s says %" PRIu32 " bytes, with %zu the list comes out even",
         rest, last.label, last.length, rest - body);
    return false;
}

/* What only shows when the list has been read. */
static void conclude(struct look *l, size_t at)
{
    struct x86_hvm_summary *s = l->s;
    struct record end = { .at = at };

    s->end_at = at;
    for (unsigned half = 0; half < 2; half++)
        s->cpus += (unsigned)__builtin_popcountll(l->cpus[half]);
    s->has_cpu0 = l->cpus[0] & 1;
    if (!s->end_seen && !l->stopped && l->have < l->length)
        s->cut = true;
    if (s->cut)
        note(l, X86_H05, &end, l->have - at, "%zu of %zu bytes are there", l->have, l->length);
    else if (!s->end_seen && !l->stopped)
        note(l, X86_H04, &end, l->length - at, "no END record after %u records", s->records);
    if (s->end_seen && s->end_at < l->length && !check_trailing(l, &end))
        return;
    if (s->end_seen && s->records > 1 && !s->cpus)
        note(l, X86_H12, &end, 0, "no CPU record among %u records", s->records);
    if (s->end_seen) {
        check_vcpus(l, &end);
        check_company(l, &end);
    }
    if (s->to && s->from > s->to)
        note(l, X86_H18, &end, 0, "records of %s or later beside records of %s or earlier",
             x86_release_name(s->from), x86_release_name(s->to));
}

bool x86_hvm_check(const uint8_t *p, size_t have, size_t length, struct x86_hvm_summary *out)
{
    struct look l = { .p = p, .have = have < length ? have : length, .length = length, .s = out };
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    out->bad_at = length;
    if (length == 0) {
        struct record none = { .at = 0 };

        note(&l, X86_H01, &none, 0, "the context is empty");
        return false;
    }
    while (x86_fits(at, X86_HVM_DESC, l.have) && take(&l, &at))
        ;
    conclude(&l, at);
    return !out->problem[0];
}
