// SPDX-License-Identifier: GPL-3.0-or-later
// The lab's mini guest: prints "mini tick N sum S" each second on the Xen console, answers the
// request to suspend in xenstore, and lives on after a restore. S is a checksum of memory that was
// filled at the start: another sum means that a page did not come back. 64-bit PV or, with -DPVH,
// 32-bit PVH without paging. One CPU, no interrupts: it waits in SCHEDOP_poll.
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/sched.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#ifndef VBASE
#define VBASE 0xffffffff80000000 // address of physical 0 in the PV guest; the build says it
#endif
#define SECOND        1000000000ULL
#define PATTERN_WORDS 65536
#define barrier()     __asm__ volatile("" ::: "memory")

typedef unsigned long word;

void kmain(void *arg);

extern char hypercall_page[];
static char shared_page[4096] __attribute__((aligned(4096)));
#define shared ((volatile shared_info_t *)(void *)shared_page)
static struct xencons_interface *console;
static struct xenstore_domain_interface *store;
static evtchn_port_t console_port, store_port;
static int watch_fired;
static uint32_t pattern[PATTERN_WORDS];

// ---- hypercalls and addresses ----

#ifdef PVH
static long hypercall(unsigned nr, word a, word b, word c)
{
    long result;
    word x, y, z;

    __asm__ volatile("call *%[f]"
                     : "=a"(result), "=b"(x), "=c"(y), "=d"(z)
                     : [f] "r"(hypercall_page + nr * 32), "1"(a), "2"(b), "3"(c)
                     : "memory");
    return result;
}
#else
static long hypercall(unsigned nr, word a, word b, word c)
{
    long result;
    word x = a, y = b, z = c;

    __asm__ volatile("call *%[f]"
                     : "=a"(result), "+D"(x), "+S"(y), "+d"(z)
                     : [f] "r"(hypercall_page + nr * 32)
                     : "rcx", "r11", "r10", "r8", "r9", "memory");
    return result;
}

static start_info_t *start;
static word *p2m;
static word frame_list[512] __attribute__((aligned(4096)));
static word frame_list_list[512] __attribute__((aligned(4096)));

static word mfn_of(const volatile void *at)
{
    return p2m[((word)at - VBASE) >> 12];
}

static word pfn_of(word mfn)
{
    return ((word *)0xffff800000000000UL)[mfn]; // Xen's machine-to-physical table
}

static void *page_of(word pfn)
{
    return (void *)(VBASE + (pfn << 12));
}
#endif

static void notify(evtchn_port_t port)
{
    evtchn_send_t send = { port };

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (word)&send, 0);
}

static uint64_t now(void)
{
    volatile struct vcpu_time_info *t = &shared->vcpu_info[0].time;
    uint32_t version, low, high, mul;
    uint64_t delta, base;
    int8_t shift;

    do {
        version = t->version;
        barrier();
        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        delta = (((uint64_t)high << 32) | low) - t->tsc_timestamp;
        base = t->system_time;
        mul = t->tsc_to_system_mul;
        shift = t->tsc_shift;
        barrier();
    } while ((version & 1) || version != t->version);
    delta = shift >= 0 ? delta << shift : delta >> -shift;
    return base + (((uint64_t)(uint32_t)delta * mul) >> 32) + (delta >> 32) * mul;
}

// Sleep until a time or an event of xenstore, whichever comes first.
static void wait(uint64_t until)
{
    evtchn_port_t ports[1] = { store_port };
    struct sched_poll poll = { .nr_ports = 1, .timeout = until };

    set_xen_guest_handle(poll.ports, ports);
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (word)&poll, 0);
    shared->vcpu_info[0].evtchn_upcall_pending = 0;
    shared->vcpu_info[0].evtchn_pending_sel = 0;
    for (unsigned i = 0; i < sizeof(shared->evtchn_pending) / sizeof(xen_ulong_t); i++)
        shared->evtchn_pending[i] = 0;
    barrier();
}

