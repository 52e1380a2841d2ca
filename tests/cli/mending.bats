#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Every recipe on every bundled image, for its default reader and some neighbours; and on the whole
# truth set where XSI_SHARED names it. The tables stay in build/check: recipe, image, reader,
# verdict before and after, what it loses and guesses, and why others stay as they are.
load common

mending=$XSI_TOP/build/mending
real=${XSI_REAL:-$XSI_TOP/build/real}
tables=$XSI_TOP/build/check

# image, readers, stack to force: what tests/mending reads
legacy_rows() { # FOLDER
    awk -F'\t' -v folder="$1" 'NR > 1 { r[$1] = r[$1] (r[$1] == "" ? "" : ",") $2 }
        END { for (image in r) printf "%s/%s.img\t%s\n", folder, image, r[image] }' \
        "$1/expected.tsv" | sort
}

v2_rows() { # FOLDER EXPECTED
    awk -F'\t' -v folder="$1" 'NR > 1 {
        kind = $2 ~ /^pvh/ ? "pvh" : $2 ~ /^pv/ ? "pv" : "hvm"
        if ($3 == "libxc") printf "%s/%s\txen-4.17/libxc\tlibxc-v3:%s\n", folder, $1, kind
        if ($3 == "xl") printf "%s/%s\txen-4.17\n", folder, $1 }' "$2" | sort
}

near_rows() { # FOLDER
    find "$1/" -type f -name '*.img' | sort | sed 's/$/\tnear/'
}

# The generator's images, with the image that a damaged one was made of.
sample_rows() {
    grep -H '^# proof: damage of ' "$XSI_TOP"/samples/recipes/*.recipe |
        sed 's|.*/\([^/]*\)\.recipe:# proof: damage of |\1 |' |
        awk -v folder="$XSI_TOP/build/samples" 'NR == FNR { of[folder "/" $1 ".img"] = $2; next }
            { printf "%s\tnear", $1
              if ($1 in of) printf "\t\t\t\t%s/%s.img", folder, of[$1]
              print "" }' - <(find "$XSI_TOP/build/samples/" -type f -name '*.img' | sed 's|//|/|' | sort)
}

