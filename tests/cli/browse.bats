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

# on SIZE TERM [NO_COLOR] IMAGE: start there. Terminals with colours show one screen, and those
# without show another: $as is what its kept screens end in.
on() {
    local size=$1
    shift
    as=$size
    case $* in vt100* | *NO_COLOR*) as=$size-mono ;; esac
    start "${size%x*}" "${size#*x}" "$@"
}

# The current place as the last line but one names it: "0x1a04b END, chunk 7".
chunk_at() {
    printf '0x%x %s' "$2" "$(jq -r ".images[0].chunks[] | select(.offset == $2) |
        \"\(.type), chunk \(.index)\"" "$1")"
}

terms=(xterm-256color linux vt100 'xterm-256color NO_COLOR')

@test "browse: the first screen at 80x24, 200x60 and 40x12, on four kinds of terminal" {
    local size term
    take "$xapi"
    for size in 80x24 200x60 40x12; do
        for term in "${terms[@]}"; do
            # shellcheck disable=SC2086 # two words
            on $size $term 2011-xapi-hvm.img
            kept "first-$as"
            [ "$term" != xterm-256color ] || [ $size = 200x60 ] || kept "first-$size-colours" colours
        done
    done
}

# The failure of 2011: from the verdict to the finding, its explanation, and the read that fails.
walk_of_2011() {
    local at
    on "$@" 2011-xapi-hvm.img
    at=$(jq '.images[0].findings[0].offset' json)
    shows 'fails on xen-4.1/32/xapi'
    keys e
    shows "$(printf 'XS-L09 no-last-checkpoint at 0x%x' "$at")"
    kept "2011-finding-$as"
    keys x
    shows '┌ XS-L09'
    kept "2011-explained-$as"
    keys Escape
    hides '┌ XS-L09'
    shows "$(chunk_at json "$at")"
    keys r
    settled
    keys c
    # the place is the one that the finding speaks of, the number and the line those of the log
    shows 'libxc reads 4 bytes at 0x1b023'
    shows '1970103633'
    shows 'Max batch size'
    case $as in 40x12*) ;; 80x24*) shows "(1970103633). Giving up." ;; *) shows "Max batch size exceeded (1970103633). Giving up." ;; esac
    kept "2011-read-$as"
    [ "$*" != '80x24 xterm-256color' ] || kept '2011-read-80x24-colours' colours
    keys b
    hides 'libxc reads 4 bytes at 0x1b023'
    keys s
    kept "2011-read-$as"
    keys r
    settled
    keys q
    shows 'ended 0'
}

@test "browse: the 2011 image: finding, explanation, the read that fails" {
    local term
    take "$xapi"
    { "$xsdump" --json "$xapi" || :; } >json
    jq -r '.images[0].findings[0].text' json | grep -q "at $(printf '0x%x' $((0x1b023))) as a page count, 1970103633"
    jq -r '.images[0].verdicts[0].errors[]' json | grep -qxF 'Max batch size exceeded (1970103633). Giving up.'
    for term in "${terms[@]}"; do
        # shellcheck disable=SC2086 # two words
        walk_of_2011 80x24 $term
    done
    walk_of_2011 200x60 linux
    walk_of_2011 40x12 xterm-256color
    walk_of_2011 40x12 vt100
}

# One flipped bit in a count: its field and its bytes.
walk_of_flip() {
    local at count
    on "$@" bad-count-flip.img
    at=$(jq '.images[0].findings[0].offset' json)
    count=$(jq ".images[0].chunks[] | select(.offset == $at) | .fields.count" json)
    shows 'fails on xen-4.5'
    keys e
    shows "$(printf 'XS-L01 bad-count at 0x%x' "$at")"
    kept "flip-finding-$as"
    keys Escape
    shows "$(chunk_at json "$at")"
    [[ $as != 40x12* ]] || keys Tab
    shows "$count entries"
    [[ $as != 40x12* ]] || keys Tab
    shows '10 00 00'
    kept "flip-bytes-$as"
}

@test "browse: one flipped bit in a count: the finding, the field, its bytes" {
    local term
    take "$flip"
    { "$xsdump" --json "$flip" || :; } >json
    [ "$(jq -r '.images[0].findings[0] | "\(.code) \(.offset)"' json)" = "XS-L01 $((0x101c8c))" ]
    for term in "${terms[@]}"; do
        # shellcheck disable=SC2086 # two words
        walk_of_flip 80x24 $term
    done
    walk_of_flip 200x60 xterm-256color
    walk_of_flip 40x12 linux
    walk_of_flip 40x12 xterm-256color NO_COLOR
}
