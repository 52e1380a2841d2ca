#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 9, bounds, of the whole program: little memory whatever the image. (Hostile numbers:
# tests/property/bounds.c.)
load common

setup() {
    [ "$XSI_BIN" = "$XSI_TOP/build" ] || skip "a sanitizer needs memory of its own"
}

# With 64 MiB of address space beyond what its libraries take, and two minutes.
confined() {
    (ulimit -v 160000 && exec timeout 120 "$xsdump" --no-pager "$@")
}

@test "bounds: a compression bomb, nested" {
    local bomb=$BATS_TEST_TMPDIR/bomb
    head -c 3G /dev/zero | zstd -q -1 | gzip -c >"$bomb"
    run confined "$bomb"
    [ $((status & 24)) -ne 0 ] || [ $((status & 4)) -ne 0 ]
    [ "$status" -lt 32 ]
}

@test "bounds: sparse images of any size list in the same memory" {
    local image=$BATS_TEST_TMPDIR/big.img
    printf '%s\n' 'format legacy' 'guest hvm' 'era 4.1' 'pages 16777216' 'sparse on' >"$image.recipe"
    "$XSI_TOP/build/xsgen" -o "$image" "$image.recipe"
    run confined "$image"
    [ "$status" -lt 4 ]
    run confined -q --json "$image"
    [ "$status" -lt 4 ]
}

@test "bounds: endless input on a pipe ends" {
    local status=0
    timeout 60 sh -c 'head -c 2G /dev/zero | "$0" --no-pager -' "$xsdump" >/dev/null 2>&1 || status=$?
    [ $((status & 16)) -eq 16 ]
    [ "$status" -lt 32 ]
}
