/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Register state of PV vCPUs and the shared info page. */
#include <string.h>

#include "xsgen.h"

#define CONTEXT64 5168
#define CONTEXT32 2800
#define MFN_BASE  0x12345U /* where the guest's frames lie in the machine, as far as it matters */

/* A register: offset in the 64-bit and in the 32-bit context (-1: not there), and its value. */
struct reg {
    int at64, at32;
    uint64_t value64, value32;
};

static const struct reg regs[] = {
    { 0x208, 0x214, 0, 0 },                            /* r15, ebp */
    { 0x258, 0x21C, 0, 0 },                            /* rax, eax */
    { 0x260, 0x208, 0xFFFFFFFF810013AA, 0xC01013A7 },  /* rcx, ecx */
    { 0x288, 0x224, 0xFFFFFFFF810013AA, 0xC01013A7 },  /* rip, eip: in the hypercall page */
    { 0x290, 0x228, 0xE033, 0x61 },                    /* cs */
    { 0x298, 0x22C, 0x246, 0x246 },                    /* rflags */
    { 0x2A0, 0x230, 0xFFFFFFFF81C03EA8, 0xC1397F00 },  /* rsp, esp */
    { 0x2A8, 0x234, 0xE02B, 0x69 },                    /* ss */
    { 0x1360, 0xA90, 512, 256 },                       /* gdt_ents */
    { 0x1368, 0xA94, 0xE02B, 0x69 },                   /* kernel_ss */
    { 0x1370, 0xA98, 0xFFFFFFFF81C04000, 0xC1398000 }, /* kernel_sp */
    { 0x1378, 0xA9C, 0x8005003B, 0x8005003B },         /* cr0 */
    { 0x1398, 0xAAC, 0x2660, 0x660 },                  /* cr4 */
    { 0x13E8, 0xAD4, 0xFFFF0FF0, 0xFFFF0FF0 },         /* dr6 */
    { 0x13F0, 0xAD8, 0x400, 0x400 },                   /* dr7 */
    { 0x13F8, 0xAE0, 0xFFFFFFFF81004000, 0xC0104000 }, /* event callback */
    { 0x1400, 0xAE8, 0xFFFFFFFF81004100, 0xC0104100 }, /* failsafe callback */
    { 0x1408, -1, 0xFFFFFFFF81004200, 0 },             /* syscall callback */
    { -1, 0xADC, 0, 0x61 },                            /* cs of the event callback */
    { -1, 0xAE4, 0, 0x61 },
};

static uint64_t frame(uint64_t pfn, bool at_start)
{
    return at_start ? pfn + MFN_BASE : pfn;
}

static void context_frames(const struct recipe *r, uint8_t *c, unsigned vcpu, bool at_start)
{
    uint64_t root = frame(PFN_ROOT, at_start);

    if (guest_width(r) == 8) {
        poke(c + 0x268, vcpu ? 0 : frame(PFN_START_INFO, at_start), 8);
        poke(c + 0x12E0, frame(PFN_GDT, at_start), 8);
        poke(c + 0x1380, frame(PFN_USER_ROOT, at_start) << 12 | 1, 8);
        poke(c + 0x1390, root << 12, 8);
        poke(c + 0x1410, 1, 8); /* vm_assist: 4 GiB segments */
        poke(c + 0x1420, 0xFFFF880000000000ULL + vcpu * 0x10000ULL, 8);
    } else {
        poke(c + 0x20C, vcpu ? 0 : frame(PFN_START_INFO, at_start), 4);
        poke(c + 0xA50, frame(PFN_GDT, at_start), 4);
        poke(c + 0xAA8, root << 12 | (root & 0xFFFFFFFF) >> 20, 4);
        poke(c + 0xAEC, 1 | (r->pae_cr3 ? 8 : 0), 4);
    }
}

