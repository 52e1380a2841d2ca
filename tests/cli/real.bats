#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The bundled images that real Xen wrote (samples/real): stack, guest and width, the boundaries to
# the byte, and findings where the description calls for some and nowhere else.
load common

xen=/usr/lib/xen-4.17
against=$XSI_TOP/tests/lib/against.py

real=${XSI_REAL:-$XSI_TOP/build/real}

setup() {
    [ -d "$real" ] || skip "samples/unpack build/real was not run"
}

# rows of an index: name guest what
legacy_rows() {
    tail -n +2 "$real/truth/INDEX.tsv" | cut -f 1,2,5 | tr '\t' '|'
}

@test "legacy truth set: stack, guest type and width" {
    local name guest what json=$BATS_TEST_TMPDIR/json bits
    while IFS='|' read -r name guest what; do
        # too little is left, or it is told to be read as what it is not
        case $what in *'bytes only'* | *'p2m_size only'*) continue ;; esac
        bits=64
        [[ $name == *tools32* ]] && bits=32
        dump --json "$real/truth/$name.img" >"$json"
        jq -e --arg guest "$guest" --argjson bits $bits '.images[0] |
            .stack[0] == "libxc-legacy\($bits)" and .guest.toolstack_bits == $bits and
            (.guest.type == $guest or $guest == "pv" and .guest.type == null)' "$json" >/dev/null ||
            { echo "$name ($what): $(jq -c '.images[0] | .stack, .guest' "$json")"; return 1; }
    done < <(legacy_rows | grep -v 'restored with the PV flag')
}

@test "legacy truth set: intact images have no error and are whole" {
    local name guest what json=$BATS_TEST_TMPDIR/json
    while IFS='|' read -r name guest what; do
        [ "$what" = whole ] || continue
        dump --json "$real/truth/$name.img" >"$json"
        jq -e '.images[0].findings | map(select(.severity == "error")) == []' "$json" >/dev/null ||
            { echo "$name: $(jq -c '.images[0].findings' "$json")"; return 1; }
        [ $(($(status_of "$xsdump" "$real/truth/$name.img") & 28)) -eq 0 ] || { echo "$name"; return 1; }
    done < <(legacy_rows)
}

@test "legacy truth set: what was cut is called truncated" {
    local name guest what
    while IFS='|' read -r name guest what; do
        case $what in *undetectable* | *'QEMU blob'*) continue ;; *cut*) ;; *) continue ;; esac
        [ $(($(status_of "$xsdump" "$real/truth/$name.img") & 4)) -eq 4 ] ||
            { echo "$name: $what"; return 1; }
    done < <(legacy_rows)
}

@test "legacy truth set: boundaries of the intact, as the reference walker has them" {
    local name guest what rows=$BATS_TEST_TMPDIR/rows
    while IFS='|' read -r name guest what; do
        [ "$what" = whole ] || continue
        python3 "$XSI_TOP/tests/lib/legacy_walk.py" "$real/truth/$name.img" >"$rows" ||
            { echo "$name: reference walker"; return 1; }
        dump --json "$real/truth/$name.img" >"$rows.json"
        python3 "$against" walk "$rows.json" "$rows" || { echo "$name"; return 1; }
    done < <(legacy_rows)
}

@test "revive set: container, guest and width" {
    local name guest bits writer container rest json=$BATS_TEST_TMPDIR/json
    while IFS='|' read -r name guest bits writer container rest; do
        case $name in *cut-p2msize*) continue ;; esac
        [ "$guest" = pvh ] && guest=hvm
        dump --json "$real/revive/$name" >"$json"
        jq -e --arg guest "$guest" --arg bits "$bits" --arg box "$container" '.images[0] |
            (.stack | index("libxc-legacy\($bits)")) != null and
            ($box == "none" or .stack[0] == $box) and (.guest.type == $guest or .guest.type == "pvh")' \
            "$json" >/dev/null || { echo "$name: $(jq -c '.images[0] | .stack, .guest' "$json")"; return 1; }
    done < <(tail -n +2 "$real/revive/INDEX.tsv" | tr '\t' '|')
}

@test "revive set: dead and repairable images have an error or are truncated" {
    local name expect
    while read -r name expect; do
        case $expect in dead | repairable) ;; *) continue ;; esac
        [ $(($(status_of "$xsdump" "$real/revive/$name") & 22)) -ne 0 ] ||
            { echo "$name: $expect"; return 1; }
    done < <(tail -n +2 "$real/revive/INDEX.tsv" | awk -F'\t' '{ print $1, $NF }')
}

@test "real saves: xl > libxl-v2 > libxc-v3, whole" {
    local image json=$BATS_TEST_TMPDIR/json
    for image in "$real"/saves/xl-*; do
        dump --json "$image" >"$json"
        jq -e '.images[0] | .stack[0:3] == ["xl", "libxl-v2", "libxc-v3"] and
            (.findings | map(select(.severity == "error")) == [])' "$json" >/dev/null ||
            { echo "$image: $(jq -c '.images[0] | .stack, .findings' "$json")"; return 1; }
        [ $(($(status_of "$xsdump" "$image") & 28)) -eq 0 ] || { echo "$image"; return 1; }
    done
}

@test "real saves: record for record as verify-stream-v2 -v" {
    local image json=$BATS_TEST_TMPDIR/json
    [ -e "$xen/bin/verify-stream-v2" ] || skip "no xen-utils-4.17"
    for image in "$real"/saves/xl-*; do
        dump --json "$image" >"$json"
        PYTHONPATH=$xen/lib/python /usr/bin/python3 "$xen/bin/verify-stream-v2" -v -f xl -i "$image" \
            >"$json.theirs"
        python3 "$against" verify "$json" "$json.theirs" || { echo "$image"; return 1; }
    done
}

@test "v2 truth set: the intact have their stack and guest" {
    local name guest json=$BATS_TEST_TMPDIR/json
    while read -r name; do
        dump --json "$real/v2/$name" >"$json"
        jq -e '.images[0].stack | any(.[]; startswith("libxc-v"))' "$json" >/dev/null ||
            { echo "$name: $(jq -c '.images[0].stack' "$json")"; return 1; }
        guest=${name#xl-}
        jq -e --arg guest "${guest%%-*}" '.images[0].guest.type == $guest or $guest == "pvh" and
            .images[0].guest.type == "hvm"' "$json" >/dev/null ||
            { echo "$name: $(jq -c '.images[0].guest' "$json")"; return 1; }
    done < <(find "$real/v2" -type f -name '*-intact' -printf '%f\n' | sort)
}

@test "shared saves: a Linux guest too agrees with verify-stream-v2" {
    local image=$BATS_TEST_TMPDIR/image file
    [ -d "${XSI_SHARED:-/nonexistent}/images" ] || skip "XSI_SHARED is not set"
    [ -e "$xen/bin/verify-stream-v2" ] || skip "no xen-utils-4.17"
    for file in "$XSI_SHARED"/images/*.zst; do
        zstd -qdf --sparse "$file" -o "$image"
        dump --json "$image" >"$image.json"
        PYTHONPATH=$xen/lib/python /usr/bin/python3 "$xen/bin/verify-stream-v2" -v -f xl -i "$image" \
            >"$image.theirs"
        python3 "$against" verify "$image.json" "$image.theirs" || { echo "$file"; return 1; }
    done
}
