#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# xsrecover convert between streams, and the drop-in for Xen's converter: byte for byte the same
# output where Xen's takes the input, and accepted by Xen's verifier in any case.
load common
bats_require_minimum_version 1.5.0

xen=/usr/lib/xen-4.17
samples=$XSI_TOP/build/samples
real=${XSI_REAL:-$XSI_TOP/build/real}
helper=$XSI_BIN/xsi-convert-legacy-stream
hvm=$samples/hvm-4.1-small.img
pv=$samples/pv64-4.1-small.img

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export PYTHONPATH=$xen/lib/python
}

needs_xen() {
    [ -e "$xen/bin/convert-legacy-stream" ] || skip "xen-utils-4.17 is not installed"
}

peer() {
    /usr/bin/python3 "$xen/bin/convert-legacy-stream" "$@" 2>peer.log
}

# Xen's verifier takes it. verified FILE libxc|libxl|xl
verified() {
    [ -e "$xen/bin/verify-stream-v2" ] || return 0
    /usr/bin/python3 "$xen/bin/verify-stream-v2" -i "$1" -f "$2" >verify.log 2>&1 ||
        { echo "$1 as $2:"; tail -2 verify.log; return 1; }
}

# What both make of a stream. Prints "equal", "differ" or "ours alone". both IMAGE pv|hvm WIDTH
both() {
    rm -f ours peers
    "$helper" -i "$1" -o ours -g "$2" -w "$3" -f libxl 2>ours.log || { cat ours.log; return 1; }
    # its own verifier cannot read xenstore keys under Python 3
    grep -qa 'physmap/' ours || verified ours libxl || return 1
    if peer -i "$1" -o peers -g "$2" -w "$3" -f libxl; then
        if cmp -s ours peers; then echo equal; else echo differ; fi
    else
        echo "ours alone"
    fi
}

@test "drop-in: every whole image of the real writers, the same bytes as Xen's or where that gives up" {
    local name guest what width said equal=0
    needs_xen
    [ -d "$real/truth" ] || skip "samples/unpack build/real was not run"
    while IFS=$'\t' read -r name guest what; do
        [ "$what" = whole ] || continue
        width=64
        [[ $name != *tools32* ]] || width=32
        said=$(both "$real/truth/$name.img" "$guest" "$width") || { echo "$name: $said"; false; }
        case $said in
        equal) equal=$((equal + 1)) ;;
        'ours alone') ;;
        *) echo "$name: $said"; false ;;
        esac
    done < <(tail -n +2 "$real/truth/INDEX.tsv" | cut -f 1,2,5)
    [ "$equal" -ge 10 ]
}

@test "drop-in: where it differs from Xen's, it is one of the differences that are documented" {
    local name guest width want said
    needs_xen
    while read -r name guest width want; do
        said=$(both "$samples/$name.img" "$guest" "$width") || { echo "$name: $said"; false; }
        [ "${said// /-}" = "$want" ] || { echo "$name: $said, not $want"; false; }
    done <<'ROWS'
pv64-3.2 pv 64 differ
pv64-4.0-empty-batches pv 64 differ
dup-tsc hvm 64 differ
hvm-4.2-toolstack hvm 64 equal
hvm-4.2-toolstack-tools32 hvm 32 equal
hvm-4.2-vcpus128 hvm 64 equal
pv64-4.1-verify pv 64 equal
pv64-4.1-offline pv 64 equal
pv64-4.4-xsave-mixed pv 64 ours-alone
pv64-3.1 pv 64 ours-alone
hvm-4.0-noqemu hvm 64 ours-alone
ROWS
    grep -q 'Conversion of legacy streams' "$XSI_TOP/docs/conversion.md"
}

@test "drop-in: the stream tells width and guest, whatever the options say" {
    local wide=$samples/pv64-4.1.img narrow=$samples/pv64-4.1-tools32.img
    "$helper" -i "$narrow" -o a --width 64 --guest pv --format libxl 2>log
    grep -q '32-bit toolstack wrote this stream' log
    "$helper" -i "$narrow" -o b -w 32 -g pv -f libxl 2>log
    [ ! -s log ]
    cmp a b
    "$helper" -i "$wide" -o c -w 32 -g hvm 2>log
    grep -q 'stream of a PV guest, not of an HVM guest' log
    verified c libxc
    # for a PVH domain libxl says pv, and takes no device model's state
    "$helper" -i "$hvm" -o d -w 64 -g pv -f libxl 2>log
    "$helper" -i "$hvm" -o e -w 64 -g hvm -f libxl
    verified d libxl
    [ "$(stat -c %s d)" -lt "$(stat -c %s e)" ]
}

@test "drop-in: descriptors that stand in the middle of a file, pipes, an xl header" {
    local xl=$samples/xl-pv-4.1.img start
    start=$("$xsdump" --no-pager --json "$xl" 2>/dev/null |
        jq 'first(.images[0].chunks[] | select(.layer | startswith("libxc"))).offset')
    tail -c +$((start + 1)) "$xl" >bare
    "$helper" -i bare -o want -w 64 -g pv -f libxl
    exec 7<"$xl" 8>by-fd
    head -c "$start" <&7 >/dev/null
    python3 -c "import os; os.lseek(7, $start, 0)"
    "$helper" --in 7 --out 8 --width 64 --guest pv --format libxl
    exec 7<&- 8>&-
    cmp by-fd want
    "$helper" -i 0 -o 1 -w 64 -g pv -f libxl -v < <(cat bare) 2>log | cmp - want
    grep -q 'PV guest, 64-bit toolstack' log
    "$helper" -i "$xl" -o with-header -w 64 -g pv -f libxl -x
    verified with-header xl
    tail -c +$((start + 1)) with-header | cmp - want
    [ "$(status_of "$helper" -i bare -o other -w 64 -g pv -x)" -eq 1 ]
    [ ! -e other ]
}