void put_vcpu_context(struct image *g, unsigned vcpu, bool at_start)
{
    bool wide = guest_width(g->r) == 8;
    uint8_t c[CONTEXT64];
    unsigned i;

    memset(c, 0, sizeof(c));
    poke(c, 0x37F, 2);        /* FPU control word */
    poke(c + 24, 0x1F80, 4);  /* MXCSR */
    poke(c + 0x200, 0x25, 4); /* i387 valid, in kernel, online */
    for (i = 0; i < COUNT(regs); i++) {
        int at = wide ? regs[i].at64 : regs[i].at32;

        if (at >= 0)
            poke(c + at, wide ? regs[i].value64 : regs[i].value32, wide ? 8 : 4);
    }
    for (i = 0; i < 20; i++) { /* trap table */
        unsigned at = wide ? 0x2D0 + 16 * i : 0x248 + 8 * i;

        poke(c + at, i, 1);
        poke(c + at + 2, wide ? 0xE033 : 0x61, 2);
        poke(c + at + (wide ? 8 : 4), (wide ? 0xFFFFFFFF81005000ULL : 0xC0105000ULL) + 16 * i,
             wide ? 8 : 4);
    }
    context_frames(g->r, c, vcpu, at_start);
    put(g, c, wide ? CONTEXT64 : CONTEXT32);
}

/* The extended context: 32 meaningful bytes, then machine-check data, then whatever was there. */
void put_extended(struct image *g, unsigned vcpu, unsigned length)
{
    uint8_t c[128];
    unsigned used = length < 128                ? length
                    : g->r->era >= ERA(4, 3, 0) ? 56
                    : g->r->era >= ERA(4, 2, 0) ? 40
                                                : 32;
    unsigned i;

    memset(c, 0, sizeof(c));
    if (g->r->garbage)
        for (i = used; i < length; i += 8)
            poke(c + i, noise(g->r->seed, vcpu, 4000 + i), 8);
    poke(c, vcpu, 4);
    poke(c + 4, used, 4);
    if (guest_width(g->r) == 8) {
        poke(c + 16, 0xFFFFFFFF81001000ULL, 8);
        poke(c + 26, 0xE033, 2);
    }
    put(g, c, length);
}

/* xcr0, xcr0_accum, then the xsave area; `length` counts all of it. */
void put_xsave(struct image *g, uint64_t length)
{
    uint8_t head[16 + 576];
    size_t n = length < sizeof(head) ? (size_t)length : sizeof(head);
    /* x87 and SSE; AVX; PKRU, which lies behind room for others */
    unsigned components = length <= 16 + 576 ? 3 : length == 16 + 832 ? 7 : 0x207;

    memset(head, 0, sizeof(head));
    poke(head, components, 8);
    poke(head + 8, components, 8);
    poke(head + 16, 0x37F, 2);
    poke(head + 16 + 24, 0x1F80, 4);
    poke(head + 16 + 512, 3, 8); /* xstate_bv */
    put(g, head, n);
    put_zeros(g, length - n);
}

void put_shared_info(struct image *g)
{
    const struct recipe *r = g->r;
    bool wide = guest_width(r) == 8;
    uint8_t page[PAGE];
    unsigned i;

    memset(page, 0, sizeof(page));
    for (i = 0; i < 32 && i < r->vcpus; i++) { /* time of each vCPU */
        poke(page + 64 * i + 32, 2, 4);
        poke(page + 64 * i + 40, 0x1234567890ULL + i, 8);
        poke(page + 64 * i + 56, 0xD5555555, 4);
        poke(page + 64 * i + 60, 0xFF, 1);
    }
    poke(page + (wide ? 0xC00 : 0x900), 2, 4);
    poke(page + (wide ? 0xC04 : 0x904), 1312000000, 4);
    poke(page + (wide ? 0xC10 : 0x90C), p2m_size(r), wide ? 8 : 4);
    if (r->format == FORMAT_LEGACY && r->era < ERA(3, 1, 0)) /* not yet cleared there */
        poke(page + (wide ? 0xC18 : 0x910), MFN_BASE + 10, wide ? 8 : 4);
    put(g, page, sizeof(page));
}
