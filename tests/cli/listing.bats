#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The listing of the bundled images and of the generator's.
load common

failure=$XSI_TOP/samples/2011-xapi-hvm.img
[ -e "$failure" ] || failure=$XSI_TOP/build/samples/2011-xapi-hvm.img

@test "the 2011 failure: END without LAST_CHECKPOINT, the QEMU record and the count" {
    run "$xsdump" --no-pager "$failure"
    [ $((status & 28)) -eq 0 ]
    [ "$status" -ne 0 ]
    [[ $output == *XS-L09* ]]
    [[ $output == *END* ]]
    [[ $output == *QEMU* || $output == *qemu* ]]
    [[ $output == *1970103633* ]]
}

@test "the head names file, stack, guest and writer; the state comes before the verdict" {
    local image text
    image=$(sound)
    text=$(dump "$image")
    grep -qE '^image +' <<<"$text"
    grep -qE '^stack +' <<<"$text"
    grep -qE '^guest +' <<<"$text"
    grep -qE '^writer +' <<<"$text"
    grep -A1 '^STATE .*whole' <<<"$text" | tail -n 1 | grep -q '^VERDICT '
}

@test "the state line says truncated" {
    local image=$BATS_TEST_TMPDIR/cut.img
    head -c $(($(stat -c %s "$(sound)") * 2 / 3)) "$(sound)" >"$image"
    dump "$image" | grep '^STATE ' | grep -qi 'truncated'
}

@test "two images: two listings" {
    [ "$(dump "$(sound)" "$failure" | grep -c '^image ')" -eq 2 ]
}

@test "every other sound sample: the boundaries that the generator knows, to the byte" {
    local table image json=$BATS_TEST_TMPDIR/json n=0 odd=0
    [ "$XSI_BIN" = "$XSI_TOP/build" ] || skip "once is enough"
    for table in "$XSI_TOP"/build/samples/*.tsv; do
        image=${table%.tsv}.img
        odd=$((1 - odd))
        [ $odd = 1 ] || continue
        [ "$(status_of "$xsdump" -q "$image")" -lt 4 ] || continue
        # what a damage added may be seen in another way than it was added
        grep -qE '^# proof: (damage|raw)' "$XSI_TOP/samples/recipes/$(basename "$table" .tsv).recipe" && continue
        dump --json "$image" >"$json"
        python3 "$XSI_TOP/tests/lib/against.py" layout "$json" "$table" || { echo "$image"; return 1; }
        n=$((n + 1))
    done
    [ "$n" -gt 50 ]
}
