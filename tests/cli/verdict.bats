#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Verdicts: default targets, --target, the table of all readers, JSON, exit status. What a reader
# does with an image is the models' own tests; here it is how the programs tell it.
load common

samples=$XSI_TOP/build/samples
failure=$XSI_TOP/samples/2011-xapi-hvm.img
# one image of each container and stream
some=(2011-xapi-hvm xapi-pv-4.1 xapi-hvm-64 xend-hvm-3.4 xl-hvm-4.2 xl-hvm-4.6-physmap libvirt-pv-4.4
    config-libvirt-guest config-xapi-guest hvm-4.1-small v3-hvm-4.17-small libxl-pv-4.6 stray-qemu-pv)

verdicts() {
    "$xsdump" -q --json "$@" | jq -c '.images[].verdicts[]'
}

@test "default target: the container's own toolstack, in its newest release for the stream" {
    local name target got
    while read -r name target; do
        got=$(verdicts "$samples/$name.img" | jq -r '"\(.target) \(.default)"')
        [ "$got" = "$target true" ] || { echo "$name: $got instead of $target"; return 1; }
    done <<'ROWS'
2011-xapi-hvm xen-4.1/32/xapi
xapi-pv-4.1 xen-4.1/32/xapi
xapi-hvm-64 xen-4.1/xapi
xend-hvm-3.4 xen-4.4/remus
xend-pv-3.0 xen-4.4/32/remus
xl-hvm-4.2 xen-4.5
libvirt-pv-4.4 xen-4.5
hvm-4.1-small xen-4.5
xl-hvm-4.6-physmap xen-4.22
config-libvirt-guest xen-4.22
config-xapi-guest xen-4.22
libxl-pv-4.6 xen-4.22
v3-hvm-4.17-small xen-4.22/libxc
ROWS
}

@test "the listing says which target it took" {
    local text
    text=$("$xsdump" --no-pager "$failure" || :)
    grep -q '^target .*xen-4\.1/32/xapi.*default for xapi images' <<<"$text"
    text=$("$xsdump" --no-pager -t xen-4.5/32 -t xen-3.4/32 "$failure" || :)
    grep -q '^target .*xen-4\.5/32, xen-3\.4/32' <<<"$text"
    [ "$(grep -c '^VERDICT ' <<<"$text")" -eq 2 ]
}

@test "2011: whole, but the default target fails and says where and what it logs; exit 2" {
    run "$xsdump" --no-pager "$failure"
    [ "$status" -eq 2 ]
    [[ $output == *"error XS-L09 no-last-checkpoint at 0x1a04b"* ]]
    [[ $output == *"STATE    whole"* ]]
    [[ $output == *"VERDICT  fails on xen-4.1/32/xapi (the default for xapi images)"* ]]
    [[ $output == *"log: Max batch size exceeded (1970103633)"* ]]
    # a command to paste, with the file's name as a word for a shell, and the recipe
    [[ $output == *"Fixable: xsrecover fix $failure -t xen-4.1/32/xapi"$'\n'*"recipe insert-checkpoint"* ]]
    # the verdict stands last: no head, state or finding comes behind it
    sed '1,/^VERDICT /d' <<<"$output" | grep -vqE '^ ' && return 1
    run "$xsdump" --no-pager -t xen-3.4/32 "$failure"
    [[ $output == *"VERDICT  restores on xen-3.4/32"* ]]
    [ $((status & 2)) -eq 0 ]
}

@test "2011: JSON as the contract has it" {
    "$xsdump" --json "$failure" >"$BATS_TEST_TMPDIR/json" || :
    jq -e '.images[0] | (.verdicts | length == 1) and (.verdicts[0] |
        .target == "xen-4.1/32/xapi" and .verdict == "fails" and .rc == 0 and .checkpoints == 1 and
        .pages == 24 and .hvmctx_len == 4024 and .qemu_bytes == null and .findings == ["XS-L09"] and
        (.errors[0] | test("^Max batch size exceeded \\(1970103633\\)"))) and
        (.findings | map(select(.code == "XS-L09")) | length == 1 and (.[0] |
            .severity == "error" and .targets == ["xen-4.1/32/xapi"] and .fix == "insert-checkpoint" and
            .offset == 106571)) and .exit == 2' "$BATS_TEST_TMPDIR/json"
}

