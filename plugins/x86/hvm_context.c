/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The HVM context: a list of typed records, and what its lengths say about the writer. */
#include "x86_priv.h"

/* Far more than 128 vCPUs can have: what is hostile need not be listed to its end. */
enum { MAX_RECORDS = 8192 };

const struct xsi_name x86_hvm_code_names[] = {
    { 0, "END" },        { 1, "HEADER" },
    { 2, "CPU" },        { 3, "PIC" },
    { 4, "IOAPIC" },     { 5, "LAPIC" },
    { 6, "LAPIC_REGS" }, { 7, "PCI_IRQ" },
    { 8, "ISA_IRQ" },    { 9, "PCI_LINK" },
    { 10, "PIT" },       { 11, "RTC" },
    { 12, "HPET" },      { 13, "PMTIMER" },
    { 14, "MTRR" },      { 15, "VIRIDIAN_DOMAIN" },
    { 16, "CPU_XSAVE" }, { 17, "VIRIDIAN_VCPU" },
    { 18, "VMCE_VCPU" }, { 19, "TSC_ADJUST" },
    { 20, "CPU_MSR" },   { 0, NULL },
};

/* Compiled from arch-x86/hvm/save.h of 3.2 to 4.22; 4.22 is the newest looked at. */
const struct x86_hvm_length x86_hvm_lengths[] = {
    { X86_HVM_END, 0, 301, 0 },
    { X86_HVM_HEADER, 24, 301, 0 },
    { X86_HVM_CPU, 1016, 301, 304 },
    { X86_HVM_CPU, 1024, 400, 406 },
    { X86_HVM_CPU, 1032, 407, 0 },
    { X86_HVM_PIC, 8, 301, 0 },
    { X86_HVM_IOAPIC, 400, 301, 0 },
    { X86_HVM_LAPIC, 16, 301, 400 },
    { X86_HVM_LAPIC, 24, 401, 420 },
    { X86_HVM_LAPIC, 32, 421, 0 },
    { X86_HVM_LAPIC_REGS, 1024, 301, 0 },
    { X86_HVM_PCI_IRQ, 16, 301, 0 },
    { X86_HVM_ISA_IRQ, 8, 301, 0 },
    { X86_HVM_PCI_LINK, 8, 301, 0 },
    { X86_HVM_PIT, 56, 301, 0 },
    { X86_HVM_RTC, 16, 301, 413 },
    { X86_HVM_RTC, 24, 414, 0 },
    { X86_HVM_HPET, 1048, 301, 0 },
    { X86_HVM_PMTIMER, 8, 301, 0 },
    { X86_HVM_MTRR, 240, 302, 0 },
    { X86_HVM_VIRIDIAN_DOMAIN, 16, 304, 404 },
    { X86_HVM_VIRIDIAN_DOMAIN, 24, 405, 405 },
    { X86_HVM_VIRIDIAN_DOMAIN, 32, 406, 0 },
    { X86_HVM_CPU_XSAVE, 24 + X86_XSAVE_MIN, 401, 0 },
    { X86_HVM_VIRIDIAN_VCPU, 8, 402, 406 },
    { X86_HVM_VIRIDIAN_VCPU, 16, 407, 412 },
    { X86_HVM_VIRIDIAN_VCPU, 216, 413, 0 },
    { X86_HVM_VMCE_VCPU, 8, 402, 402 },
    { X86_HVM_VMCE_VCPU, 24, 403, 409 },
    { X86_HVM_VMCE_VCPU, 32, 410, 0 },
    { X86_HVM_TSC_ADJUST, 8, 403, 0 },
    { X86_HVM_CPU_MSR, 24, 405, 0 },
    { X86_HVM_CODES, 0, 0, 0 },
};

void x86_decode_hvm_record(struct xsi_decode *d, unsigned code, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size);

    /* A type of a newer Xen: its bytes are all there is to show. */
    if (code >= X86_HVM_CODES) {
        if (end > base)
            xsi_put_text(d, "data", XSI_BYTES, base, d->bytes + base, end - base);
        return;
    }
    if (x86_hvm_types[code].rows)
        xsi_decode_rows(d, base, size, x86_hvm_types[code].rows);
    if (x86_hvm_types[code].decode && end > base)
        x86_hvm_types[code].decode(d, base, size);
}

void x86_decode_hvm_context(struct xsi_decode *d, size_t base, size_t size)
{
    size_t end, at = base;

    if (base > d->have)
        return;
    if (size > SIZE_MAX - base)
        size = SIZE_MAX - base;
    end = x86_end(d, base, size);
    /* A length that leads out of the context ends the list: nothing behind it can be trusted. */
    xsi_open(d, "records", XSI_LIST, base, size);
    for (unsigned n = 0; n < MAX_RECORDS && x86_fits(at, X86_HVM_DESC, end); n++) {
        unsigned code = x86_le16(d->bytes + at), instance = x86_le16(d->bytes + at + 2);
        uint32_t length = xsi_le32(d->bytes + at + 4);
        size_t left = base + size - at - X86_HVM_DESC, body = length < left ? length : left;

        xsi_open(d, NULL, XSI_GROUP, at, X86_HVM_DESC + body);
        xsi_put_name(d, "type", at, 2, code, x86_hvm_code_names);
        xsi_put(d, "instance", XSI_UINT, at + 2, 2, instance, NULL);
        xsi_put(d, "length", XSI_UINT, at + 4, 4, length, "bytes");
        if (d->detail > 1)
            x86_decode_hvm_record(d, code, at + X86_HVM_DESC, body);
        xsi_close(d);
        if (code == X86_HVM_END || length > left)
            break;
        at += X86_HVM_DESC + body;
    }
    xsi_close(d);
}
