/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tail of a checkpoint, and what may follow it: the device-model record that the toolstack
 * appends, another checkpoint (Remus), or nothing.
 */
#include <inttypes.h>

#include "../x86/x86.h"
#include "legacy.h"

#define NEAR      (8U << 20)
#define NEAR_END  (4U << 20)
#define XSAVE_MAX (64U << 10) /* largest xsave area that a CPU can have, generously */
#define LIST_LOOK (1U << 20)  /* bytes of the unmapped list that are checked */

/* Offsets in vcpu_guest_context and shared_info, xen/include/public/arch-x86/xen.h. */
static unsigned cr3_offset(const struct legacy *s)
{
    return s->gw == 4 ? 2728 : 5008;
}

static unsigned max_pfn_offset(const struct legacy *s)
{
    return s->gw == 4 ? 2316 : 3088;
}

/* Writers since 3.1 send VCPU_INFO in front of every tail. */
static bool expects_map(const struct legacy *s)
{
    return s->extv || s->ids & 1U << 7;
}

uint64_t legacy_near_end(struct xsi_walk *w, uint64_t at)
{
    uint64_t left;
    size_t have;

    if (at - xsi_at(w) > 6U << 20) /* a pipe could not look there; a file does as a pipe */
        return UINT64_MAX;
    (void)xsi_peek(w, at + NEAR_END, 1, &have); /* a pipe comes to know its end, if it is near */
    left = xsi_left(w, at);
    return left <= NEAR_END ? left : UINT64_MAX;
}

unsigned legacy_map_count(const struct legacy *s)
{
    unsigned n = 0;

    for (unsigned v = 0; v <= s->max_vcpu; v++)
        n += s->map[v / 64] >> (v % 64) & 1;
    return n;
}

/* Frame of the page-table root in a context at `at`; UINT64_MAX when it is not there. */
static uint64_t root_pfn(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at + cr3_offset(s), 8, &have);
    uint32_t low;

    if (have < 8)
        return UINT64_MAX;
    if (s->gw == 8)
        return xsi_le64(p) >> 12;
    low = xsi_le32(p);
    return low >> 12 | (uint64_t)(low & 0xfff) << 20;
}

/* Do the unmapped frames at `at` ascend below p2m_size? */
static bool list_good(struct xsi_walk *w, const struct legacy *s, uint64_t at, uint64_t n)
{
    size_t have, want = n * s->ul < LIST_LOOK ? (size_t)n * s->ul : LIST_LOOK;
    struct xsi_cursor c = { .big = false };
    uint64_t before = 0;

    if (!want)
        return true;
    c.at = xsi_peek(w, at, want, &have);
    c.left = have;
    for (size_t i = 0; i < have / s->ul; i++) {
        uint64_t pfn = xsi_ul(&c, s->ul);

        if (pfn >= s->p2m_size || (i && pfn <= before))
            return false;
        before = pfn;
    }
    return true;
}

/* Bytes of the tail behind the unmapped list for `vcpus` records, xsave blocks taken from xcnt. */
static uint64_t rest_length(const struct legacy *s, unsigned vcpus)
{
    return (uint64_t)vcpus * (legacy_vcpu_size(s) + (s->extv ? LEGACY_EXTV : 0) + s->xcnt) +
           XSI_PAGE_SIZE;
}

/* The same with the sizes that the xsave blocks behind `at` have; xcnt's where they have none. */
static uint64_t rest_as_written(struct xsi_walk *w, const struct legacy *s, uint64_t at,
                                unsigned vcpus)
{
    uint64_t length = 0, n;
    const uint8_t *p;
    size_t have;

    if (!s->xcnt)
        return rest_length(s, vcpus);
    for (unsigned v = 0; v < vcpus && length < LEGACY_LOOK_MAX / 2; v++) {
        length += legacy_vcpu_size(s) + (s->extv ? LEGACY_EXTV : 0);
        p = xsi_peek(w, at + length, 16, &have);
        n = have == 16 ? xsi_le64(p + 8) : 0;
        if (have < 16 || n > XSAVE_MAX)
            return rest_length(s, vcpus);
        length += 16 + n;
    }
    return length + XSI_PAGE_SIZE;
}

