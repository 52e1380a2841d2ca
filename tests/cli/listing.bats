#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The listing of the bundled images and of the generator's.
load common

failure=$XSI_TOP/samples/2011-xapi-hvm.img

@test "the 2011 failure: END without LAST_CHECKPOINT, the QEMU record and the count" {
    run "$xsdump" --no-pager "$failure"
    [ $((status & 28)) -eq 0 ]
    [ "$status" -ne 0 ]
    [[ $output == *XS-L09* ]]
    [[ $output == *END* ]]
    [[ $output == *QEMU* || $output == *qemu* ]]
    [[ $output == *1970103633* ]]
}

@test "the head names file, stack, guest and writer; the last line the state" {
    local image text
    image=$(sound)
    text=$(dump "$image")
    grep -qE '^image +' <<<"$text"
    grep -qE '^stack +' <<<"$text"
    grep -qE '^guest +' <<<"$text"
    grep -qE '^writer +' <<<"$text"
    tail -n 1 <<<"$text" | grep -qi 'whole'
}

@test "the state line says truncated" {
    local image=$BATS_TEST_TMPDIR/cut.img
    head -c $(($(stat -c %s "$(sound)") * 2 / 3)) "$(sound)" >"$image"
    dump "$image" | tail -n 1 | grep -qi 'truncated'
}

@test "two images: two listings" {
    [ "$(dump "$(sound)" "$failure" | grep -c '^image ')" -eq 2 ]
}