@test "a target that is no reader: exit 16 before any image is read, and the near names" {
    run "$xsdump" -t xen-4.7x/xapi "$BATS_TEST_TMPDIR/missing.img"
    [ "$status" -eq 16 ]
    [[ $output == *"xen-4.7"* && $output == *--list-readers* && $output != *missing.img* ]]
    [ "$(status_of "$xsdump" --target= "$failure")" -eq 16 ]
    [ "$(status_of "$xsdump" -t xen-3.4/xapi "$failure")" -eq 16 ]
}

@test "targets may be written in any case, by alias, and twice" {
    [ "$(verdicts -t XEN-4.3/32 -t xen-4.3.4/32 "$failure" | jq -r .target)" = xen-4.3.4/32 ]
    [ "$(verdicts -t xen-4.4/32/XEND "$failure" | jq -r .target)" = xen-4.4/32/remus ]
}

@test "exit bit 2: when any target does not restore, and only then" {
    local name restored status
    for name in "${some[@]}"; do
        for target in '' all; do
            status=0
            "$xsdump" -q --json ${target:+-t "$target"} "$samples/$name.img" >"$BATS_TEST_TMPDIR/json" || status=$?
            restored=$(jq '[.images[0].verdicts[].verdict == "restores"] | all' "$BATS_TEST_TMPDIR/json")
            case $restored:$((status & 2)) in
            true:0 | false:2) ;;
            *) echo "$name $target: restored is $restored, exit status $status"; return 1 ;;
            esac
        done
    done
}

@test "JSON: every verdict has its keys, and null where there is no number" {
    local name
    for name in "${some[@]}"; do
        "$xsdump" -q --json -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/json" || [ $? -lt 8 ]
        jq -e '.images[0].verdicts | length > 0 and all(.[];
            (.target | test("^xen-[34]\\.[0-9]+(\\.[0-9]+)?(/32)?(/xapi)?(/remus)?(/libxc)?$")) and
            (.verdict | IN("restores", "loses", "fails", "undefined")) and
            (if .verdict == "undefined" then .rc == null
             else (.rc | type == "number" or IN("SIGSEGV", "SIGFPE", "SIGABRT", "HANG")) end) and
            (.consumed | type == "number") and (.checkpoints | type == "number") and
            ([.pages, .vcpus_set, .hvmctx_len, .qemu_bytes] | all(.[]; . == null or . >= 0)) and
            (.errors | type == "array" and length <= 8) and (.conditions | type == "array") and
            (.findings | all(.[]; test("^XS-[CLVXQHG][0-9]{2}$"))) and
            (if .verdict == "restores" then .rc == 0 else .reason != null end))' \
            "$BATS_TEST_TMPDIR/json" >/dev/null || { echo "$name"; return 1; }
    done
}

@test "JSON: targets of a finding are judged readers that do not restore, and name it" {
    local name
    for name in "${some[@]}"; do
        "$xsdump" -q --json -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/json" || [ $? -lt 8 ]
        jq -e '.images[0] | [.verdicts[] | select(.verdict != "restores")] as $bad |
            # each code of a verdict is a finding of the image
            (([.verdicts[].findings[]] | unique) - [.findings[].code] == []) and
            (.findings | all(.[]; . as $f | .severity != "error" or .targets == [] or
                all(.targets[]; . as $t | any($bad[]; .target == $t and any(.findings[]; . == $f.code)))))' \
            "$BATS_TEST_TMPDIR/json" >/dev/null || { echo "$name"; return 1; }
    done
}