static int pv_quality(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4, &have);
    uint64_t n = have == 4 ? xsi_le32(p) : 0, end = legacy_near_end(w, at), length, root, max_pfn;

    if (have < 4)
        return have ? 10 : 20;
    if (n > s->p2m_size || !list_good(w, s, at + 4, n))
        return 0;
    length = 4 + n * s->ul;
    length += rest_as_written(w, s, at + length, s->ever_map ? legacy_map_count(s) : 1);
    root = root_pfn(w, s, at + 4 + n * s->ul);
    if (end == length)
        return 95;
    if (root == UINT64_MAX || at + length - xsi_at(w) > LEGACY_LOOK_MAX)
        return 30; /* cut, or too long to look at */
    if (!root || root >= s->p2m_size)
        return n >= 8 ? 40 : 10;
    /* zeroes and small numbers are all over page data: the last page of the tail must fit too */
    p = xsi_peek(w, at + length - XSI_PAGE_SIZE + max_pfn_offset(s), 8, &have);
    max_pfn = have < 8 ? UINT64_MAX : s->gw == 4 ? xsi_le32(p) : xsi_le64(p);
    if (max_pfn == UINT64_MAX)
        return 40;
    if (!max_pfn || max_pfn > s->p2m_size + 1024)
        return 30;
    return s->has_map || !expects_map(s) ? 85 : 50;
}

static int hvm_quality(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    static const uint8_t head[] = { 1, 0, 0, 0, 0x18, 0, 0, 0, 0x86, 0x12, 0x38, 0x54 };
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 40, &have);
    bool frames = true;

    (void)s;
    for (size_t i = 0; i + 8 <= have && i < 24; i += 8)
        frames = frames && xsi_le64(p + i) && xsi_le64(p + i) <= LEGACY_P2M_MAX;
    if (have == 40 && !memcmp(p + 28, head, sizeof(head)))
        return frames ? 98 : 90;
    if (have < 8)
        return 20;
    return frames ? 30 : 0;
}

int legacy_tail_quality(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    return s->pv ? pv_quality(w, s, at) : hvm_quality(w, s, at);
}

/* Number of vCPUs whose records fill the tail up to the end of the image; 0 = none does. */
static unsigned fitting_vcpus(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4, &have);
    uint64_t n = have == 4 ? xsi_le32(p) : 0, end;

    end = legacy_near_end(w, at);
    for (unsigned v = 1; v <= 64; v++)
        if (4 + n * s->ul + rest_length(s, v) == end)
            return v;
    return 0;
}

void legacy_begin_tail(struct xsi_walk *w, struct legacy *s)
{
    xsi_read_ahead(w, 4096);
    s->phase = s->pv ? PH_UNMAPPED : PH_MAGIC;
    if (!s->has_map && !s->ever_map) {
        s->max_vcpu = 0;
        s->map[0] = 1;
    }
    s->vcpu = 0;
    s->vcpus_left = legacy_map_count(s);
    while (s->vcpu <= s->max_vcpu && !(s->map[s->vcpu / 64] >> (s->vcpu % 64) & 1))
        s->vcpu++;
}

bool legacy_cut(struct xsi_walk *w, uint64_t at, uint64_t length)
{
    return length <= LEGACY_LOOK_MAX && !xsi_exists(w, at, length);
}

static void cut_in(struct xsi_walk *w, const struct legacy *s, const struct xsi_chunk *c)
{
    if (legacy_cut(w, xsi_at(w), c->length))
        xsi_report(w, &legacy_findings[s->checkpoint ? LEGACY_L30 : LEGACY_L14], xsi_at(w), 0,
                   "the image ends inside %s: %" PRIu64 " of its %" PRIu64 " bytes are there",
                   c->type, xsi_left(w, xsi_at(w)), c->length);
}

