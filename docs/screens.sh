#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Draw the pictures of docs/browser.md, docs/screens/*.svg: the browser runs in tmux, and what its
# screen holds becomes SVG. Needs build/xsdump, `make samples` and tmux.
# shellcheck source=tests/cli/common.bash source-path=SCRIPTDIR/..
set -eu
cd "$(dirname "$0")/.."
export XSI_TOP=$PWD XSI_BIN=$PWD/build BATS_TEST_DIRNAME=$PWD/tests/cli
BATS_TEST_TMPDIR=$(mktemp -d)
out=$PWD/docs/screens samples=$PWD/build/samples

skip() {
    echo "docs/screens.sh: $*" >&2
    exit 1
}

. tests/cli/common.bash
. tests/cli/browse.bash
trap 'end_terminal; rm -rf "$BATS_TEST_TMPDIR"' EXIT
${CC:-cc} -std=gnu11 -o "$BATS_TEST_TMPDIR/svg" docs/screen-svg.c
mkdir -p "$out"
setup_terminal
take "$XSI_TOP/samples/2011-xapi-hvm.img"
take "$samples/bad-count-flip.img"

# picture NAME TITLE: the screen as it is now.
picture() {
    local size
    settled
    size=$(terminal display-message -p '#{pane_width} #{pane_height}')
    # shellcheck disable=SC2086 # two numbers
    terminal capture-pane -e -N -p | ./svg $size "$2" >"$out/$1.svg"
}

start 100 30 screen-256color 2011-xapi-hvm.img
picture first 'xsdump -i: the image of 2011'
keys e
picture finding 'the first finding'
keys r
settled
keys c
picture read 'the read that fails'
keys q

start 100 30 screen-256color bad-count-flip.img
settled
keys e
picture flip 'one flipped bit in a count'
keys F1
picture help 'the keys'
keys q q

# a guest that ran on real Xen
[ -e "$XSI_TOP/build/real/.done" ] ||
    { "$XSI_TOP/samples/unpack" "$XSI_TOP/build/real" && touch "$XSI_TOP/build/real/.done"; }
take "$XSI_TOP/build/real/revive/pv-4.5-raw.img" pv.img
start 100 30 screen-256color pv.img
settled
keys p
settled
keys z
settled
keys "]"
picture pages 'the frames of a small guest: pages, page tables, zeros'
keys q

"$XSI_BIN/xsrecover" fix 2011-xapi-hvm.img -y -t xen-4.1/32/xapi -o mended.img >/dev/null
start 100 30 screen-256color 2011-xapi-hvm.img mended.img
settled
keys "]"
picture two 'an image and its mended copy'
keys q

start 40 12 vt100 2011-xapi-hvm.img
settled
keys e
picture small 'a small terminal without colours'
keys q
