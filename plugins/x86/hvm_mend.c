/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An HVM context put right: the list made to come out even again, values that only damage can
 * have, and types and lengths that a release of Xen does not take. Nothing is made up but a lost
 * HEADER and END: what a record held is kept, cut or dropped, and said.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "x86_priv.h"

enum { RECORDS_MAX = 8192, CPU_CR4 = 0x2a8, CPU_PAD = 0x404, CPU_FULL = 1032, CPU_FLAGS = 0x400 };

struct mending {
    const uint8_t *p;
    size_t n;
    uint8_t *out;
    size_t length; /* of what is in out */
    struct x86_hvm_mending *say;
    uint8_t seen[X86_HVM_CODES][X86_HVM_MAX_VCPUS];
    unsigned vcpus;
};

struct entry {
    unsigned code, instance;
    uint32_t length;
    size_t at;
};

XSI_PRINTF(3, 4)
static void add(char *text, size_t size, const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list args;

    if (n + 3 >= size)
        return;
    if (n) {
        memcpy(text + n, "; ", 3);
        n += 2;
    }
    va_start(args, fmt);
    vsnprintf(text + n, size - n, fmt, args);
    va_end(args);
}
#define did(g, ...)   add((g)->say->did, sizeof((g)->say->did), __VA_ARGS__)
#define loses(g, ...) add((g)->say->loses, sizeof((g)->say->loses), __VA_ARGS__)
#define guess(g, ...) add((g)->say->guess, sizeof((g)->say->guess), __VA_ARGS__)

static void read_entry(const struct mending *g, size_t at, struct entry *e)
{
    e->at = at;
    e->code = x86_le16(g->p + at);
    e->instance = x86_le16(g->p + at + 2);
    e->length = xsi_le32(g->p + at + 4);
}

static const char *name_of(unsigned code)
{
    return code < X86_HVM_CODES && x86_hvm_types[code].name ? x86_hvm_types[code].name : "unknown";
}

/* From `at` on, do lengths lead to END at the very end, or (no_end) to the end without it? */
static bool even(const struct mending *g, size_t at, bool no_end)
{
    for (unsigned i = 0; i < RECORDS_MAX && x86_fits(at, X86_HVM_DESC, g->n); i++) {
        struct entry e;

        read_entry(g, at, &e);
        at += X86_HVM_DESC;
        if (e.code == X86_HVM_END)
            return !e.length && at == g->n;
        if (e.length > g->n - at)
            return false;
        at += e.length;
        if (no_end && at == g->n)
            return true;
    }
    return false;
}

static bool rest_good(const struct mending *g, size_t at)
{
    return even(g, at, false) || at == g->n || even(g, at, true);
}

/* A length of the entry's type with which the list comes out even; 0: none. */
static uint32_t better_length(const struct mending *g, const struct entry *e)
{
    const struct x86_hvm_length *row;
    unsigned repeat = e->code < X86_HVM_CODES ? x86_hvm_types[e->code].repeat : 0;
    size_t body = e->at + X86_HVM_DESC;
    uint32_t found = 0;

    for (row = x86_hvm_lengths; row->code < X86_HVM_CODES; row++) {
        if (row->code != e->code || !row->length)
            continue;
        if (x86_fits(body, row->length, g->n) && even(g, body + row->length, false))
            found = row->length;
        for (uint32_t n = row->length; repeat && !found && x86_fits(body, n, g->n); n += repeat)
            if (even(g, body + n, false))
                found = n;
    }
    return found;
}

static void emit(struct mending *g, unsigned code, unsigned instance, const uint8_t *body,
                 uint32_t n)
{
    uint8_t *q = g->out + g->length;

    q[0] = (uint8_t)code;
    q[1] = (uint8_t)(code >> 8);
    q[2] = (uint8_t)instance;
    q[3] = (uint8_t)(instance >> 8);
    for (unsigned i = 0; i < 4; i++)
        q[4 + i] = (uint8_t)(n >> 8 * i);
    if (n)
        memcpy(q + X86_HVM_DESC, body, n);
    g->length += X86_HVM_DESC + n;
}

/* ---- the header ---- */

/* HEADER, as it must be. *at: where the list goes on. False: there is no list. */
static bool mend_header(struct mending *g, size_t *at)
{
    uint8_t header[X86_HVM_HEADER_SIZE] = { 0x86, 0x12, 0x38, 0x54, 1 };
    size_t behind = X86_HVM_DESC + X86_HVM_HEADER_SIZE;
    struct entry e = { .code = X86_HVM_END };

    memset(header + 8, 0xff, 8); /* changeset unknown */
    if (g->n >= X86_HVM_DESC)
        read_entry(g, 0, &e);
    if (g->n >= behind &&
        ((e.code == X86_HVM_HEADER && e.length == X86_HVM_HEADER_SIZE) || even(g, behind, false))) {
        memcpy(header + 8, g->p + X86_HVM_DESC + 8, X86_HVM_HEADER_SIZE - 8);
        emit(g, X86_HVM_HEADER, 0, header, sizeof(header));
        if (memcmp(g->p, g->out, behind) != 0)
            did(g, "HEADER put right");
        *at = behind;
        return true;
    }
    *at = 0;
    if (e.code == X86_HVM_END || !even(g, 0, false))
        return false;
    did(g, "HEADER inserted");
    guess(g, "that only HEADER is missing, and the CPU signature in it, which Xen only logs");
    emit(g, X86_HVM_HEADER, 0, header, sizeof(header));
    return true;
}