static void without_map(struct xsi_walk *w, struct legacy *s, uint64_t at)
{
    unsigned v;

    if (s->ever_map || !expects_map(s))
        return; /* a 3.0 image never has one */
    v = fitting_vcpus(w, s, at);
    xsi_report(w, &legacy_findings[LEGACY_L20], at, 0,
               "no VCPU_INFO before the tail; a reader assumes 1 vCPU%s%u%s",
               v > 1 ? ", but " : " (", v ? v : 1, v > 1 ? " fit" : " taken)");
    xsi_info(w)->vcpus = v ? v : 1;
    xsi_info(w)->has_vcpus = v > 0;
    if (v > 1) {
        s->max_vcpu = v - 1;
        s->map[0] = v == 64 ? UINT64_MAX : (1ULL << v) - 1;
        s->vcpus_left = v;
    }
}

/* The tail fills the image when the guest is of the other width than the header says? */
static void other_width(struct xsi_walk *w, struct legacy *s, uint64_t at, uint64_t n)
{
    uint64_t end = legacy_near_end(w, at), head = 4 + n * s->ul;
    unsigned vcpus = legacy_map_count(s);
    struct legacy other = *s;
    const uint8_t *p;
    uint64_t max_pfn;
    size_t have;

    other.gw = 12 - s->gw;
    if (n > s->p2m_size || head + rest_length(s, vcpus) == end ||
        head + rest_length(&other, vcpus) != end)
        return;
    p = xsi_peek(w, at + end - XSI_PAGE_SIZE + max_pfn_offset(&other), 8, &have);
    max_pfn = have < 8 ? 0 : other.gw == 4 ? xsi_le32(p) : xsi_le64(p);
    if (!max_pfn || max_pfn > s->p2m_size + 1024)
        return; /* the lengths agree by chance: the image is cut */
    xsi_report(w, &legacy_findings[LEGACY_L39], at, 0,
               "the header says %u-bit guest, but the vCPU records of the tail are those of a "
               "%u-bit one",
               s->gw * 8, other.gw * 8);
    s->gw = other.gw;
}

/* Does a vCPU record follow a list of n unmapped frames? */
static bool list_fits(struct xsi_walk *w, const struct legacy *s, uint64_t at, uint64_t n)
{
    uint64_t root = n <= s->p2m_size ? root_pfn(w, s, at + 4 + n * s->ul) : 0;

    return root == UINT64_MAX || (root && root < s->p2m_size && list_good(w, s, at + 4, n));
}

/* A count of unmapped frames that cannot be: perhaps the rest of the tail tells the right one. */
static bool count_from_rest(struct xsi_walk *w, const struct legacy *s, uint64_t at, uint64_t *n)
{
    uint64_t end = legacy_near_end(w, at), rest = 4 + rest_length(s, legacy_map_count(s));

    if (end == UINT64_MAX || end < rest || (end - rest) % s->ul ||
        (end - rest) / s->ul > s->p2m_size)
        return false;
    *n = (end - rest) / s->ul;
    return list_fits(w, s, at, *n);
}

