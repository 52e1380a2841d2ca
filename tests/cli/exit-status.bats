#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The exit status is a set of bits: 1 warnings, 2 a reader refuses, 4 damaged or truncated, 8 the
# system, 16 usage or nothing recognisable.
load common

@test "exit 0: a sound image" {
    [ "$(status_of "$xsdump" "$(sound)")" -eq 0 ]
}

@test "exit 4: cut in the middle" {
    head -c $(($(stat -c %s "$(sound)") / 2)) "$(sound)" >"$BATS_TEST_TMPDIR/cut.img"
    [ $(($(status_of "$xsdump" "$BATS_TEST_TMPDIR/cut.img") & 4)) -eq 4 ]
}

@test "exit 8: no such file, a folder, two images of which one is missing" {
    [ "$(status_of "$xsdump" "$BATS_TEST_TMPDIR/missing.img")" -eq 8 ]
    [ "$(status_of "$xsdump" "$BATS_TEST_TMPDIR")" -eq 8 ]
    [ "$(status_of "$xsdump" "$(sound)" "$BATS_TEST_TMPDIR/missing.img")" -eq 8 ]
}

@test "exit 8: standard output is full" {
    local status=0
    "$xsdump" --no-pager "$(sound)" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ $((status & 8)) -eq 8 ]
    grep -qi 'space' "$BATS_TEST_TMPDIR/err"
}

@test "exit 16: no image, unknown option, unknown layer, bad number" {
    [ "$(status_of "$xsdump")" -eq 16 ]
    [ "$(status_of "$xsdump" --no-such-option x)" -eq 16 ]
    [ "$(status_of "$xsdump" --as no-such-layer "$(sound)")" -eq 16 ]
    [ "$(status_of "$xsdump" --offset twelve "$(sound)")" -eq 16 ]
    [ "$(status_of "$xsdump" --explain no-such-thing)" -eq 16 ]
}

@test "exit 16: nothing recognisable" {
    head -c 20000 /dev/zero | tr '\0' 'k' >"$BATS_TEST_TMPDIR/noise"
    [ $(($(status_of "$xsdump" "$BATS_TEST_TMPDIR/noise") & 16)) -eq 16 ]
    : >"$BATS_TEST_TMPDIR/empty"
    [ $(($(status_of "$xsdump" "$BATS_TEST_TMPDIR/empty") & 20)) -ne 0 ]
}

@test "exit: the bits of several images are joined" {
    head -c $(($(stat -c %s "$(sound)") / 2)) "$(sound)" >"$BATS_TEST_TMPDIR/cut.img"
    [ $(($(status_of "$xsdump" "$(sound)" "$BATS_TEST_TMPDIR/cut.img") & 4)) -eq 4 ]
}

@test "exit: a reader that goes away is no error" {
    local status
    set +o pipefail
    "$xsdump" --no-pager -a -vv "$(sound)" 2>"$BATS_TEST_TMPDIR/err" | head -n 1 >/dev/null
    [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "messages go to standard error and name the file" {
    local text
    text=$("$xsdump" "$BATS_TEST_TMPDIR/missing.img" 2>&1 >/dev/null || :)
    [[ $text == *missing.img* ]]
    [[ $text == *"No such file"* ]]
}