@test "JSONL: findings, then verdicts, then end, with the document's contents" {
    local name
    for name in "${some[@]}"; do
        "$xsdump" --jsonl -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/lines" || [ $? -lt 8 ]
        "$xsdump" --json -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/json" || [ $? -lt 8 ]
        jq -es '[.[].record] | .[0] == "image" and .[-1] == "end" and
            (index("verdict") as $v | $v != null and all(.[$v:-1][]; . == "verdict"))' "$BATS_TEST_TMPDIR/lines" >/dev/null ||
            { echo "$name: order"; return 1; }
        for record in finding verdict; do
            diff <(jq -c "select(.record == \"$record\") | del(.record, .schema, .file)" "$BATS_TEST_TMPDIR/lines" | sort) \
                <(jq -c ".images[0].${record}s[]" "$BATS_TEST_TMPDIR/json" | sort) || { echo "$name: $record"; return 1; }
        done
    done
}

@test "-q keeps the verdicts" {
    [ "$("$xsdump" -q --jsonl "$failure" | jq -r .record | grep -c verdict)" -eq 1 ]
    "$xsdump" -q "$failure" | grep -q '^VERDICT '
}

# Verdicts of a pipe that needed nothing which lies behind: nobody can go back to a page of the
# guest there, and what depends on one is a condition that says so.
sure() {
    jq -c 'select(.conditions | any(.[]; test("looked at")) | not)'
}

@test "agreement: a pipe and a file get equal verdicts, but for what a pipe cannot look at" {
    local name
    for name in "${some[@]}"; do
        verdicts -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/file"
        # shellcheck disable=SC2002 # a pipe is the point
        cat "$samples/$name.img" | verdicts -t all - >"$BATS_TEST_TMPDIR/pipe"
        diff <(jq .target "$BATS_TEST_TMPDIR/file") <(jq .target "$BATS_TEST_TMPDIR/pipe")
        sure <"$BATS_TEST_TMPDIR/pipe" | grep -vxFf "$BATS_TEST_TMPDIR/file" && { echo "$name"; return 1; }
        diff <(verdicts "$samples/$name.img") <(verdicts - <"$samples/$name.img") || { echo "$name"; return 1; }
    done
    [ -s "$BATS_TEST_TMPDIR/pipe" ]
}

@test "agreement: one at a time the readers say what they say together" {
    local name target
    for name in 2011-xapi-hvm xend-hvm-3.4 stray-qemu-pv; do
        verdicts -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/all"
        for target in $(jq -r .target "$BATS_TEST_TMPDIR/all"); do
            diff <(jq -c "select(.target == \"$target\")" "$BATS_TEST_TMPDIR/all") <(verdicts -t "$target" "$samples/$name.img") ||
                { echo "$name $target"; return 1; }
        done
    done
}

# The table of --target all on an image, alone.
table() {
    "$xsdump" -q --no-pager -t all "$1" | sed -n '/^READER(S)/,/^VERDICT  /p'
}

@test "--target all: a table of less than a screen, and what helps below it" {
    local name text
    for name in "${some[@]}"; do
        text=$(table "$samples/$name.img")
        [ "$(wc -l <<<"$text")" -lt 24 ] || { echo "$name: $text"; return 1; }
        head -n 1 <<<"$text" | grep -qE '^READER\(S\) +OUTCOME +RC +WHY'
        tail -n 1 <<<"$text" | grep -qE '^VERDICT  '
    done
    text=$("$xsdump" -q --no-pager -t all "$failure" || :)
    tail -n 2 <<<"$text" | head -n 1 | grep -qF "Fixable: xsrecover fix $failure -t xen-4.1/32/xapi"
}