/* ---- numbers of vCPUs ---- */

static void count(struct mending *g, size_t at)
{
    unsigned votes = 0;

    for (struct entry e; x86_fits(at, X86_HVM_DESC, g->n); at += X86_HVM_DESC + e.length) {
        read_entry(g, at, &e);
        if (e.code == X86_HVM_END || e.length > g->n - at - X86_HVM_DESC)
            break;
        if (e.code < X86_HVM_CODES && e.instance < X86_HVM_MAX_VCPUS &&
            g->seen[e.code][e.instance] < 255)
            g->seen[e.code][e.instance]++;
    }
    for (unsigned v = 1; v <= X86_HVM_MAX_VCPUS; v++) { /* the number that most types agree on */
        unsigned same = 0;

        for (unsigned code = X86_HVM_LAPIC; code < X86_HVM_CODES; code++) {
            unsigned have = 0;

            for (unsigned i = 0; x86_hvm_types[code].per_vcpu && i < X86_HVM_MAX_VCPUS; i++)
                have += g->seen[code][i] > 0;
            same += have == v;
        }
        if (same > votes) {
            votes = same;
            g->vcpus = v;
        }
    }
}

/* The number that is missing among those of the type; X86_HVM_MAX_VCPUS: none. */
static unsigned free_instance(const struct mending *g, const struct entry *e)
{
    unsigned most = x86_hvm_types[e->code].per_vcpu ? g->vcpus : x86_hvm_types[e->code].instances;

    for (unsigned i = 0; i < most && i < X86_HVM_MAX_VCPUS; i++)
        if (!g->seen[e->code][i])
            return i;
    return X86_HVM_MAX_VCPUS;
}

/* A number beyond those of the other types. False: the record goes. */
static bool mend_instance(struct mending *g, struct entry *e)
{
    unsigned most = x86_hvm_types[e->code].per_vcpu ? g->vcpus : x86_hvm_types[e->code].instances;
    unsigned own = free_instance(g, e);

    if (!most || e->instance < most || (!x86_hvm_types[e->code].per_vcpu && most == 1))
        return true;
    if (own < X86_HVM_MAX_VCPUS) {
        did(g, "%s %u numbered %u", name_of(e->code), e->instance, own);
        guess(g, "that this %s is number %u, which is missing", name_of(e->code), own);
        e->instance = own;
        g->seen[e->code][own] = 1;
        return true;
    }
    did(g, "%s %u dropped: the other records know of %u", name_of(e->code), e->instance, most);
    guess(g, "that the guest has %u vCPUs, as the other records say", most);
    return false;
}

/* ---- values ---- */

static void mend_values(struct mending *g, const struct entry *e, uint8_t *body)
{
    char what[64];
    uint64_t cr4;

    while (x86_hvm_unbit(e->code, body, e->length, what, sizeof(what))) {
        did(g, "CPU %u: %s", e->instance, what);
        guess(g, "that CPU %u has no other damage than one bit: no host takes the value",
              e->instance);
    }
    if (e->code == X86_HVM_CPU && e->length >= CPU_FULL && xsi_le32(body + CPU_PAD)) {
        memset(body + CPU_PAD, 0, 4); /* 4.7 to 4.22:hvm.c:hvm_load_cpu_ctxt wants 0 */
        did(g, "padding of CPU %u cleared", e->instance);
    }
    if (e->code == X86_HVM_CPU && g->say->cr4 && e->length >= CPU_CR4 + 8) {
        cr4 = xsi_le64(body + CPU_CR4);
        if (cr4 & ~g->say->cr4) {
            did(g, "CR4 bits 0x%" PRIx64 " of CPU %u cleared", cr4 & ~g->say->cr4, e->instance);
            guess(g, "that the guest never uses what these bits turned on");
            cr4 = htole64(cr4 & g->say->cr4);
            memcpy(body + CPU_CR4, &cr4, 8);
        }
    }
    for (unsigned i = 0; e->code == X86_HVM_PCI_LINK && i < 8 && i < e->length; i++) {
        if (body[i] <= (i < 4 ? 15 : 0))
            continue;
        guess(g, "that PCI-ISA link %u is %u, its low bits", i, i < 4 ? body[i] & 15U : 0);
        body[i] = i < 4 ? body[i] & 15 : 0;
        did(g, "PCI-ISA link %u put in range", i);
    }
}

/* ---- MSRs ---- */

