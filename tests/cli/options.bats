#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Options of xsdump.
load common

setup() {
    image=$(sound)
}

@test "--version and --help need no image" {
    [[ $("$xsdump" --version) == "xsdump 0."* ]]
    "$xsdump" --help | grep -q -- --jsonl
    [ "$(status_of "$xsdump" --help)" -eq 0 ]
}

@test "options stand anywhere; -- ends them" {
    [ "$("$xsdump" --json "$image")" = "$("$xsdump" "$image" --json)" ]
    [ "$("$xsdump" --json -- "$image")" = "$("$xsdump" --json "$image")" ]
}

@test "--list-findings: each code once, in a frozen form" {
    "$xsdump" --list-findings | grep -oE 'XS-[A-Z][0-9]{2}' | sort >"$BATS_TEST_TMPDIR/codes"
    [ -s "$BATS_TEST_TMPDIR/codes" ]
    [ -z "$(uniq -d "$BATS_TEST_TMPDIR/codes")" ]
}

@test "--explain: every code there is, without an image" {
    local code
    for code in $("$xsdump" --list-findings | grep -oE 'XS-[A-Z][0-9]{2}'); do
        [ "$("$xsdump" --explain "$code" | wc -c)" -gt 100 ]
    done
}

@test "--explain 1970103633: what a reader took for a page count in 2011" {
    run "$xsdump" --explain 1970103633
    [ "$status" -eq 0 ]
    [[ $output == *0x756d6551* && $output == *Qemu* ]]
}

@test "-a has a row per chunk, as many as JSON has chunks" {
    local rows chunks
    rows=$(dump -a "$image" | grep -cE '^0x[0-9a-f]+ ')
    chunks=$("$xsdump" --json "$image" | jq '.images[0].chunks | length')
    [ "$rows" -eq "$chunks" ]
}

@test "--range gives these chunks and no others" {
    [ "$("$xsdump" --json -r 1-3 "$image" | jq -c '[.images[0].chunks[].index]')" = '[1,2,3]' ]
    [ "$("$xsdump" --json -r 2 "$image" | jq -c '[.images[0].chunks[].index]')" = '[2]' ]
}

@test "-q leaves the chunks out" {
    [ "$("$xsdump" -q --jsonl "$image" | jq -r .record | grep -c chunk)" -eq 0 ]
    [ "$("$xsdump" -q --jsonl "$image" | jq -r .record | grep -c end)" -eq 1 ]
}

@test "--offset and --length: a window is an image of its own" {
    local file=$BATS_TEST_TMPDIR/window size
    size=$(stat -c %s "$image")
    { head -c 12345 /dev/urandom; cat "$image"; head -c 777 /dev/urandom; } >"$file"
    "$xsdump" --json --offset 12345 --length "$size" "$file" | jq '.images[0] | .chunks, .size' >"$file.a"
    "$xsdump" --json "$image" | jq '.images[0] | .chunks, .size' >"$file.b"
    cmp "$file.a" "$file.b"
    [ "$("$xsdump" --json --offset 12345 "$file" | jq '.images[0].file_size')" -eq $((size + 12345 + 777)) ]
}

@test "compressed images list like plain ones" {
    local file=$BATS_TEST_TMPDIR/image name tool
    "$xsdump" --json "$image" | jq '.images[0].chunks' >"$file.plain"
    while read -r name tool; do
        $tool <"$image" >"$file.$name"
        "$xsdump" --json "$file.$name" >"$file.json"
        jq '.images[0].chunks' "$file.json" | cmp - "$file.plain"
        [ "$(jq -r '.images[0].stack[0]' "$file.json")" = "$name" ]
    done <<'TOOLS'
gzip gzip -c
bzip2 bzip2 -c
xz xz -c
zstd zstd -qc
lz4 lz4 -qc
TOOLS
}

@test "compressed twice is opened, three times is said" {
    gzip -c "$image" | zstd -qc >"$BATS_TEST_TMPDIR/two"
    [ "$("$xsdump" --json "$BATS_TEST_TMPDIR/two" | jq -c '.images[0].stack[0:2]')" = '["zstd","gzip"]' ]
    xz -c "$BATS_TEST_TMPDIR/two" >"$BATS_TEST_TMPDIR/three"
    [ "$(status_of "$xsdump" "$BATS_TEST_TMPDIR/three")" -ne 0 ]
}

@test "a pipe lists like the file" {
    dump -a "$image" | grep -vE '^(image|STATE) |: xsdump ' >"$BATS_TEST_TMPDIR/file"
    dump -a - <"$image" | grep -vE '^(image|STATE) |: xsdump ' >"$BATS_TEST_TMPDIR/redirected"
    # shellcheck disable=SC2002 # a pipe is the point
    cat "$image" | dump -a - | grep -vE '^(image|STATE) |: xsdump ' >"$BATS_TEST_TMPDIR/pipe"
    diff "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/redirected"
    diff "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/pipe"
}

@test "a descriptor begins at its position" {
    local base=$BATS_TEST_TMPDIR/behind
    { printf 'a line of something else\n'; cat "$image"; } >"$base"
    { read -r _; "$xsdump" --json - | jq '.images[0].chunks' >"$base.json"; } <"$base"
    "$xsdump" --json "$image" | jq '.images[0].chunks' | cmp - "$base.json"
}

@test "--as list shows every layer and a reason" {
    run "$xsdump" --as list "$image"
    [ "$status" -lt 8 ]
    for layer in xl xend xapi libvirt libxl-v2 libxc-v3 libxc-legacy64; do
        [[ $output == *"$layer"* ]]
    done
}

@test "--as forces: the detected stack changes nothing" {
    local stack
    stack=$("$xsdump" --json "$image" | jq -r '.images[0].stack | join(",")')
    [ "$("$xsdump" --json --as "$stack" "$image" | jq -c '.images[0].chunks')" = \
        "$("$xsdump" --json "$image" | jq -c '.images[0].chunks')" ]
}

@test "--color: never in a pipe, always when told, not with NO_COLOR" {
    [ "$("$xsdump" --no-pager "$image" | grep -c $'\e')" -eq 0 ]
    [ "$("$xsdump" --no-pager --color always "$image" | grep -c $'\e')" -gt 0 ]
    [ "$(NO_COLOR=1 "$xsdump" --no-pager --color auto "$image" | grep -c $'\e')" -eq 0 ]
}

@test "--progress-fd writes lines of two numbers and ends at the size" {
    "$xsdump" --no-pager --progress-fd 3 "$image" 3>"$BATS_TEST_TMPDIR/progress" >/dev/null
    grep -qE '^[0-9]+ ([0-9]+|-)$' "$BATS_TEST_TMPDIR/progress"
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/progress" | cut -d' ' -f1)" -eq "$(stat -c %s "$image")" ]
}

@test "--pages counts the pages that the listing counts" {
    local pages
    pages=$("$xsdump" --json "$image" | jq '[.images[0].chunks[].pages] | add')
    dump --pages "$image" | grep -q "$pages"
}

@test "-x shows the first bytes of the image" {
    local first
    first=$(od -An -tx1 -N4 "$image" | sed 's/^ *//')
    dump -vv -x "$image" | grep -q "$first"
}