# The readers that a cell of the table's first column stands for.
in_cell() {
    local cell=$1 variant from to
    case $cell in
    *' … '*)
        from=${cell%% … *} to=${cell##* … }
        variant=${from#"${from%%/*}"}
        awk -v from="$from" -v to="$to" -v variant="$variant" '
            { name = $0; sub(/^[^\/]*/, "", name) }
            name != variant { next }
            $0 == from { on = 1 }
            on { print }
            $0 == to { on = 0 }' "$BATS_TEST_TMPDIR/names"
        ;;
    *) sed 's/, /\n/g' <<<"$cell" ;;
    esac
}

@test "--target all: each reader stands in one line, with its outcome" {
    local name line cell outcome reader
    for name in "${some[@]}"; do
        verdicts -t all "$samples/$name.img" >"$BATS_TEST_TMPDIR/all"
        jq -r .target "$BATS_TEST_TMPDIR/all" >"$BATS_TEST_TMPDIR/names"
        jq -r '"\(.target) \(.verdict)"' "$BATS_TEST_TMPDIR/all" | sort >"$BATS_TEST_TMPDIR/want"
        table "$samples/$name.img" | sed '1d; $d' | while IFS= read -r line; do
            outcome=$(grep -oE '  (restores|loses|fails|undefined) ' <<<"$line" | head -n 1 | tr -d ' ')
            cell=$(sed -E "s/ +$outcome .*//" <<<"$line")
            in_cell "$cell" | while read -r reader; do echo "$reader $outcome"; done
        done | sort >"$BATS_TEST_TMPDIR/got"
        diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got" || { echo "$name"; return 1; }
    done
}

@test "the head repeats the verdict when the rows exceed the screen" {
    local image rows text
    while read -r image; do
        rows=$("$xsdump" --no-pager "$image" | grep -cE '^0x[0-9a-f]+ ' || :)
        [ "$rows" -gt 19 ] || continue # with head, findings and verdict more than 24 lines
        text=$("$xsdump" --no-pager "$image" || :)
        grep -q '^VERDICT ' <<<"$text" || continue
        head -n 8 <<<"$text" | grep -qE '^verdict +(restores|loses|fails|undefined) on '
        "$xsdump" --no-pager "$failure" | grep -q '^verdict ' && return 1
        return 0
    done < <(images 300)
    echo "no sample has so many rows"
    return 1
}

@test "an image that nobody could read has no verdict" {
    head -c 20000 /dev/zero | tr '\0' 'k' >"$BATS_TEST_TMPDIR/noise"
    [ -z "$("$xsdump" -q --json -t all "$BATS_TEST_TMPDIR/noise" | jq -c '.images[0].verdicts[]')" ]
    "$xsdump" --no-pager "$BATS_TEST_TMPDIR/noise" | grep -q '^VERDICT' && return 1
    [ $(($(status_of "$xsdump" -t all "$BATS_TEST_TMPDIR/noise") & 18)) -eq 16 ]
}

@test "--list-readers: all series, each reader once; the names are targets" {
    local name series
    "$xsdump" --list-readers --json >"$BATS_TEST_TMPDIR/readers"
    jq -e 'all(.[]; (.name | type == "string") and (.readers | length > 0) and (.aliases | type == "array") and
        (.variants | type == "array") and (.reads | IN("libxc-legacy", "libxc-v2")) and .covers != null)' \
        "$BATS_TEST_TMPDIR/readers"
    [ -z "$(jq -r '.[].readers[]' "$BATS_TEST_TMPDIR/readers" | sort | uniq -d)" ]
    for series in 3.{0..4} 4.{0..22}; do
        jq -e --arg name "xen-$series" 'any(.[]; .name == $name or any(.aliases[]; . == $name))' \
            "$BATS_TEST_TMPDIR/readers" >/dev/null || { echo "xen-$series"; return 1; }
        [ "$(status_of "$xsdump" -q -t "xen-$series" "$failure")" -lt 8 ] || { echo "-t xen-$series"; return 1; }
    done
    for name in $(jq -r '.[].name' "$BATS_TEST_TMPDIR/readers"); do
        "$xsdump" --list-readers | grep -qE "^$name +" || { echo "$name"; return 1; }
    done
}
