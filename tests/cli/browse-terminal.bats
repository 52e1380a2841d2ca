#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 14, terminal: nothing from an image reaches the terminal of the browser unescaped, on a way
# through all of its panels, popups and prompts. Every byte that it sends is judged.
load common

samples=$XSI_TOP/build/samples
hostile=$XSI_TOP/tests/lib/hostile_text.py

# tour TERM SIZE IMAGE
tour() {
    python3 "$XSI_TOP/tests/lib/screen_stream.py" "$1" "$2" "$XSI_TOP/tests/data/browse-tour.keys" \
        "$xsdump" -i "$3"
}

@test "browse-terminal: configurations of xl, xend and libvirt whose guest has a hostile name" {
    local stack terms=(xterm-256color vt100 linux)
    cd "$BATS_TEST_TMPDIR"
    for stack in xl xend libvirt; do
        python3 "$hostile" names "$samples/config-$stack-guest.img" "$stack.img"
        ! cmp -s "$stack.img" "$samples/config-$stack-guest.img"
        tour "${terms[0]}" 100x40 "$stack.img"
        terms=("${terms[@]:1}")
    done
}

@test "browse-terminal: texts of images, as many as there can be" {
    local name
    cd "$BATS_TEST_TMPDIR"
    for name in emulator-xenstore carve-hvm; do
        python3 "$hostile" most "$samples/$name.img" "$name.img" "$xsdump"
        tour xterm-256color 80x24 "$name.img"
    done
}

@test "browse-terminal: a file's name, and a locale without UTF-8" {
    local evil
    cd "$BATS_TEST_TMPDIR"
    evil=$(printf 'a\033[2J\177\302\233\342\200\256\377b.img')
    cp "$samples/2011-xapi-hvm.img" "$evil"
    tour xterm-256color 80x24 "$evil"
    LC_ALL=C tour xterm-256color 40x12 "$evil"
}

@test "browse-terminal: the judge sees what does not belong there" {
    local evil found
    for evil in '\033[2J\007' '\033]0;x\007' '\033[6n' '\302\233' '\233' '\342\200\256' '\177'; do
        printf '#!/bin/sh\nprintf "%%0600d%s"\n' "$evil" >"$BATS_TEST_TMPDIR/evil"
        chmod +x "$BATS_TEST_TMPDIR/evil"
        found=0
        xsdump=$BATS_TEST_TMPDIR/evil tour xterm 80x24 image || found=$?
        [ "$found" -eq 1 ]
    done
}