static int step_unmapped(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    uint64_t at = xsi_at(w), n, fixed = 0;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4, &have);

    n = have == 4 ? xsi_le32(p) : 0;
    without_map(w, s, at);
    other_width(w, s, at, n);
    if (n <= s->p2m_size && !list_fits(w, s, at, n) && count_from_rest(w, s, at, &fixed)) {
        xsi_report(w, &legacy_findings[LEGACY_L16], at, 4,
                   "the list is said to have %" PRIu64 " frames, but the vCPU records begin behind "
                   "%" PRIu64,
                   n, fixed);
        xsi_note(c, "count %" PRIu64 " taken as %" PRIu64, n, fixed);
        n = fixed;
    } else if (n > s->p2m_size) {
        bool known = count_from_rest(w, s, at, &fixed);

        xsi_report(w, &legacy_findings[LEGACY_L15], at, 4,
                   "%" PRIu64 " unmapped frames in a guest of %" PRIu64 "%s", n, s->p2m_size,
                   known ? "; the rest of the tail leaves room for another number" : "");
        if (!known)
            return XSI_LOST;
        xsi_note(c, "count %" PRIu64 " taken as %" PRIu64, n, fixed);
        n = fixed;
    } else if (!list_good(w, s, at + 4, n)) {
        xsi_report(w, &legacy_findings[LEGACY_L16], at + 4, n * s->ul,
                   "the list of %" PRIu64 " unmapped frames does not ascend below p2m_size", n);
    }
    xsi_chunk_is(c, &legacy_parts[PART_UNMAPPED_PFNS], 4 + n * s->ul);
    xsi_note(c, "%" PRIu64 " frames", n);
    cut_in(w, s, c);
    s->phase = PH_VCPU;
    return XSI_CHUNK;
}

static void next_vcpu(struct legacy *s)
{
    if (s->vcpus_left)
        s->vcpus_left--;
    do {
        s->vcpu++;
    } while (s->vcpu <= s->max_vcpu && !(s->map[s->vcpu / 64] >> (s->vcpu % 64) & 1));
    s->phase = s->vcpus_left ? PH_VCPU : PH_SHARED;
}

/* vCPU 0 names its start_info frame in edx or rdx; xc_domain_save@3.0 to 4.5. */
static void check_start_info(struct xsi_walk *w, const struct legacy *s)
{
    uint64_t at = xsi_at(w) + (s->gw == 4 ? 524 : 616), pfn;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 8, &have);

    if (s->vcpu || have < 8)
        return;
    pfn = s->gw == 4 ? xsi_le32(p) : xsi_le64(p);
    if (pfn >= s->p2m_size)
        xsi_report(w, &legacy_findings[LEGACY_L49], at, s->gw,
                   "start_info is in frame 0x%" PRIx64 ", the guest has 0x%" PRIx64 " frames", pfn,
                   s->p2m_size);
}

static int step_vcpu(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    uint64_t root = root_pfn(w, s, xsi_at(w));

    xsi_chunk_is(c, &legacy_parts[PART_VCPU_CONTEXT], legacy_vcpu_size(s));
    s->shown_vcpu = s->vcpu;
    xsi_note(c, "vCPU %u, %u-bit", s->vcpu, s->gw * 8);
    cut_in(w, s, c);
    if (root != UINT64_MAX && root >= s->p2m_size)
        xsi_report(w, &legacy_findings[LEGACY_L35], xsi_at(w) + cr3_offset(s), s->gw,
                   "cr3 of vCPU %u names frame 0x%" PRIx64 ", the guest has 0x%" PRIx64 " frames",
                   s->vcpu, root, s->p2m_size);
    check_start_info(w, s);
    s->phase = s->extv ? PH_VCPU_EXT : PH_VCPU_XSAVE;
    if (!s->extv && !s->xcnt)
        next_vcpu(s);
    return XSI_CHUNK;
}

static int step_vcpu_ext(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), 4, &have);

    if (have == 4 && xsi_le32(p) != s->vcpu)
        xsi_report(w, &legacy_findings[LEGACY_L47], xsi_at(w), 4,
                   "the extended context of vCPU %u says that it is vCPU %u's", s->vcpu,
                   xsi_le32(p));
    xsi_chunk_is(c, &legacy_parts[PART_VCPU_EXTENDED], LEGACY_EXTV);
    s->shown_vcpu = s->vcpu;
    xsi_note(c, "vCPU %u", s->vcpu);
    cut_in(w, s, c);
    s->phase = PH_VCPU_XSAVE;
    if (!s->xcnt)
        next_vcpu(s);
    return XSI_CHUNK;
}