// ---- console ----

static void print_bytes(const char *s, unsigned n)
{
    while (n--) {
        while (console->out_prod - console->out_cons >= sizeof(console->out)) {
            barrier();
            notify(console_port);
            wait(now() + SECOND / 1000);
        }
        console->out[MASK_XENCONS_IDX(console->out_prod, console->out)] = *s++;
        barrier();
        console->out_prod++;
    }
    notify(console_port);
}

static void print(const char *s)
{
    unsigned n = 0;

    while (s[n])
        n++;
    print_bytes(s, n);
}

static void print_number(uint32_t value, unsigned base)
{
    char digits[12];
    unsigned at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    print_bytes(digits + at, sizeof(digits) - at);
}

// ---- xenstore ----

static void store_put(const void *from, unsigned n)
{
    const char *c = from;

    while (n--) {
        while (store->req_prod - store->req_cons >= XENSTORE_RING_SIZE) {
            barrier();
            notify(store_port);
            wait(now() + SECOND / 1000);
        }
        store->req[MASK_XENSTORE_IDX(store->req_prod)] = *c++;
        barrier();
        store->req_prod++;
    }
}

static void store_get(void *to, unsigned n)
{
    char *c = to;

    while (n--) {
        while (store->rsp_prod == store->rsp_cons) {
            barrier();
            wait(now() + SECOND / 100);
        }
        *c++ = store->rsp[MASK_XENSTORE_IDX(store->rsp_cons)];
        barrier();
        store->rsp_cons++;
    }
}

// One message from xenstore: at most max bytes of its body go to out. Returns its type.
static uint32_t store_message(char *out, unsigned max, unsigned *length)
{
    struct xsd_sockmsg head;
    char rest;

    store_get(&head, sizeof(head));
    for (unsigned i = 0; i < head.len; i++)
        store_get(i < max ? out + i : &rest, 1);
    notify(store_port);
    if (head.type == XS_WATCH_EVENT)
        watch_fired = 1;
    *length = head.len < max ? head.len : max;
    return head.type;
}

// A request; returns the length of the answer, -1 for an error.
static int store_request(uint32_t type, const char *body, unsigned length, char *out, unsigned max)
{
    struct xsd_sockmsg head = { type, 1, 0, length };
    unsigned got;
    uint32_t answer;

    store_put(&head, sizeof(head));
    store_put(body, length);
    notify(store_port);
    do
        answer = store_message(out, max, &got);
    while (answer == XS_WATCH_EVENT);
    return answer == XS_ERROR ? -1 : (int)got;
}

// ---- life ----

static const char shutdown_path[] = "control/shutdown";

#ifdef PVH
static word hvm_param(uint32_t index)
{
    struct xen_hvm_param param = { DOMID_SELF, 0, index, 0 };

    hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (word)&param, 0);
    return (word)param.value;
}

static void find_rings(void)
{
    struct xen_add_to_physmap map = { DOMID_SELF, 0, XENMAPSPACE_shared_info, 0,
                                      (word)shared_page >> 12 };

    hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (word)&map, 0);
    console = (void *)(hvm_param(HVM_PARAM_CONSOLE_PFN) << 12);
    console_port = hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
    store = (void *)(hvm_param(HVM_PARAM_STORE_PFN) << 12);
    store_port = hvm_param(HVM_PARAM_STORE_EVTCHN);
}

static long suspend(void)
{
    struct sched_shutdown reason = { SHUTDOWN_suspend };

    return hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (word)&reason, 0);
}

