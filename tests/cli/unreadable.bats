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