@test "drop-in: exit status, nothing overwritten, nothing half written" {
    [ "$(status_of "$helper")" -eq 1 ]
    [ "$(status_of "$helper" -i "$pv")" -eq 1 ]
    [ "$(status_of "$helper" -i "$pv" -o x -w 16 -g pv)" -eq 2 ]
    [ "$(status_of "$helper" --no-such-option)" -eq 2 ]
    [ "$(status_of "$helper" -i missing -o x -w 64 -g pv)" -eq 1 ]
    "$helper" --help | grep -q -- --skip-qemu
    echo precious >x
    [ "$(status_of "$helper" -i "$pv" -o x -w 64 -g pv)" -eq 1 ]
    [ "$(cat x)" = precious ]
    rm x
    # damaged: found before the first byte in a file, on a pipe before the last
    head -c 60000 "$pv" >short
    [ "$(status_of "$helper" -i short -o x -w 64 -g pv)" -eq 1 ]
    [ ! -e x ]
    run -1 bash -c "cat short | '$helper' -i 0 -o 1 -w 64 -g pv >half"
    [ $(($(status_of "$xsdump" half) & 4)) -ne 0 ]
    # tmem: refused by name, or left out when asked
    run -2 "$helper" -i "$samples/pv64-4.0-tmem.img" -o x -w 64 -g pv
    [[ $output == *tmem* ]]
    [ ! -e x ]
    "$helper" -i "$samples/pv64-4.0-tmem.img" -o x -w 64 -g pv --drop 2>log
    grep -q 'left out: .*tmem' log
    verified x libxc
    [ "$(stat -c %a x)" = 600 ]
}

@test "drop-in: format libxc, with and without the device model's record" {
    needs_xen
    local image=$samples/hvm-4.1-libxl.img
    "$helper" -i "$image" -o a -w 64 -g hvm
    peer -i "$image" -o b -w 64 -g hvm
    cmp a b
    "$helper" -i "$image" -o c -w 64 -g hvm --skip-qemu
    peer -i "$image" -o d -w 64 -g hvm --skip-qemu && cmp a b
    verified c libxc
    cmp c <(head -c "$(stat -c %s c)" a)
    grep -qa DeviceModelRecord0002 a
    run ! grep -qa DeviceModelRecord0002 c
}

@test "convert: a stream of the same version keeps every byte" {
    local image to
    for image in v2-hvm-4.6 v2-pv32-4.6 v3-hvm-4.17-small v3-pv64-4.17-small v3-pv32-4.17 \
        v3-hvm-converted v3-pv64-converted v3-pvh-4.17 v3-pv64-live v3-hvm-types; do
        to=libxc-${image%%-*}
        "$xsrecover" convert "$samples/$image.img" --to "$to" -o "$image"
        cmp "$samples/$image.img" "$image"
        # shellcheck disable=SC2002 # from a pipe
        cat "$samples/$image.img" | "$xsrecover" convert - --to "$to" -o - 2>/dev/null | cmp - "$image"
    done
}

@test "convert: version 3 to 2 and back names what is lost" {
    local image=$samples/v3-hvm-4.17-small.img
    run -2 "$xsrecover" convert "$image" --to libxc-v2 -o a
    [[ $output == *'CPUID and MSR policies'*--drop* ]]
    [ ! -e a ]
    run -0 "$xsrecover" convert "$image" --to libxc-v2 -o a --drop
    [[ $output == *'left out: the CPUID and MSR policies'* ]]
    verified a libxc
    "$xsrecover" convert a --to libxc-v3 -o b
    verified b libxc
    "$xsrecover" convert b --to libxc-v2 -o c
    cmp a c
}

@test "convert: legacy streams of all ages become streams that Xen's verifier takes" {
    local image to
    for image in hvm-3.1 hvm-3.4-tools32 hvm-4.5-high hvm-4.2-remus-comp pv32-3.0-tools32 pv32-3.2 \
        pv64-3.4-garbage pv64-4.1-balloon pv64-4.2-vcpus70 pv64-4.3-broken pv64-4.2-remus-comp; do
        for to in libxc-v2 libxc-v3; do
            # 2: a 3.1 to 3.3 guest had no console page, which is told
            "$xsrecover" convert "$samples/$image.img" --to $to -o - 2>log >out || [ $? -eq 2 ]
            grep -q '^written' log || { echo "$image"; cat log; false; }
            verified out libxc
        done
    done
}

@test "convert: what cannot be converted is refused with its place" {
    run -2 "$xsrecover" convert "$samples/pv32-3.4-2level.img" --to libxc-v3 -o a
    [[ $output == *'two levels'* ]]
    run -2 "$xsrecover" convert "$samples/v2-pv64-big-endian.img" --to libxc-v3 -o a
    [[ $output == *0x18*big-endian* ]]
    run -4 "$xsrecover" convert "$samples/no-end-v3.img" --to libxc-v3 -o a
    [ ! -e a ]
    # the last of several checkpoints: a pipe does not tell in time which that is
    run -1 bash -c "cat '$samples/hvm-4.2-remus-comp.img' | '$helper' -i 0 -o 1 >part"
    [[ $output == *checkpoint*--spool* ]]
}