/* Does what must follow an xsave block (the next vCPU's record, or the last page) begin at `at`? */
static bool vcpu_follows(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    unsigned next = s->vcpu + 1;
    const uint8_t *p;
    size_t have;

    while (next <= s->max_vcpu && !(s->map[next / 64] >> (next % 64) & 1))
        next++;
    if (s->vcpus_left <= 1)
        return legacy_near_end(w, at) == XSI_PAGE_SIZE;
    p = xsi_peek(w, at + legacy_vcpu_size(s), 4, &have);
    return s->extv && have == 4 && xsi_le32(p) == next;
}

/*
 * Bytes of the xsave block at `at`, which says n. Sizes may differ from vCPU to vCPU (Xen 4.4 and
 * later), so n is believed unless what xcnt announces leads on and n does not.
 */
static uint64_t xsave_size(struct xsi_walk *w, const struct legacy *s, uint64_t at, uint64_t n)
{
    if (s->xcnt < 16 || n + 16 == s->xcnt)
        return n;
    if (n <= XSAVE_MAX && vcpu_follows(w, s, at + 16 + n))
        return n;
    return vcpu_follows(w, s, at + s->xcnt) ? s->xcnt - 16 : n;
}

static int step_vcpu_xsave(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    uint64_t at = xsi_at(w), n, fits;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 16, &have);

    n = have == 16 ? xsi_le64(p + 8) : 0;
    fits = xsave_size(w, s, at, n);
    if (fits != n) {
        xsi_report(w, &legacy_findings[LEGACY_L41], at + 8, 8,
                   "vCPU %u: the xsave block says %" PRIu64 " bytes; %" PRIu64 " fit the rest of "
                   "the tail",
                   s->vcpu, n, fits);
        n = fits;
    }
    if (n > XSAVE_MAX) {
        xsi_report(w, &legacy_findings[LEGACY_L41], at + 8, 8,
                   "vCPU %u: an xsave block of %" PRIu64 " bytes", s->vcpu, n);
        return XSI_LOST;
    }
    xsi_chunk_is(c, &legacy_parts[PART_VCPU_XSAVE], 16 + n);
    s->shown_vcpu = s->vcpu;
    xsi_note(c, "vCPU %u, %" PRIu64 " bytes", s->vcpu, n);
    cut_in(w, s, c);
    if (have == 16 && n + 16 != s->xcnt)
        xsi_report(w, &legacy_findings[LEGACY_L32], at + 8, 8,
                   "vCPU %u has %" PRIu64 " bytes of xsave state; xcnt announces %u for each",
                   s->vcpu, n, s->xcnt - 16);
    next_vcpu(s);
    return XSI_CHUNK;
}

/* A checkpoint is complete behind chunk c. */
static void complete(struct xsi_walk *w, struct legacy *s, const struct xsi_chunk *c)
{
    struct xsi_info *info = xsi_info(w);
    size_t have;
    const uint8_t *p;

    if (!xsi_exists(w, xsi_at(w), c->length))
        return;
    s->tail_end = xsi_at(w) + c->length;
    p = xsi_peek(w, s->tail_end, 4, &have);
    s->has_behind_tail = have == 4;
    s->behind_tail = have == 4 ? xsi_le32(p) : 0;
    s->checkpoint++;
    info->checkpoints = s->checkpoint;
    info->cpu_state = true;
    legacy_era(w, s, false);
}

static int step_shared(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w) + max_pfn_offset(s), 8, &have);
    uint64_t max_pfn = have < 8 ? 0 : s->gw == 4 ? xsi_le32(p) : xsi_le64(p);

    xsi_chunk_is(c, &legacy_parts[PART_SHARED_INFO], XSI_PAGE_SIZE);
    cut_in(w, s, c);
    if (max_pfn)
        xsi_note(c, "max_pfn %" PRIu64, max_pfn);
    if (max_pfn > s->p2m_size + 1024)
        xsi_report(w, &legacy_findings[LEGACY_L34], xsi_at(w), XSI_PAGE_SIZE,
                   "max_pfn is %" PRIu64 ", the guest has %" PRIu64 " frames", max_pfn,
                   s->p2m_size);
    s->phase = PH_NEXT;
    complete(w, s, c);
    return XSI_CHUNK;
}

