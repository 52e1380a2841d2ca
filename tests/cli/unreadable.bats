#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 18, unreadable, as a user meets it: EIO in the middle is a row with its range, the
# listing goes on behind it and says what to do. (Every place: tests/property/unreadable.c.)
load common

bad_disk() {
    local image=$1 from=$2 to=$3
    shift 3
    LD_PRELOAD="$XSI_TOP/build/eio.so" XSI_EIO_FILE="$image" XSI_EIO="$from-$to" \
        "$xsdump" --no-pager "$@" "$image"
}

setup() {
    [ "$XSI_BIN" = "$XSI_TOP/build" ] || skip "the shim is not loaded beside a sanitizer"
    image=$(sound)
    # a place in the metadata: the last chunk but one is none with page data
    read -r from to < <("$xsdump" --json "$image" | jq -r '[.images[0].chunks[] | select(.pages == 0
        and .length > 64)][-1] | "\(.offset + 8) \(.offset + 16)"')
}

@test "unreadable: a row, its range, bit 4, and the way out" {
    run bad_disk "$image" "$from" "$to"
    [ $((status & 4)) -ne 0 ]
    [[ $output == *UNREADABLE* ]]
    [[ $output == *"error"* ]]
}

@test "unreadable: JSON names it too, and the chunks still tile" {
    run bad_disk "$image" "$from" "$to" --json
    [ $((status & 12)) -eq 4 ]
    echo "$output" | jq -e '.images[0].chunks | map(select(.type == "UNREADABLE")) | length > 0'
    echo "$output" | jq -e '.images[0] | reduce .chunks[] as $c (0; if $c.offset == . then . + $c.length
        else error("hole at \(.)") end) == '"$(stat -c %s "$image")"
}

@test "unreadable: the first sector cannot be read" {
    run bad_disk "$image" 0 512
    [ $((status & 20)) -ne 0 ]
    [ $((status & 8)) -eq 0 ]
}

# A sector in the middle of the first page that stands in a batch with several.
bad_page() {
    read -r from to pfn < <("$xsdump" --json -a "$image" | jq -r '[.images[0].chunks[]
        | select(.pages > 1)][0] | .offset + .length - 4096 | "\(. + 512) \(. + 1024) x"')
}

convert_bad() {
    LD_PRELOAD="$XSI_TOP/build/eio.so" XSI_EIO_FILE="$image" XSI_EIO="$from-$to" \
        "$xsrecover" convert "$image" --to libxc-v3 "$@"
}

@test "unreadable: a conversion stops at a page that cannot be read, and leaves nothing" {
    bad_page
    run convert_bad -o "$BATS_TEST_TMPDIR/new"
    [ "$status" -eq 8 ]
    [[ $output == *"$(printf '%#x' "$from")"* || $output == *"cannot read"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/new" ]
}

@test "unreadable: told to, it fills the page with zeros and names its frame" {
    local whole=$BATS_TEST_TMPDIR/whole new=$BATS_TEST_TMPDIR/new piped=$BATS_TEST_TMPDIR/piped
    bad_page
    run "$xsrecover" convert "$image" --to libxc-v3 -o "$whole"
    [ $((status & ~2)) -eq 0 ]
    run convert_bad --unreadable=zero -o "$new"
    [ $((status & ~2)) -eq 0 ]
    [[ $output == *"filled with zeros: the page of PFN 0x"* ]]
    convert_bad --unreadable=zero -o - >"$piped" 2>/dev/null || [ $? -eq 2 ]
    cmp "$new" "$piped"
    [ "$(stat -c %s "$new")" -eq "$(stat -c %s "$whole")" ]
    # nothing but bytes of one page differs, and that is zero
    cmp -l "$whole" "$new" | awk '{ if (!first) first = $1; last = $1; if ($3 != 0) exit 1 }
        END { exit last - first >= 4096 }'
}
