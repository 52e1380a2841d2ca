/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the numbers in a message mean: rows of explain_numbers.def, and the errno behind it. */
#include <inttypes.h>
#include <string.h>

#include "explain.h"

enum meaning { COUNT, BYTES, LETTERS, NIBBLE, RECORD, PARAM, RECORD_HVM, READ, DEMAND };

static const struct {
    const char *part;
    size_t index;
    enum meaning meaning;
} numbers[] = {
#define NUMBER(part, index, meaning) { part, index, meaning },
#include "explain_numbers.def"
#undef NUMBER
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

struct name {
    uint64_t value;
    const char *name;
};

/* xen/include/public/domctl.h, tools/libs/guest/xg_sr_stream_format.h, public/hvm/params.h and
 * public/arch-x86/hvm/save.h of 4.22 */
static const struct name nibbles[] = {
    { 0, "an ordinary page" },
    { 1, "L1 page table" },
    { 2, "L2 page table" },
    { 3, "L3 page table" },
    { 4, "L4 page table" },
    { 9, "pinned L1 page table" },
    { 10, "pinned L2 page table" },
    { 11, "pinned L3 page table" },
    { 12, "pinned L4 page table" },
    { 13, "BROKEN: bad memory, known since 4.3" },
    { 14, "XALLOC: a page to come, known since 4.2" },
    { 15, "XTAB: no page" },
};

static const struct name records[] = {
    { 0, "END" },
    { 1, "PAGE_DATA" },
    { 2, "X86_PV_INFO" },
    { 3, "X86_PV_P2M_FRAMES" },
    { 4, "X86_PV_VCPU_BASIC" },
    { 5, "X86_PV_VCPU_EXTENDED" },
    { 6, "X86_PV_VCPU_XSAVE" },
    { 7, "SHARED_INFO, for PV guests" },
    { 8, "X86_TSC_INFO" },
    { 9, "HVM_CONTEXT, for HVM guests" },
    { 10, "HVM_PARAMS, for HVM guests" },
    { 11, "TOOLSTACK, of versions before 4.6" },
    { 12, "X86_PV_VCPU_MSRS" },
    { 13, "VERIFY" },
    { 14, "CHECKPOINT" },
    { 15, "CHECKPOINT_DIRTY_PFN_LIST, of a back channel" },
    { 16, "STATIC_DATA_END, since 4.14" },
    { 17, "X86_CPUID_POLICY, since 4.14" },
    { 18, "X86_MSR_POLICY, since 4.14" },
};

static const struct name params[] = {
    { 1, "STORE_PFN" },
    { 2, "STORE_EVTCHN" },
    { 4, "PAE_ENABLED" },
    { 5, "IOREQ_PFN" },
    { 6, "BUFIOREQ_PFN" },
    { 9, "VIRIDIAN" },
    { 10, "TIMER_MODE" },
    { 11, "HPET_ENABLED" },
    { 12, "IDENT_PT" },
    { 13, "DM_DOMAIN, refused since 4.14" },
    { 14, "ACPI_S_STATE" },
    { 15, "VM86_TSS" },
    { 16, "VPT_ALIGN" },
    { 17, "CONSOLE_PFN" },
    { 18, "CONSOLE_EVTCHN" },
    { 19, "ACPI_IOPORTS_LOCATION, HVM only" },
    { 27, "PAGING_RING_PFN" },
    { 28, "MONITOR_RING_PFN" },
    { 29, "SHARING_RING_PFN" },
    { 32, "IOREQ_SERVER_PFN" },
    { 33, "NR_IOREQ_SERVER_PAGES" },
    { 34, "VM_GENERATION_ID_ADDR" },
    { 35, "ALTP2M" },
    { 36, "X87_FIP_WIDTH" },
    { 37, "VM86_TSS_SIZED, known since 4.9" },
    { 38, "MCA_CAP, known since 4.10" },
};

static const struct name hvm_records[] = {
    { 0, "END" },        { 1, "HEADER" },         { 2, "CPU" },        { 3, "PIC" },
    { 4, "IOAPIC" },     { 5, "LAPIC" },          { 6, "LAPIC_REGS" }, { 7, "PCI_IRQ" },
    { 8, "ISA_IRQ" },    { 9, "PCI_LINK" },       { 10, "PIT" },       { 11, "RTC" },
    { 12, "HPET" },      { 13, "PMTIMER" },       { 14, "MTRR" },      { 15, "VIRIDIAN_DOMAIN" },
    { 16, "CPU_XSAVE" }, { 17, "VIRIDIAN_VCPU" }, { 18, "VMCE_VCPU" }, { 19, "TSC_ADJUST" },
    { 20, "CPU_MSR" },
};

/* What an errno behind a message says here, where that is not plain from its words. */
static const struct name errnos[] = {
    { 0, "no call failed; a read met the end of the file" },
    { 5, "the disk reports errors: look at dmesg of dom0, and copy the image with ddrescue" },
    { 25, "left over from an earlier call; it says nothing" },
    { 28, "the disk is full" },
    { 32, "the other end of the pipe is gone" },
    { 90, "set by libxc itself behind \"Max batch size exceeded\"; no call failed" },
    { 110, "no byte came for one second" },
};

static const char *name_of(const struct name *names, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}

#define NAME_OF(table, value) name_of(table, sizeof(table) / sizeof((table)[0]), value)

static const struct xsi_message_arg *arg_of(const struct explained *x, size_t row)
{
    const struct xsi_message_hit *hit = &x->hit;

    if (!strstr(hit->message->text, numbers[row].part) || numbers[row].index >= hit->arg_count)
        return NULL;
    if (!strchr("dux", hit->args[numbers[row].index].conversion))
        return NULL; /* no number was given */
    return &hit->args[numbers[row].index];
}

bool explain_counted(const struct explained *x, uint32_t *value)
{
    const struct xsi_message_arg *arg;

    for (size_t i = 0; i < NUMBERS; i++)
        if (numbers[i].meaning == COUNT && (arg = arg_of(x, i))) {
            *value = (uint32_t)arg->number;
            return true;
        }
    return false;
}

/* "bytes 0a 00 00 2b"; with letters where all are. */
static void put_bytes(char *out, size_t size, const char *text, uint64_t number, size_t n,
                      bool highest_first)
{
    char letters[9] = "";

    text_add(out, size, "%s = bytes", text);
    for (size_t i = 0; i < n; i++) {
        unsigned byte = (number >> 8 * (highest_first ? n - 1 - i : i)) & 0xff;

        text_add(out, size, " %02x", byte);
        letters[i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
    }
    if (strspn(letters, ".") != n)
        text_add(out, size, " = \"%s\"", letters);
}

static bool describe(const struct explained *x, size_t row, char *out, size_t size)
{
    const struct xsi_message_arg *arg = arg_of(x, row);
    const char *name = NULL;
    char shown[4 * sizeof(arg->text)];
    bool wide;

    if (!arg)
        return false;
    xsi_escape(shown, sizeof(shown), arg->text, strlen(arg->text));
    wide = arg->number > UINT32_MAX || strlen(arg->text) > 11;
    switch (numbers[row].meaning) {
    case BYTES:
    case LETTERS:
        put_bytes(out, size, shown, arg->number, wide ? 8 : 4, numbers[row].meaning == LETTERS);
        return true;
    case NIBBLE:
        name = NAME_OF(nibbles, (arg->number >> 28) & 0xf);
        if (!name && (arg->number >> 28) == 0 && arg->number < 16)
            name = NAME_OF(nibbles, arg->number);
        text_add(out, size, "%s: type %x, %s", shown, (unsigned)(arg->number >> 28) & 0xf,
                 name ? name : "which does not exist");
        return true;
    case RECORD:
        name = NAME_OF(records, arg->number);
        break;
    case PARAM:
        name = NAME_OF(params, arg->number);
        break;
    case RECORD_HVM:
        name = NAME_OF(hvm_records, arg->number);
        break;
    case READ:
        name = !arg->number ? "the end of the file" : "an error of the system";
        text_add(out, size, "read rc %s: %s", shown, name);
        return true;
    case DEMAND:
        if (arg->number > 4202504) /* 8 + 1024 x (8 + 4096): no writer makes longer records */
            text_add(out, size, "%s bytes: longer than any PAGE_DATA record of a writer", shown);
        return *out != '\0';
    case COUNT:
        return false; /* told in the first line */
    }
    text_add(out, size, "%s: %s", shown, name ? name : "no type that any release has");
    return true;
}

bool explain_number(const struct explained *x, size_t index, char *out, size_t size)
{
    const struct xsi_message_hit *hit = &x->hit;
    const char *name;

    for (size_t i = 0; i < NUMBERS; i++) {
        out[0] = '\0';
        if (describe(x, i, out, size) && !index--)
            return true;
    }
    out[0] = '\0';
    if (index || !hit->has_errno || hit->error < 0)
        return false;
    name = NAME_OF(errnos, (uint64_t)hit->error);
    if (!name)
        return false;
    text_add(out, size, "errno %d: %s", hit->error, name);
    return true;
}