/* Entries that the reader loads; false: none is left. */
static bool mend_msrs(struct mending *g, const struct entry *e)
{
    uint8_t *body = g->out + g->length + X86_HVM_DESC;
    const uint8_t *p = g->p + e->at + X86_HVM_DESC;
    uint32_t n = e->length < 8 ? 0 : (e->length - 8) / 16, kept = 0;

    memset(body, 0, 8);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *msr = p + 8 + 16 * (size_t)i;

        if (g->say->msr_good && !g->say->msr_good(g->say->arg, xsi_le32(msr), xsi_le64(msr + 8))) {
            loses(g, "MSR 0x%" PRIx32 " of vCPU %u (0x%" PRIx64 ")", xsi_le32(msr), e->instance,
                  xsi_le64(msr + 8));
            did(g, "MSR 0x%" PRIx32 " dropped", xsi_le32(msr));
            continue;
        }
        memcpy(body + 8 + 16 * (size_t)kept, msr, 16);
        memset(body + 12 + 16 * (size_t)kept, 0, 4);
        kept++;
    }
    if (!kept) {
        did(g, "CPU_MSR %u dropped: %s", e->instance, n ? "nothing is left in it" : "it is empty");
        return false;
    }
    body[0] = (uint8_t)kept;
    body[1] = (uint8_t)(kept >> 8);
    emit(g, e->code, e->instance, body, 8 + 16 * kept);
    return true;
}

/* ---- types and lengths of a release ---- */

static bool all_zero(const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* What is cut off a CPU record for 4.6 says that the FPU is in use, as every guest has it. */
static bool cut_matters(const struct entry *e, const uint8_t *body, uint32_t own)
{
    if (e->code == X86_HVM_CPU && own == CPU_FLAGS && xsi_le32(body + own) == 1)
        return !all_zero(body + own + 4, e->length - own - 4);
    return !all_zero(body + own, e->length - own);
}

/* A record as the release takes it. */
static void fit(struct mending *g, const struct entry *e)
{
    const uint8_t *body = g->p + e->at + X86_HVM_DESC;
    uint32_t own = e->code < X86_HVM_CODES ? x86_hvm_own_length(e->code, g->say->release) : 0;
    uint8_t *to = g->out + g->length + X86_HVM_DESC;

    if (!own) {
        did(g, "%s (type %u) of instance %u dropped", name_of(e->code), e->code, e->instance);
        loses(g, "%s (type %u) of instance %u, %" PRIu32 " bytes", name_of(e->code), e->code,
              e->instance, e->length);
        return;
    }
    if (e->code == X86_HVM_CPU_MSR) {
        (void)mend_msrs(g, e);
        return;
    }
    if (x86_hvm_types[e->code].repeat || e->length <= own ||
        (e->code == X86_HVM_CPU && e->length == 1016)) {
        memcpy(to, body, e->length);
        emit(g, e->code, e->instance, to, e->length);
        return;
    }
    did(g, "%s %u cut from %" PRIu32 " to %" PRIu32 " bytes", name_of(e->code), e->instance,
        e->length, own);
    if (cut_matters(e, body, own))
        loses(g, "the last %" PRIu32 " bytes of %s %u", e->length - own, name_of(e->code),
              e->instance);
    emit(g, e->code, e->instance, body, own);
}

static void repair(struct mending *g, struct entry *e)
{
    uint8_t *body = g->out + g->length + X86_HVM_DESC;

    if (e->code == X86_HVM_CPU_MSR && e->length < 24) {
        (void)mend_msrs(g, e);
        return;
    }
    if (e->code < X86_HVM_CODES && e->code != X86_HVM_HEADER && !mend_instance(g, e))
        return;
    memcpy(body, g->p + e->at + X86_HVM_DESC, e->length);
    mend_values(g, e, body);
    emit(g, e->code, e->instance, body, e->length);
}

/* ---- the list ---- */

/* False: it cannot be followed. */
static bool follow(struct mending *g, size_t at)
{
    struct entry e;

    for (unsigned i = 0; i < RECORDS_MAX && x86_fits(at, X86_HVM_DESC, g->n); i++) {
        read_entry(g, at, &e);
        if (e.code == X86_HVM_END)
            break;
        if (!g->say->release &&
            (e.length > g->n - at - X86_HVM_DESC || !rest_good(g, at + X86_HVM_DESC + e.length))) {
            uint32_t length = better_length(g, &e);

            if (length)
                did(g, "length of %s %u: %" PRIu32 ", with which the list comes out even",
                    name_of(e.code), e.instance, length);
            e.length = length ? length : e.length;
        }
        if (e.length > g->n - at - X86_HVM_DESC)
            return false;
        if (g->say->release)
            fit(g, &e);
        else if (!g->say->drop_at || at != g->say->drop_at)
            repair(g, &e);
        else
            did(g, "%s %u dropped", name_of(e.code), e.instance);
        at += X86_HVM_DESC + e.length;
    }
    if (!x86_fits(at, X86_HVM_DESC, g->n) && at != g->n)
        return false;
    if (at == g->n)
        did(g, "END appended");
    emit(g, X86_HVM_END, 0, NULL, 0);
    return true;
}

size_t x86_hvm_mend(const uint8_t *p, size_t n, struct x86_hvm_mending *say, uint8_t *out)
{
    struct mending g = { .p = p, .n = n, .out = out, .say = say };
    size_t at;

    if (!mend_header(&g, &at))
        return 0;
    count(&g, at);
    if (!follow(&g, at))
        return 0;
    return g.length;
}