static int step_magic(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), 24, &have);

    if (have >= 20 && x86_hvm_starts(p + 4, have - 4)) {
        xsi_report(w, &legacy_findings[LEGACY_L50], xsi_at(w), 0,
                   "the HVM context follows the zero count at once");
        s->phase = PH_CONTEXT;
        return legacy_step_tail(w, l, c);
    }
    xsi_chunk_is(c, &legacy_parts[PART_MAGIC_PFNS], 24);
    if (have == 24)
        xsi_note(c, "ioreq 0x%" PRIx64 ", bufioreq 0x%" PRIx64 ", xenstore 0x%" PRIx64, xsi_le64(p),
                 xsi_le64(p + 8), xsi_le64(p + 16));
    for (size_t i = 0; i + 8 <= have && i < 24; i += 8)
        if (xsi_le64(p + i) >= s->p2m_size)
            xsi_report(w, &legacy_findings[LEGACY_L45], xsi_at(w) + i, 8,
                       "frame 0x%" PRIx64 " in a guest of 0x%" PRIx64, xsi_le64(p + i),
                       s->p2m_size);
    cut_in(w, s, c);
    s->phase = PH_CONTEXT;
    return XSI_CHUNK;
}

static void check_context(struct xsi_walk *w, struct legacy *s, uint64_t at, uint32_t length,
                          struct xsi_chunk *c)
{
    struct x86_hvm_summary sum;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, length < NEAR / 2 ? length : NEAR / 2, &have);
    struct xsi_info *info = xsi_info(w);

    x86_hvm_check(p, have, length, &sum);
    xsi_note(c, "%u records, %u vCPU%s", sum.records, sum.cpus, sum.cpus == 1 ? "" : "s");
    if (have == length)
        x86_hvm_report(w, at, &sum);
    if (!info->has_vcpus && sum.cpus) {
        info->vcpus = sum.cpus;
        info->has_vcpus = true;
    }
    s->context_from = sum.from;
    s->context_to = sum.to;
}

static int step_context(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    uint64_t at = xsi_at(w);
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 21, &have);
    uint32_t n = have >= 4 ? xsi_le32(p) : 0, fits;

    if (have == 21 && legacy_signature(p)) {
        xsi_report(w, &legacy_findings[LEGACY_L22], at, 0,
                   "there is no HVM context; the device-model record follows at once");
        s->phase = PH_RECORD;
        return legacy_step_tail(w, l, c);
    }
    fits = have >= 4 ? legacy_guess_context(w, at, n) : n;
    if (fits != n)
        xsi_report(w, &legacy_findings[LEGACY_L22], at, 4,
                   "the HVM context says %u bytes; its records end after %u", n, fits);
    else if (have >= 4 && (n == 0 || n > LEGACY_CONTEXT_MAX))
        xsi_report(w, &legacy_findings[LEGACY_L22], at, 4, "the HVM context has a length of %u", n);
    n = fits;
    if (n > LEGACY_CONTEXT_MAX)
        return XSI_LOST;
    xsi_chunk_is(c, &legacy_parts[PART_HVM_CONTEXT], 4 + (uint64_t)n);
    if (n)
        check_context(w, s, at + 4, n, c);
    cut_in(w, s, c);
    s->phase = PH_RECORD;
    s->record_pushed = false;
    complete(w, s, c);
    return XSI_CHUNK;
}

void legacy_report_last(struct xsi_walk *w, struct legacy *s, bool in_xapi)
{
    char count[200] = "";
    bool bytes = s->has_behind_tail && s->behind_tail, risk;

    if (s->last_checkpoint || s->checkpoint != 1 || s->last_told || s->will_compress)
        return;
    s->last_told = true;
    risk = bytes && (in_xapi || s->pv);
    if (bytes)
        xsi_explain_count(s->behind_tail, count, sizeof(count));
    xsi_report_as(
        w, &legacy_findings[LEGACY_L09], risk ? XSI_WARNING : XSI_INFO, risk ? 1 : 0, s->end_at, 4,
        bytes ? "no LAST_CHECKPOINT before END; a reader that looks for another checkpoint "
                "at 0x%" PRIx64 " takes 4 bytes for a page count: %s"
              : "no LAST_CHECKPOINT before END; nothing that could be misread follows at "
                "0x%" PRIx64 "%s",
        s->tail_end, count);
}

