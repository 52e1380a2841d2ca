#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the JSON of xsdump with what somebody else says of the same image.

    against.py verify JSON TEXT    verify-stream-v2 -v: the same records, in order, same lengths
    against.py layout JSON TSV     xsgen --layout: the same boundaries, to the byte
    against.py walk JSON TSV       tests/lib/legacy_walk.py: the same boundaries
"""
import json
import re
import sys

# names of verify-stream-v2 (libxc) and the contract's
LIBXC = {
    "End": "END", "Page data": "PAGE_DATA", "x86 PV info": "X86_PV_INFO",
    "x86 PV P2M frames": "X86_PV_P2M_FRAMES", "x86 PV vcpu basic": "X86_PV_VCPU_BASIC",
    "x86 PV vcpu extended": "X86_PV_VCPU_EXTENDED", "x86 PV vcpu xsave": "X86_PV_VCPU_XSAVE",
    "Shared info": "SHARED_INFO", "TSC info": "X86_TSC_INFO", "HVM context": "HVM_CONTEXT",
    "HVM params": "HVM_PARAMS", "Toolstack (deprecated)": "TOOLSTACK",
    "x86 PV vcpu msrs": "X86_PV_VCPU_MSRS", "Verify": "VERIFY", "Checkpoint": "CHECKPOINT",
    "Checkpoint dirty pfn list": "CHECKPOINT_DIRTY_PFN_LIST", "Static data end": "STATIC_DATA_END",
    "x86 CPUID policy": "X86_CPUID_POLICY", "x86 MSR policy": "X86_MSR_POLICY",
}


def chunks(path):
    document = json.load(open(path))
    return document["images"][0]["chunks"]


def plain(name):
    """A record's name without what spellings differ in."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).replace("x86", "")


def verify(path, text):
    theirs, pages = [], 0
    for line in open(text):
        m = re.match(r"(Libxc|Libxl) Record: (.*), length (\d+)", line)
        if m and not (m.group(1) == "Libxl" and m.group(2) == "Libxc context"):
            theirs.append((m.group(1).lower(), m.group(2), int(m.group(3))))
        m = re.match(r"Squashed (\d+) Page Data records", line)
        if m:
            pages += int(m.group(1))
    ours = [c for c in chunks(path) if c["id"] is not None
            and (c["layer"].startswith("libxc-v") or c["layer"] == "libxl-v2")]
    mine = [(c["layer"][:5], c["type"], c["length"]) for c in ours if not c["pages"]
            and c["type"] not in ("PAGE_DATA", "PAGES", "LIBXC_CONTEXT")]
    batches = sum(1 for c in ours if c["type"] in ("PAGE_DATA", "PAGES"))
    if batches != pages:
        return "%d page records, verify-stream-v2 saw %d" % (batches, pages)
    if len(mine) != len(theirs):
        return "%d records, verify-stream-v2 saw %d:\n%s\n%s" % (len(mine), len(theirs), mine, theirs)
    for a, b in zip(mine, theirs):
        known = LIBXC.get(b[1], b[1]) if b[0] == "libxc" else b[1]
        # a chunk of ours is header, body and padding; an emulator's body may be another layer
        size = 8 + (b[2] + 7) // 8 * 8
        if a[0] != b[0] or plain(a[1]) != plain(known) or \
                (a[2] != size and not (b[0] == "libxl" and a[2] < size)):
            return "%s differs from %s" % (a, b)
    return None


def layout(path, tsv):
    ours = {c["offset"]: c for c in chunks(path)}
    gaps, theirs, after_gap = [], [], False
    for line in open(tsv):
        cells = line.rstrip("\n").split("\t")
        if not cells[0].isdigit():
            continue
        # what a generator adds behind an image it cannot name: there may be more to see in it
        is_gap = cells[2] == "none" or cells[2] == "REST"
        begins = int(cells[0]) in ours
        (gaps if is_gap or after_gap and not begins else theirs).append(
            (int(cells[0]), int(cells[1]), cells))
        after_gap = is_gap
    for at, length, cells in theirs:
        c = ours.pop(at, None)
        if c is None:
            return "no chunk begins at %d (%s)" % (at, cells)
        # the generator leaves the body of some parts unnamed; it follows as a gap
        body = sum(g[1] for g in gaps if g[0] == at + length)
        if c["length"] not in (length, length + body):
            return "%s at %d has %d bytes, not %s" % (c["type"], at, c["length"], cells)
    for at, c in ours.items():
        if not any(g[0] <= at < g[0] + g[1] for g in gaps):
            return "%s at %d is one chunk too many" % (c["type"], at)
    return None


WAYS = {"verify": verify, "layout": layout, "walk": layout}
why = WAYS[sys.argv[1]](sys.argv[2], sys.argv[3])
if why:
    print(why)
sys.exit(1 if why else 0)
