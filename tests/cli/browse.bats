#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The browser's screens at several sizes and terminals, and the walks to the bad place.
load common
load browse

xapi=$XSI_TOP/samples/2011-xapi-hvm.img
flip=$samples/bad-count-flip.img

setup() {
    setup_terminal
}

teardown() {
    end_terminal
}

# What terminals with colours show is one screen, and what those without show is another.
first_screens() {
    local size=$1
    start "${size%x*}" "${size#*x}" xterm-256color 2011-xapi-hvm.img
    kept "first-$size"
    kept "first-$size-colours" colours
    start "${size%x*}" "${size#*x}" linux 2011-xapi-hvm.img
    kept "first-$size"
    start "${size%x*}" "${size#*x}" vt100 2011-xapi-hvm.img
    kept "first-$size-mono"
    start "${size%x*}" "${size#*x}" xterm-256color NO_COLOR 2011-xapi-hvm.img
    kept "first-$size-mono"
}

@test "browse: the first screen at 80x24, 200x60 and 40x12, on four kinds of terminal" {
    local size
    take "$xapi"
    for size in 80x24 200x60 40x12; do
        first_screens $size
    done
}

# The current place as the last line but one names it: "0x1a04b END, chunk 7".
chunk_at() {
    printf '0x%x %s' "$2" "$(json "$1" ".images[0].chunks[] | select(.offset == $2) | \"\(.type), chunk \(.index)\"")"
}

# The failure of 2011: from the verdict to the finding, its explanation, and the read that fails.
walk_of_2011() {
    local name=$1 at
    at=$(json "$xapi" '.images[0].findings[0].offset')
    shows 'fails on xen-4.1/32/xapi'
    keys e
    shows "$(printf 'XS-L09 no-last-checkpoint at 0x%x (1 of 2)' "$at")"
    kept "2011-finding-$name"
    keys x
    shows 'insert-checkpoint'
    kept "2011-explained-$name"
    keys Escape
    hides 'severity'
    shows "$(chunk_at "$xapi" "$at")"
    keys r
    settled
    keys c
    # the place is the one that the finding speaks of, the number and the line those of the log
    shows 'libxc reads 4 bytes at 0x1b023'
    shows '1970103633'
    shows 'Max batch size e'
    [ "$name" != 200x60 ] || shows 'Max batch size exceeded (1970103633). Giving up.'
    kept "2011-read-$name"
    keys b
    settled
    keys s
    kept "2011-read-$name"
    keys r
    settled
    keys q
    shows 'ended 0'
}

@test "browse: the 2011 image: finding, explanation, the read that fails" {
    local size
    take "$xapi"
    for size in 80x24 200x60; do
        start "${size%x*}" "${size#*x}" xterm-256color 2011-xapi-hvm.img
        walk_of_2011 "$size"
    done
    start 80 24 vt100 2011-xapi-hvm.img
    walk_of_2011 80x24-mono
}

@test "browse: one flipped bit in a count: the finding, the field, its bytes" {
    local size finding count
    take "$flip"
    finding=$(json "$flip" '.images[0].findings[0] | "\(.code) \(.offset)"')
    [ "$finding" = "XS-L01 $((0x101c8c))" ]
    count=$(json "$flip" '.images[0].chunks[] | select(.offset == 1055884) | .fields.count')
    for size in 80x24 200x60; do
        start "${size%x*}" "${size#*x}" xterm-256color bad-count-flip.img
        shows 'fails on xen-4.5'
        keys e
        shows 'XS-L01 bad-count at 0x101c8c (1 of 1)'
        settled
        [[ $(panel 2) == *"$count entries"* ]]
        shows '40 10 00 00'
        kept "flip-finding-$size"
        keys Escape
        shows "$(chunk_at "$flip" $((0x101c8c)))"
    done
}
