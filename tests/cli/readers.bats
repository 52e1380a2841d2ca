#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The readers of the legacy stream against what the real ones did: every row of the truth set.
load common

real=${XSI_REAL:-$XSI_TOP/build/real}

@test "legacy readers agree with the real ones: bundled images" {
    [ -e "$real/truth/expected.tsv" ] || skip "samples/unpack build/real was not run"
    "$XSI_TOP/tests/readers" "$xsdump" "$real/truth" "$real/truth/expected.tsv" \
        "$real/truth/INDEX.tsv"
}

@test "legacy readers agree with the real ones: shared folder" {
    local set=${XSI_SHARED:-/nonexistent}/truth
    [ -d "$set" ] || skip "XSI_SHARED is not set"
    tar -I 'zstd --long=27' -C "$BATS_TEST_TMPDIR" -xf "$set/images.tar.zst"
    "$XSI_TOP/tests/readers" "$xsdump" \
        "$(dirname "$(find "$BATS_TEST_TMPDIR" -name '*.img' -print -quit)")" \
        "$set/expected.tsv" "$set/INDEX.tsv"
}

# A verdict's outcome, return code and finding codes.
judged() { # image reader
    "$xsdump" --json -q --target "$2" "$1" |
        jq -r '.images[0].verdicts[0] | "\(.verdict) \(.rc) \(.findings | join(","))"'
}

@test "the variants of the 2011 failure have different explanations" {
    local set=$real/truth
    [ -e "$set/INDEX.tsv" ] || skip "samples/unpack build/real was not run"
    # the record is read as a page count, and xapi stands four bytes too far
    [[ $(judged "$set/x-seed-34-qemu-len.img" xen-4.1/xapi) == "fails 0 XS-L09"* ]]
    [[ $(judged "$set/x-seed-nolast-qemu-len.img" xen-4.1/xapi) == "fails 0 XS-L09"* ]]
    # LAST_CHECKPOINT is there: the record is left as it is
    [[ $(judged "$set/x-seed-last-qemu-len.img" xen-4.1/xapi) == "restores 0 "* ]]
    # libxc reads the record itself, to the end of the file, and refuses it
    [[ $(judged "$set/x-seed-34-qemu-len.img" xen-4.1) == "fails 1 "* ]]
    # a stray record behind a PV image
    [[ $(judged "$set/x-seed-pv-nolast-qemu.img" xen-4.1) == "fails 0 XS-L09"* ]]
    [[ $(judged "$set/x-seed-pv-nolast-qemu.img" xen-4.5) == "restores 0 "* ]]
    # nothing follows: the end of the file ends the search for another checkpoint
    [[ $(judged "$set/x-hvm-nolast.img" xen-4.1) == "restores 0 "* ]]
    # a record that 3.4 leaves to its caller and 4.0 does not know
    [[ $(judged "$set/x-34-hvm-last-qemu0002.img" xen-3.4) == "restores 0 "* ]]
    [[ $(judged "$set/x-34-hvm-last-qemu0002.img" xen-4.0) == "fails 1 "* ]]
}

@test "saves of real Xen 4.17 restore on it: shared folder" {
    local set=${XSI_SHARED:-/nonexistent}/images image
    [ -d "$set" ] || skip "XSI_SHARED is not set"
    for image in "$set"/*.zst; do
        zstd -q -d --sparse -f -o "$BATS_TEST_TMPDIR/save" "$image"
        echo "$image"
        [[ $(judged "$BATS_TEST_TMPDIR/save" xen-4.17) == "restores 0 "* ]]
    done
}
