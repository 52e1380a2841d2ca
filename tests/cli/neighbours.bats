#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Two releases next to each other, and an image on which they differ: one row for each thing that
# changed in what a release reads of the v2 stream and that shows in a file.
load common

samples=$XSI_TOP/build/samples

# image, one reader and its verdict, the other and its verdict
rows=$(cat <<'ROWS'
neighbour-param-36        4.6.0/libxc        fails    4.6.3/libxc        restores
neighbour-gs-base         4.6.4/libxc        restores 4.6.5/libxc        fails
neighbour-params-tail     4.6.5/libxc        restores 4.6.6/libxc        fails
xl-hvm-4.6-physmap        4.20               restores 4.21               fails
neighbour-params-tail     4.7.2/libxc        restores 4.7.3/libxc        fails
neighbour-params-tail     4.8.1/libxc        restores 4.8.2/libxc        fails
neighbour-vcpu-empty      4.6.5/libxc        fails    4.6.6/libxc        fails
neighbour-vcpu-empty      4.8.1/libxc        fails    4.8.2/libxc        fails
neighbour-hvm-4.7         4.6/libxc          fails    4.7.0/libxc        restores
neighbour-viridian-16     4.6/libxc          fails    4.7.0/libxc        restores
neighbour-msr-da0         4.6/libxc          fails    4.7.0/libxc        restores
neighbour-remus-first     4.6/remus/libxc    restores 4.7.0/remus/libxc  fails
neighbour-xsave-short     4.7.0/libxc        restores 4.7.1/libxc        fails
neighbour-gs-base         4.7.1/libxc        restores 4.7.2/libxc        fails
neighbour-pv-msr          4.7.4/libxc        restores 4.7.5/libxc        fails
neighbour-pv-msr          4.8.3/libxc        restores 4.8.4/libxc        fails
neighbour-pv-msr          4.9.1/libxc        restores 4.9.2/libxc        fails
neighbour-param-37        4.8/libxc          fails    4.9.0/libxc        restores
neighbour-record-9m       4.9/libxc          fails    4.10.0/libxc       restores
neighbour-hvm-4.10        4.9/libxc          fails    4.10.0/libxc       restores
neighbour-msr-140         4.8.3/libxc        fails    4.8.4/libxc        restores
neighbour-msr-140         4.9.1/libxc        fails    4.9.2/libxc        restores
neighbour-msr-48          4.10.0/libxc       fails    4.10.1/libxc       restores
neighbour-vcpu-empty      4.10/libxc         fails    4.11/libxc         restores
neighbour-tsc-3           4.11/libxc         restores 4.12.0/libxc       fails
neighbour-param-13        4.11/libxc         restores 4.12.0/libxc       fails
neighbour-pv-msr-c0000103 4.11/libxc         fails    4.12.0/libxc       restores
neighbour-pv-xsave-4.11   4.12.2/libxc       fails    4.12.3/libxc       restores
neighbour-vm-assist       4.12.2/libxc       restores 4.12.3/libxc       fails
neighbour-hvm-4.14.0      4.12.2/libxc       fails    4.12.3/libxc       fails
neighbour-hvm-4.13        4.12/libxc         fails    4.13.0/libxc       restores
neighbour-pv-xsave-4.11   4.13.0/libxc       fails    4.13.1/libxc       restores
neighbour-vm-assist       4.13.0/libxc       restores 4.13.1/libxc       fails
neighbour-vmce-caps       4.13.3/libxc       fails    4.13.4/libxc       fails
neighbour-hvm-4.14.0      4.13/libxc         fails    4.14.0/libxc       restores
neighbour-rtc-24          4.13/libxc         fails    4.14.0/libxc       restores
neighbour-hvm-4.17        4.14.0/libxc       fails    4.14.1/libxc       restores
neighbour-leaf-7-2        4.14.4/libxc       fails    4.14.5/libxc       restores
neighbour-leaf-8000001f   4.14.4/libxc       fails    4.14.5/libxc       restores
neighbour-arch-caps       4.14.5/libxc       fails    4.14.6/libxc       restores
neighbour-param-24        4.14.0/libxc       restores 4.15.0/libxc       fails
neighbour-subleaf         4.14.4/libxc       restores 4.15.0/libxc       fails
neighbour-pv32-4.14.0     4.14/libxc         restores 4.15/libxc         restores
neighbour-leaf-7-2        4.15.2/libxc       fails    4.15.3/libxc       restores
neighbour-arch-caps       4.15.4/libxc       fails    4.15.5/libxc       restores
neighbour-page-type       4.15/libxc         fails    4.16/libxc         fails
neighbour-leaf-8000001f   4.15.2/libxc       fails    4.16.0/libxc       restores
neighbour-leaf-7-2        4.16.0/libxc       fails    4.16.1/libxc       restores
neighbour-leaf-7-2        4.16.0/libxc       fails    4.17.0/libxc       restores
neighbour-msr-c001011f    4.16/libxc         fails    4.17.0/libxc       restores
neighbour-arch-caps       4.17.1/libxc       fails    4.17.2/libxc       restores
neighbour-dr7             4.17/libxc         restores 4.18/libxc         fails
neighbour-msr-6e1         4.17/libxc         fails    4.18/libxc         restores
neighbour-pic             4.18/libxc         restores 4.19/libxc         fails
neighbour-hvm-4.21        4.19/libxc         fails    4.20/libxc         fails
neighbour-hvm-4.21        4.20/libxc         fails    4.21/libxc         restores
neighbour-pv-4.14.0       4.21/libxc         restores 4.22/libxc         restores
ROWS
)

# What tells one verdict from another, besides the reader's name.
verdict() { # image reader
    "$xsdump" --json -q --target "xen-$2" "$samples/$1.img" |
        jq -c '.images[0].verdicts[0] | [.verdict, .rc, .errors, .conditions]'
}

@test "neighbouring releases differ where they should" {
    local image a said_a b said_b got_a got_b bad=0
    [ -e "$samples/neighbour-hvm-4.6.img" ] || skip "make samples was not run"
    while read -r image a said_a b said_b; do
        got_a=$(verdict "$image" "$a")
        got_b=$(verdict "$image" "$b")
        if [[ $got_a != "[\"$said_a\""* || $got_b != "[\"$said_b\""* || $got_a == "$got_b" ]]; then
            printf '%s\n  %s: %s\n  %s: %s\n' "$image" "$a" "$got_a" "$b" "$got_b"
            bad=1
        fi
    done <<<"$rows"
    [ "$bad" -eq 0 ]
}

@test "what all releases take, all take" {
    local image reader
    [ -e "$samples/neighbour-hvm-4.6.img" ] || skip "make samples was not run"
    for image in neighbour-hvm-4.6 neighbour-pv-4.6; do
        for reader in 4.6.0 4.6 4.7.0 4.8 4.9.0 4.10 4.11 4.12.0 4.13.0 4.14.0 4.15 4.16 4.17 4.18 \
            4.19 4.20 4.21 4.22; do
            [[ $(verdict "$image" "$reader/libxc") == '["restores",0,[]'* ]] ||
                { echo "$image on $reader: $(verdict "$image" "$reader/libxc")"; return 1; }
        done
    done
}