/* Does another checkpoint's body begin here? */
static bool another_checkpoint(struct xsi_walk *w, struct legacy *s)
{
    struct legacy next = *s;
    struct legacy_look look;
    int quality;

    if (s->last_checkpoint)
        return false;
    next.compress = s->will_compress;
    next.next_pfn = 0;
    legacy_look(w, &next, xsi_at(w), &look);
    if (look.kind != LOOK_BATCH && look.kind != LOOK_CHUNK)
        return false;
    quality = legacy_quality(w, &next, &look);
    if (look.kind == LOOK_BATCH && quality >= 45)
        return true;
    if (quality < 30 || (look.kind == LOOK_CHUNK && look.row->body == BODY_FLAG))
        return false;
    if (look.length > LEGACY_LOOK_MAX || (look.kind == LOOK_CHUNK && look.row->body >= BODY_TMEM))
        return true;
    legacy_look(w, &next, xsi_at(w) + look.length, &look);
    return look.kind == LOOK_SHORT || look.kind == LOOK_END ||
           (look.kind != LOOK_BAD && legacy_quality(w, &next, &look) >= 20);
}

static int step_next(struct xsi_walk *w, struct xsi_layer *l, struct legacy *s, struct xsi_chunk *c)
{
    const struct xsi_layer *outer = l->format ? xsi_outer(w, l) : NULL;

    if (xsi_push_failed(w) && !s->pv) {
        size_t have;
        const uint8_t *p = xsi_peek(w, xsi_at(w), 4, &have);
        bool zero = have == 4 && xsi_le32(p) == 0;

        xsi_report(w, &legacy_findings[zero ? LEGACY_L23 : LEGACY_L43], xsi_at(w), 0, "%s",
                   zero ? "zero bytes follow the HVM tail instead of a device-model record"
                        : "the bytes behind the HVM tail are no device-model record");
    }
    if (another_checkpoint(w, s)) {
        s->compress = s->will_compress;
        s->has_map = false;
        s->once = 0;
        s->next_pfn = 0;
        s->ahead_valid = false;
        s->phase = PH_BODY;
        xsi_note(c, "checkpoint %u begins", s->checkpoint + 1);
        return legacy_step_body(w, l, c);
    }
    legacy_era(w, s, true);
    legacy_report_last(w, s, outer && !strcmp(outer->row->name, "xapi"));
    s->phase = PH_DONE;
    if (!s->pv || s->record_pushed)
        return XSI_DONE;
    s->record_pushed = true;
    xsi_push(w, XSI_LAYER_EMULATOR, NULL);
    return XSI_PUSH;
}

int legacy_step_tail(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;

    switch (s->phase) {
    case PH_UNMAPPED:
        return step_unmapped(w, s, c);
    case PH_VCPU:
        return step_vcpu(w, s, c);
    case PH_VCPU_EXT:
        return step_vcpu_ext(w, s, c);
    case PH_VCPU_XSAVE:
        return step_vcpu_xsave(w, s, c);
    case PH_SHARED:
        return step_shared(w, s, c);
    case PH_MAGIC:
        return step_magic(w, l, c);
    case PH_CONTEXT:
        return step_context(w, l, c);
    case PH_RECORD:
        s->phase = PH_NEXT;
        s->record_pushed = true;
        xsi_push(w, XSI_LAYER_EMULATOR, NULL);
        return XSI_PUSH;
    case PH_NEXT:
        return step_next(w, l, s, c);
    default:
        return XSI_DONE;
    }
}
