#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 14, terminal: nothing from an image, or from a file's name, reaches a terminal unescaped.
load common

tool=$XSI_TOP/tests/lib/hostile_text.py

judged() {
    local flag=$1 mode
    shift
    # shellcheck disable=SC2086 # a mode is words
    for mode in '' '-a -vv -x' --json --jsonl '--as list' '-q -t all'; do
        { "$xsdump" --no-pager $mode "$@" 2>&1 || :; } | python3 "$tool" judge ||
            { echo "xsdump $mode $*"; return 1; }
    done
    { "$xsdump" --no-pager --color always -vv "$@" 2>&1 || :; } | python3 "$tool" judge "$flag" ||
        { echo "xsdump --color always $*"; return 1; }
}

@test "terminal: texts of every sample, turned hostile one by one" {
    local image n=0
    while read -r image; do
        rm -rf "$BATS_TEST_TMPDIR/evil"
        mkdir "$BATS_TEST_TMPDIR/evil"
        python3 "$tool" make "$image" "$BATS_TEST_TMPDIR/evil"
        [ -n "$(ls "$BATS_TEST_TMPDIR/evil")" ] || continue
        judged --sgr "$BATS_TEST_TMPDIR"/evil/*.img || { echo "$image"; return 1; }
        n=$((n + 1))
    done < <(images 300 | awk 'NR % 64 == 5')
    [ "$n" -gt 0 ]
}

@test "terminal: file names" {
    local evil
    evil=$BATS_TEST_TMPDIR/$(printf 'a\033[2J\177\302\233\342\200\256\377b.img')
    cp "$(sound)" "$evil"
    judged --sgr "$evil"
    { "$xsdump" "$evil.missing" 2>&1 || :; } | python3 "$tool" judge
    { "$xsdump" "$(printf -- '--opt\033[2J')" 2>&1 || :; } | python3 "$tool" judge
    { "$xsdump" --as "$(printf 'x\033[2J')" "$evil" 2>&1 || :; } | python3 "$tool" judge
    { "$xsdump" --explain "$(printf 'x\033[2J\377')" 2>&1 || :; } | python3 "$tool" judge
}