static void enter(void *arg)
{
    uint32_t a, b, c, d, leaf = 0x40000000;

    (void)arg;
    for (;; leaf += 0x100) { // Xen's leaves may lie behind those of another hypervisor
        __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(leaf), "2"(0));
        if (b == 0x566e6558) // "XenV"
            break;
    }
    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(leaf + 2), "2"(0));
    __asm__ volatile("wrmsr" ::"c"(b), "a"((uint32_t)(word)hypercall_page), "d"(0));
}
#else
static void find_rings(void)
{
    word pages = (start->nr_pages + 511) / 512;

    hypercall(__HYPERVISOR_update_va_mapping, (word)shared_page, start->shared_info | 0x67,
              UVMF_INVLPG);
    console = page_of(pfn_of(start->console.domU.mfn));
    console_port = start->console.domU.evtchn;
    store = page_of(pfn_of(start->store_mfn));
    store_port = start->store_evtchn;
    // by these libxc finds the guest's memory
    for (word i = 0; i < pages; i++)
        frame_list[i] = mfn_of(p2m + i * 512);
    frame_list_list[0] = mfn_of(frame_list);
    shared->arch.max_pfn = start->nr_pages;
    shared->arch.pfn_to_mfn_frame_list_list = mfn_of(frame_list_list);
}

// What is machine-dependent goes into pages' own numbers; Xen and libxc write the new ones.
static long suspend(void)
{
    struct sched_shutdown reason = { SHUTDOWN_suspend };
    long cancelled;

    start->store_mfn = pfn_of(start->store_mfn);
    start->console.domU.mfn = pfn_of(start->console.domU.mfn);
    hypercall(__HYPERVISOR_update_va_mapping, (word)shared_page, (mfn_of(shared_page) << 12) | 0x67,
              UVMF_INVLPG);
    cancelled = hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (word)&reason, mfn_of(start));
    if (cancelled) {
        start->store_mfn = p2m[start->store_mfn];
        start->console.domU.mfn = p2m[start->console.domU.mfn];
    }
    return cancelled;
}

static void enter(void *arg)
{
    start = arg;
    p2m = (word *)start->mfn_list;
}
#endif

static void attach(void)
{
    static const char watch[] = "control/shutdown\0tok";
    char answer[8];

    find_rings();
    shared->vcpu_info[0].evtchn_upcall_mask = 1;
    store_request(XS_WATCH, watch, sizeof(watch), answer, sizeof(answer));
}

// The toolstack wrote its wish; writing it back empty is the answer that xl waits for.
static void obey(void)
{
    char wish[16], answer[8];
    int n;

    watch_fired = 0;
    n = store_request(XS_READ, shutdown_path, sizeof(shutdown_path), wish, sizeof(wish));
    if (n >= 7 && wish[0] == 's' && wish[1] == 'u') {
        long cancelled;

        store_request(XS_WRITE, shutdown_path, sizeof(shutdown_path), answer, sizeof(answer));
        print("mini suspending\n");
        cancelled = suspend();
        attach();
        print(cancelled ? "mini cancelled\n" : "mini resumed\n");
    } else if (n >= 6 && (wish[0] == 'p' || wish[0] == 'h' || wish[0] == 'r')) {
        struct sched_shutdown off = { SHUTDOWN_poweroff };

        store_request(XS_WRITE, shutdown_path, sizeof(shutdown_path), answer, sizeof(answer));
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (word)&off, 0);
    }
}

static uint32_t checksum(void)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < PATTERN_WORDS; i++)
        sum = (sum << 1 | sum >> 31) ^ pattern[i];
    return sum;
}

static void fill(void)
{
    uint32_t x = 12345; // xorshift

    for (unsigned i = 0; i < PATTERN_WORDS; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        pattern[i] = x;
    }
}

void kmain(void *arg)
{
    uint64_t next;

    enter(arg);
    attach();
    print("mini up\n");
    fill();
    next = now();
    for (uint32_t tick = 1;; tick++) {
        print("mini tick ");
        print_number(tick, 10);
        print(" sum ");
        print_number(checksum(), 16);
        print("\n");
        next += SECOND;
        while (now() < next) {
            char body[1];
            unsigned length;

            wait(next);
            while (store->rsp_prod != store->rsp_cons)
                store_message(body, sizeof(body), &length);
            if (watch_fired) {
                obey();
                next = now();
            }
        }
    }
}
