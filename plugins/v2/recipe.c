/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recipes of the v2 stream as rows. */
#include "recipe.h"

#define ROW(name_text, function, does_text, about_text)                            \
    {                                                                              \
        .name = name_text, .run = function, .does = does_text, .about = about_text \
    }

const struct xsi_recipe v2_recipes[] = {
    ROW("v2-fix-header", v2_fix_header, "put fields of the image and domain header right",
        "Marker, id, page shift and byte order have one value that readers take. The version "
        "follows from STATIC_DATA_END (3 with it, 2 without), the kind of guest from the records. "
        "Only fields that are wrong are written."),
    ROW("v2-rebuild-header", v2_rebuild_header, "make the image and domain header anew",
        "For a stream that begins with its records. Version and kind of guest follow from them; "
        "the writer's release, which readers only log, is the oldest that fits."),
    ROW("v2-cut-front", v2_cut_front, "cut what stands in front of the image header",
        "Bytes in front of the header are the rest of a container or were inserted. In place the "
        "whole image moves."),
    ROW("v2-clear-reserved", v2_clear_reserved,
        "clear reserved bits and words, and padding, throughout the stream",
        "No reader looks at them, but verify-stream-v2 refuses some. What set them may have "
        "changed bytes next to them, too."),
    ROW("v2-downgrade", v2_downgrade, "version 3 to 2, for readers up to Xen 4.13",
        "The version becomes 2; STATIC_DATA_END and the CPUID and MSR policies, which these "
        "readers refuse, are dropped, or skipped where the pages behind them must stay in place. "
        "The toolstack then makes the policy from the configuration. HVM records and parameters "
        "that the reader does not know are left to trim-hvm-context and v2-drop-param."),
    ROW("v2-upgrade", v2_upgrade, "version 2 to 3, when asked for",
        "Readers from 4.14 on take either version, so nothing needs it. STATIC_DATA_END is "
        "inserted in front of the memory; no policy is made up."),
    ROW("v2-drop-record", v2_drop_record, "drop a record that readers refuse or do not need",
        "In front of pages that must stay in place the record's type is made one that every "
        "reader skips (4.6 to 4.22 skip all unknown optional records). Of two records of one type "
        "the one that counts stays. What cannot be given up is only dropped when asked for."),
    ROW("v2-clear-optional", v2_clear_optional, "clear the optional bit of a record's type",
        "A known type with bit 31 set is skipped by readers without a word."),
    { .name = "v2-fix-type",
      .run = v2_fix_type,
      .unasked = true,
      .does = "put one bit of a record's type back",
      .about =
          "When the type is unknown, cannot have this body, or belongs to another kind of guest "
          "or to no vCPU, and with one bit changed it is a type that fits." },
    ROW("v2-fix-length", v2_fix_length, "put the length of a record right",
        "By what the body itself states (count, list, bounds), by its type, and by the place where "
        "the next record begins. Bytes beyond what a type can have are cut off; a record too short "
        "for its contents is dropped where the guest can do without."),
    ROW("v2-fix-count", v2_fix_count, "put the count of PAGE_DATA or HVM_PARAMS right",
        "Count, length and the list of entries state the same size; under only one count do the "
        "other two agree."),
    ROW("v2-rebuild-record", v2_rebuild_record, "make a record's damaged header anew",
        "Type and length are those under which the body makes sense and ends where the next "
        "record begins; a reading with a single bit changed is preferred. A few bytes between two "
        "records that are nothing by themselves are dropped."),
    ROW("v2-reorder", v2_reorder, "put X86_PV_INFO and X86_PV_P2M_FRAMES where readers need them",
        "A record that comes too late is moved to the front. A lost X86_PV_INFO is made anew: it "
        "follows from the width of the registers. The list of p2m frames cannot be made up."),
    ROW("v2-insert-static-end", v2_insert_static_end,
        "insert STATIC_DATA_END in front of the memory",
        "Eight bytes that version 3 wants. One that comes too late is taken out. Where the pages "
        "must stay in place the stream becomes version 2 instead, which does without."),
    ROW("v2-drop-policies", v2_drop_policies, "drop the CPUID and MSR policies",
        "STATIC_DATA_END stays. xl and libvirt then make the policy from the domain's "
        "configuration; a guest that has seen features which the new policy lacks may fail later."),
    ROW("v2-trim-policies", v2_trim_policies,
        "keep of the policies what the reader stores, when asked for",
        "Leaves and MSRs that the reader's release has no room for go, and the highest leaves "
        "that the policy states are lowered to those that are there. What the host lacks is not "
        "known here."),
    { .name = "v2-append-end",
      .run = v2_append_end,
      .unasked = true,
      .does = "append END to a stream that ends without it",
      .about = "When everything that readers insist on is there. A record in which the image ends "
               "is cut off, unless only its header is damaged. Behind checkpoints it does what "
               "v2-cut-checkpoint does. libxl's END is added where the image ends in a libxl "
               "stream. Else it "
               "says what is missing and what can still be saved." },
    ROW("v2-cut-after-end", v2_cut_after_end, "cut what stands behind END, when asked for",
        "Readers of a bare stream never read it. The bytes can be kept in a file of their own."),
    ROW("v2-cut-checkpoint", v2_cut_checkpoint,
        "make a recorded Remus stream one for a plain restore",
        "The stream is cut behind its last complete checkpoint, CHECKPOINT records and libxl's "
        "records between them are taken out, and END is put there, with the device model's "
        "records of that checkpoint behind it. When a whole state follows the last checkpoint, "
        "nothing is cut."),
    ROW("v2-fix-tsc-mode", v2_fix_tsc_mode, "give X86_TSC_INFO a mode that exists",
        "The mode from which one bit differs, if there is one, else 0, which nearly every guest "
        "has. Mode 3 (PVRDTSCP) becomes 0: Xen 4.12 removed it."),
    ROW("v2-make-params", v2_make_params, "make HVM_PARAMS, or its missing entries, anew",
        "Special frames have been at the same place in every ordinary domain since 4.6. Viridian "
        "and other options of the domain cannot be known."),
    ROW("v2-drop-param", v2_drop_param, "drop or correct an HVM parameter that Xen refuses",
        "For readers up to 4.8 parameter 37 becomes 15. A value from which one bit differs from "
        "one that Xen takes is corrected; other parameters are left out."),
    ROW("v2-add-special", v2_add_special, "give lost special frames of an HVM guest memory",
        "Frames of xenstore, console and I/O requests that parameters name and no batch brought. "
        "Readers clear them anyway, so they come without contents."),
    ROW("fix-hvm-context", v2_fix_context, "put a damaged HVM context right",
        "HEADER and END, a length with which the list comes out even, numbers of vCPUs, padding, "
        "empty MSR records, PCI links, a single bit of a control register that no host takes; then "
        "the same as trim-hvm-context. Asked for by name it "
        "also clears bits of CR4 that the reader refuses. Registers are never made up."),
    ROW("trim-hvm-context", v2_fix_context, "cut an HVM context to what the reader knows",
        "Records longer than the reader's are cut, types and MSRs that it does not know are left "
        "out; what was not zero there is named. Damage is mended first (fix-hvm-context)."),
    ROW("drop-hvm-record", v2_drop_device, "leave one record of an HVM context out, when asked for",
        "--at says which, by the offset of its descriptor. The device or vCPU then starts in its "
        "reset state."),
    ROW("v2-fix-pfn", v2_fix_pfn, "give a page entry the frame number of its place",
        "Writers list frames upwards, so the neighbours of an entry tell its number."),
    ROW("v2-fix-page-type", v2_fix_page_type, "give page entries types that exist and fit",
        "The record's length tells how many entries carry a page, the neighbours and single bits "
        "which type. Page tables of a PV guest are followed from cr3 and cr1 down: what is used "
        "as a table of some level has that type."),
    ROW("v2-fill-lost", v2_fill_lost,
        "bring a stream back in step behind lost pages, when asked "
        "for",
        "Zero bytes for those that are missing in a batch (--at says where), or frames without "
        "contents in place of a batch that cannot be read. Pages are lost; a guest may crash."),
    ROW("v2-fix-pv-info", v2_fix_pv_info, "put width and levels in X86_PV_INFO right",
        "The size of the registers tells the width."),
    ROW("v2-fix-p2m", v2_fix_p2m, "put the bounds or an entry of X86_PV_P2M_FRAMES right",
        "The highest frame in the image tells the end, the neighbours of an entry its number. A "
        "lost list cannot be made up."),
    ROW("v2-add-p2m-page", v2_add_p2m_page, "add an empty page for a lost frame of the p2m",
        "Readers write the p2m anew, so its contents do not matter; the frame must exist."),
    ROW("v2-fix-vcpu", v2_fix_vcpu, "put values of a PV vCPU right that Xen refuses",
        "Its number by the records around it, bit 0 of cr1, cr3 when only one page table can be "
        "meant, the frame of start info by what the page holds, sizes, canonical addresses, an "
        "MSR that the reader does not load. Other registers are never made up."),
    { .name = NULL }
};
