#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# --core: the guest's memory in a file, page for page, also of an image that is cut.
load common

# Frames of a bare v2 or v3 stream, by a walker of its own: compare them with a flat or an ELF file.
compare() {
    python3 - "$@" <<'PY'
import struct, sys
image, core, kind = open(sys.argv[1], 'rb').read(), open(sys.argv[2], 'rb').read(), sys.argv[3]
frames, at = {}, 40
while at + 8 <= len(image):
    rtype, length = struct.unpack_from('<II', image, at)
    if rtype == 1:
        count = struct.unpack_from('<I', image, at + 8)[0]
        page = at + 16 + 8 * count
        for i in range(count):
            entry = struct.unpack_from('<Q', image, at + 16 + 8 * i)[0]
            if entry >> 60 in (13, 14, 15):
                continue
            if page + 4096 <= len(image):
                frames[entry & (1 << 52) - 1] = image[page:page + 4096]
            page += 4096
    if rtype == 0:
        break
    at += 8 + (length + 7 & ~7)
assert frames
segments = [(0, 0, len(core))]
if kind == 'elf':
    assert core[:6] == b'\x7fELF\x02\x01' and struct.unpack_from('<H', core, 16)[0] == 4
    n = struct.unpack_from('<H', core, 56)[0]
    segments = [(p[3], p[1], p[4]) for p in
                (struct.unpack_from('<IIQQQQ', core, 64 + 56 * i)[1:] for i in range(n))]
    assert sum(s[2] for s in segments) == 4096 * len(frames)
for pfn, page in frames.items():
    addr = pfn * 4096
    got = [core[off + addr - start:off + addr - start + 4096] for start, off, size in segments
           if start <= addr < start + size]
    assert got == [page], hex(pfn)
if kind == 'raw':
    assert len(core) == 4096 * (max(frames) + 1)
print(len(frames))
PY
}

@test "core: flat and ELF, every page of a whole image" {
    local image=$XSI_TOP/samples/v3-hvm-4.17-small.img
    cd "$BATS_TEST_TMPDIR"
    dump --core=raw flat "$image" | grep -q 'core *flat  flat, [0-9]* pages'
    compare "$image" flat raw
    dump -q --core elf "$image" >/dev/null
    compare "$image" elf elf
    [ "$(stat -c %a elf)" = 600 ]
    readelf -lW elf | grep -q LOAD
}

@test "core: what is there of an image that is cut" {
    local image=$XSI_TOP/samples/v3-hvm-4.17-small.img
    cd "$BATS_TEST_TMPDIR"
    head -c 20000 "$image" >cut
    dump --core elf cut >/dev/null
    [ "$(compare cut elf elf)" -lt "$(dump --core-raw flat "$image" >/dev/null; compare "$image" flat raw)" ]
    head -c 20000 "$image" | dump --core piped - >/dev/null
    cmp elf piped
}

@test "core: never over a file that is there" {
    local image=$XSI_TOP/samples/v3-hvm-4.17-small.img
    cd "$BATS_TEST_TMPDIR"
    echo mine >there
    ln -s nowhere link
    [ "$(status_of "$xsdump" --core there "$image")" -eq 8 ]
    [ "$(status_of "$xsdump" --core link "$image")" -eq 8 ]
    [ "$(cat there)" = mine ]
    [ "$(status_of "$xsdump" --core a "$image" "$image")" -eq 16 ]
    [ ! -e a ]
}