# Rows of tests/data/mending.tsv whose image is there.
asked_rows() {
    local image rest path
    grep -v '^#' "$XSI_TOP/tests/data/mending.tsv" | while read -r image; do
        rest=${image#*$'\t'} image=${image%%$'\t'*}
        for path in "$XSI_TOP/build/samples/$image.img" "$real/revive/$image.img" "$real/v2/$image"; do
            [ ! -e "$path" ] || printf '%s\t%s\n' "$path" "$rest"
        done
    done
}

# The list on standard input; files are written on a disk, because undo files refuse a tmpfs.
run_list() { # NAME OPTION…
    local name=$1 status=0
    shift
    mkdir -p "$tables/mending-$name"
    "$mending" "$@" -w "$tables/mending-$name" >"$tables/mending-$name.txt" 2>&1 || status=$?
    rm -rf "$tables/mending-$name"
    echo "$status" >"$BATS_FILE_TMPDIR/$name.status"
}

setup_file() {
    local set=${XSI_SHARED:-/nonexistent}/truth folder=$BATS_FILE_TMPDIR/shared
    [ -x "$mending" ] || return 0
    {
        sample_rows
        asked_rows
        if [ -d "$real/truth" ]; then
            legacy_rows "$real/truth"
            near_rows "$real/revive"
            zstd -q -d -c "$XSI_TOP/samples/real/v2.expected.tsv.zst" >"$BATS_FILE_TMPDIR/v2.tsv"
            v2_rows "$real/v2" "$BATS_FILE_TMPDIR/v2.tsv"
        fi
    } | run_list bundled -a -k 1024
    [ -d "$set" ] || return 0
    mkdir -p "$folder/v2"
    tar -I 'zstd --long=27' -C "$folder" -xf "$set/images.tar.zst"
    tar -I 'zstd --long=27' -C "$folder/v2" -S -xf "$set/v2/images.tar.zst"
    cp "$set/expected.tsv" "$(dirname "$(find "$folder" -name hvm-3.4-live.img)")"
    {
        legacy_rows "$(dirname "$(find "$folder" -name hvm-3.4-live.img)")"
        v2_rows "$(dirname "$(find "$folder/v2" -name xl-pv-intact)")" "$set/v2/expected.tsv"
    } | run_list shared -k 0
}

# A property held wherever it was tried, and it was tried.
holds() { # LIST PROPERTY
    local table=$tables/mending-$1.txt
    [ -e "$BATS_FILE_TMPDIR/$1.status" ] || skip "${3:-build/mending is not built}"
    if grep "^BROKEN $2:" "$table"; then return 1; fi
    grep -E "^property $2 +[1-9][0-9]* held +0 broken" "$table"
}

shared() {
    [ -n "${XSI_SHARED:-}" ] || skip "XSI_SHARED is not set"
    holds shared "$1"
}

@test "mending ends on every bundled image" { holds bundled ends; }
@test "idempotent: mending a mended image stages nothing" { holds bundled idempotent; }
@test "idempotent: a mended image has no new error" { holds bundled clean; }
@test "the file that is written is the overlay that was judged" { holds bundled overlay; }
@test "no-clobber: a file that is there is refused, the image itself too" { holds bundled no-clobber; }
@test "the original is untouched without in place" { holds bundled untouched; }
@test "in place gives the bytes of a new file" { holds bundled in-place; }
@test "undo: gives the original bytes" { holds bundled undo; }
@test "undo: a second one is refused" { holds bundled undo-twice; }
@test "undo: of a changed image is refused" { holds bundled undo-changed; }
@test "a plan fitted into the slack keeps its verdict" { holds bundled fit; }

@test "every recipe takes an image from fails to restores" {
    local table=$tables/mending-bundled.txt
    [ -e "$BATS_FILE_TMPDIR/bundled.status" ] || skip "build/mending is not built"
    [ -d "$real/truth" ] || skip "samples/unpack build/real was not run"
    sed -n '/^RECIPE /,/^property /p' "$table"
    grep -q '^RECIPE ' "$table"
    if grep -E 'NOT EXERCISED|NEVER FROM' "$table"; then return 1; fi
}

@test "many a damaged image becomes what it was, byte for byte" {
    [ -e "$BATS_FILE_TMPDIR/bundled.status" ] || skip "build/mending is not built"
    grep 'byte for byte$' "$tables/mending-bundled.txt"
    [ "$(awk '/byte for byte$/ { print $1 }' "$tables/mending-bundled.txt")" -ge 200 ]
}

@test "what is not mended says why" {
    [ -e "$BATS_FILE_TMPDIR/bundled.status" ] || skip "build/mending is not built"
    awk '/^\(unfixed\)/ { getline reason; if (reason !~ /^    reason [^ ]/) { print; bad = 1 } }
        END { exit bad }' "$tables/mending-bundled.txt"
}

@test "guests that can be brought back are, the others are not" {
    local image expect
    [ -d "$real/revive" ] || skip "samples/unpack build/real was not run"
    while IFS=$'\t' read -r image _ _ _ _ _ expect; do
        image=${image%.img}
        echo "$image: $expect"
        case $expect in
        repairable) grep -E " $image +xen-4.17 +(fails|loses|undefined) -> restores" ;;
        dead) grep -E "^\(unfixed\) +$image +(xen-4.17|no reader) " ;;
        esac <"$tables/mending-bundled.txt"
    done <"$real/revive/INDEX.tsv"
}

@test "shared truth: mending ends" { shared ends; }
@test "shared truth: idempotent" { shared idempotent; }
@test "shared truth: a mended image has no new error" { shared clean; }
@test "shared truth: written, in place and undone" {
    shared overlay
    shared in-place
    shared undo
    shared undo-twice
    shared undo-changed
    shared untouched
}
