#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# JSON and JSONL, schema 1. Property 8, agreement: text and JSON give the same offsets.
load common

# What holds for every image object of a document.
schema='
def number: type == "number" or (type == "string" and test("^[0-9]+$"));
def place: type == "number" or . == null;
.schema == 1 and (.tool | test("^xsdump [0-9]")) and (.images | length == 1) and (.images[0] |
  (.file | type == "string") and (.kind | IN("file", "block", "pipe")) and (.size | place) and
  (.file_size | place) and (.stack | type == "array") and (.stream_end | number) and
  (.guest | (.type == null or (.type | IN("pv", "hvm", "pvh"))) and
    (.toolstack_bits | IN(32, 64, null)) and (.guest_bits | IN(32, 64, null)) and
    has("p2m_size") and has("vcpus") and has("name") and has("uuid")) and
  (has("writer")) and (.verdicts | all(.[]; (.target | test("^xen-[34]\\.")) and
    (.verdict | IN("restores", "loses", "fails", "undefined")) and has("rc") and (.consumed | number) and
    (.checkpoints | number) and ([.errors, .conditions, .findings] | all(.[]; type == "array")) and
    ([.pages, .vcpus_set, .hvmctx_len, .qemu_bytes] | all(.[]; . == null or number)))) and
  (.findings | all(.[]; (.code | test("^XS-[CLVXQHG][0-9]{2}$")) and (.slug | type == "string") and
    (.severity | IN("info", "warning", "error")) and (.offset | number) and (.length | number) and
    (.targets | type == "array") and has("fix") and (.text | type == "string"))) and
  (.chunks | all(.[]; (.index | number) and (.offset | number) and (.length | number) and
    (.layer | type == "string") and (.type | type == "string") and has("id") and
    (.pages | number) and (.fields | type == "object"))))'

@test "--json follows schema 1 on every image" {
    local image
    while read -r image; do
        dump --json "$image" >"$BATS_TEST_TMPDIR/json"
        jq -e "$schema" "$BATS_TEST_TMPDIR/json" >/dev/null || { echo "$image"; return 1; }
    done < <(images | awk 'NR % 6 == 0')
}

@test "--json: the chunks tile every image" {
    local image
    while read -r image; do
        dump --json "$image" | jq -e '.images[0] | .size as $size | (reduce .chunks[] as $c (0;
            if $c.offset == . then . + $c.length else error("at \(.)") end)) as $total |
            $size == null or $size == $total' >/dev/null || # null: the source broke before its end
            { echo "$image"; return 1; }
    done < <(images | awk 'NR % 6 == 0')
}

@test "--jsonl: the records of the contract, in its order, with the document's contents" {
    local image
    while read -r image; do
        dump --json "$image" | jq -c '.images[0] | .chunks, .findings, .stack' >"$BATS_TEST_TMPDIR/json"
        dump --jsonl "$image" >"$BATS_TEST_TMPDIR/jsonl"
        jq -es '.[0].record == "image" and .[-1].record == "end" and all(.[]; .schema == 1 and
            (.file | type == "string") and (.record | IN("image", "chunk", "finding", "verdict", "end")))' \
            "$BATS_TEST_TMPDIR/jsonl" >/dev/null || { echo "$image"; return 1; }
        # chunks alike, apart from the keys that make a line stand alone
        diff <(jq -c 'select(.record == "chunk") | del(.record, .schema, .file)' "$BATS_TEST_TMPDIR/jsonl" | jq -Sc .) \
            <(jq -c 'select(type == "array" and (.[0] | type) == "object" and (.[0] | has("index"))) | .[]' \
                "$BATS_TEST_TMPDIR/json" | jq -Sc .) >/dev/null || { echo "$image"; return 1; }
        [ "$(jq -c 'select(.record == "finding")' "$BATS_TEST_TMPDIR/jsonl" | wc -l)" -eq \
            "$(sed -n 2p "$BATS_TEST_TMPDIR/json" | jq length)" ] || { echo "$image"; return 1; }
    done < <(images | awk 'NR % 7 == 1')
}

@test "--json: several images in one document, in the order given" {
    mapfile -t list < <(images | head -n 3)
    dump --json "${list[@]}" >"$BATS_TEST_TMPDIR/json"
    [ "$(jq -c '[.images[].file]' "$BATS_TEST_TMPDIR/json")" = \
        "$(printf '%s\n' "${list[@]}" | jq -Rnc '[inputs]')" ]
}

@test "agreement: -a and --json give the same offsets, lengths and types" {
    local image
    while read -r image; do
        dump -a "$image" | awk '/^0x[0-9a-f]+ / { print $1, $2, $4 }' >"$BATS_TEST_TMPDIR/text"
        dump --json "$image" | jq -r '.images[0].chunks[] | "\(.offset) \(.length) \(.type)"' |
            while read -r offset length type; do
                printf '0x%08x %s %s\n' "$offset" "$length" "$type"
            done >"$BATS_TEST_TMPDIR/json"
        diff "$BATS_TEST_TMPDIR/text" "$BATS_TEST_TMPDIR/json" || { echo "$image"; return 1; }
    done < <(images | awk 'NR % 7 == 2')
}

@test "agreement: the text names every warning and error of the JSON" {
    local image code text
    while read -r image; do
        text=$(dump "$image")
        for code in $(dump --json "$image" | jq -r '.images[0].findings[] |
            select(.severity != "info") | .code' | sort -u); do
            [[ $text == *"$code"* ]] || { echo "$image: $code"; return 1; }
        done
    done < <(images | awk 'NR % 6 == 0')
}

# What a reader's model would have to look up in a page of the guest is a condition on a pipe, so
# such a verdict, and what follows from it, is left out of the comparison.
@test "agreement: a pipe gives the JSON of the file" {
    local image facts
    while read -r image; do
        facts='.images[0] | del(.file, .kind, .size, .file_size)'
        # shellcheck disable=SC2002 # a pipe is the point
        cat "$image" | dump --json - >"$BATS_TEST_TMPDIR/json"
        jq -e '.images[0].verdicts | any(.[].conditions[]; test("looked at"))' "$BATS_TEST_TMPDIR/json" >/dev/null &&
            facts+=' | del(.verdicts, .findings, .exit)'
        jq -S "$facts" "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/pipe"
        dump --json "$image" | jq -S "$facts" | diff - "$BATS_TEST_TMPDIR/pipe" || { echo "$image"; return 1; }
    done < <(images | awk 'NR % 7 == 3')
}
