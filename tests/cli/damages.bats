#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Damage as it happens in the field, and the line that the reader then logs: the rows of the table
# of failures that the bare v2 stream can show.
load common

xsgen=${XSGEN:-$XSI_TOP/build/xsgen}
recipes=$XSI_TOP/samples/recipes

# xsgen looks for an include beside the recipe.
setup() {
    cp "$recipes"/neighbour-*.recipe "$BATS_TEST_TMPDIR"
}

# cause; recipe; its damage, lines separated by ';'; reader; what it does; the line that it logs
table=$(cat <<'ROWS'
cut between records|hvm-4.17|truncate @END|4.17|fails|Failed to read Record Header from stream (0 = Success)
cut in a batch|hvm-4.17|truncate @PAGE_DATA+5000|4.17|fails|Failed to read 98504 bytes of data for record (0x00000001, Page data) (0 = Success)
bytes lost|pv-4.6|delete @X86_TSC_INFO 4|4.17|fails|Mandatory record 0x18 (Reserved) not handled
bytes inserted|pv-4.6|insert @X86_TSC_INFO ffffff00ffffffff|4.17|fails|Record (0x00ffffff, Reserved) length 0xffffffff exceeds max (0x8000000)
TOOLSTACK of a prototype|hvm-4.17|insert @END 0b00000000000000|4.17|fails|Mandatory record 0xb (Toolstack) not handled
id damaged|hvm-4.17|set32 8 0|4.17|fails|Invalid ID: Expected 0x58454e46, Got 0x00000000
a byte in front|hvm-4.17|insert 0 00|4.17|fails|Invalid marker: Got 0xffffffffffffff00
version 3 on an old host|hvm-4.17||4.12.0|fails|Invalid Version: Expected 3, Got 2
version 3 on a less old host|hvm-4.17||4.13|fails|Invalid Version: Expected 2, Got 3
version 4|hvm-4.17|be32 12 4|4.17|fails|Invalid Version: Expected 2 <= ver <= 3, Got 4
subleaves of leaf 7|subleaf||4.15.0|fails|Failed to set CPUID policy: leaf 00000007, subleaf 00000000, msr ffffffff (22 = Invalid argument)
leaf 7 subleaf 2|leaf-7-2||4.16.0|fails|Failed to set CPUID policy: leaf 00000007, subleaf 00000002, msr ffffffff (34 = Numerical result out of range)
two MSRs on 4.14.0|hvm-4.17||4.14.0|fails|Failed to set CPUID policy: leaf ffffffff, subleaf ffffffff, msr ffffffff (7 = Argument list too long)
longer LAPIC record|hvm-4.21||4.18|fails|Unable to restore HVM context (22 = Invalid argument)
bad CR4|hvm-4.17|set64 @HVM_CONTEXT+728 0x10006f0|4.17|fails|Unable to restore HVM context (22 = Invalid argument)
bad EFER|hvm-4.17|set64 @HVM_CONTEXT+1040 0xd03|4.17|fails|Unable to restore HVM context (22 = Invalid argument)
inconsistent xsave state|hvm-4.17|set32 @HVM_CONTEXT+4 4720;insert @HVM_CONTEXT+4112 zeros 600;insert @HVM_CONTEXT+4112 1000000058020000|4.17|fails|Unable to restore HVM context (22 = Invalid argument)
param 37 on 4.8|param-37||4.8|fails|set HVM param 37 = 0x000008000fc00000 (22 = Invalid argument)
param 38 on 4.9|hvm-4.10|set64 @HVM_PARAMS+176 38|4.9|fails|set HVM param 38 = 0x0000000000000001 (22 = Invalid argument)
empty vCPU record on 4.6.3|vcpu-empty||4.6.3|fails|X86_PV_VCPU_EXTENDED record truncated: length 8, min 9
empty vCPU record on 4.10|vcpu-empty||4.10|fails|Restore failed (0 = Success)
xsave by 16|pv-xsave-4.11||4.13.0|fails|X86_PV_VCPU_XSAVE record payload size 2696 expected to be a multiple of 16
TSC mode 3|tsc-3||4.17|fails|Unable to set TSC information (22 = Invalid argument)
wild frame|hvm-4.17|set64 @PAGE_DATA+16 0x10000000000|4.17|fails|Failed to populate pfns for batch of 24 pages
no vCPU 0|pv-4.6|delete @X86_PV_VCPU_BASIC|4.17|fails|Sender didn't send vcpu0's basic state
root sent as L3|pv-4.6|set8 @PAGE_DATA+@ROOT 0xb0|4.17|fails|cr3 (pfn 0x@ROOTX) has bad type 11, expected 4
frame beyond the last in a table|pv-4.6|set64 @PAGE_DATA+@PTE 0x100063|4.17|fails|-
p2m frame missing|pv-4.6|set64 @PAGE_DATA+@P2MPTE 0;delete @PAGE_DATA+@P2MPAGE 4096;delete @PAGE_DATA+@P2M 8;set32 @PAGE_DATA+8 23;set32 @PAGE_DATA+4 94400|4.17|fails|p2m_frame_list[0] has bad mfn
Remus stream|remus-4.6||4.17|fails|Found checkpoint in non-checkpointed stream
zeros over a header|hvm-4.17|zero @X86_TSC_INFO 8|4.17|fails|Unable to restore HVM context (61 = No data available)
ROWS
)

# Places in the only batch of a generated PV guest of 24 frames, whose first frame is 0.
places() {
    local root=12 l1=18 p2m=11 first=208
    sed -e "s/@ROOTX/$(printf %x $root)/g" -e "s/@ROOT/$((16 + 8 * root + 7))/g" \
        -e "s/@P2MPTE/$((first + 4096 * l1 + 8 * p2m))/g" \
        -e "s/@P2MPAGE/$((first + 4096 * p2m))/g" -e "s/@P2M\b/$((16 + 8 * p2m))/g" \
        -e "s/@PTE/$((first + 4096 * l1 + 8))/g"
}

@test "each damage gets the line that is seen in the field" {
    local cause base damage reader outcome line got bad=0
    [ -x "$xsgen" ] || skip "build/xsgen was not made"
    while IFS='|' read -r cause base damage reader outcome line; do
        {
            echo "include neighbour-$base.recipe"
            tr ';' '\n' <<<"$damage"
        } >"$BATS_TEST_TMPDIR/damage.recipe"
        "$xsgen" -o "$BATS_TEST_TMPDIR/damage.img" "$BATS_TEST_TMPDIR/damage.recipe"
        got=$("$xsdump" --json -q --target "xen-$reader/libxc" "$BATS_TEST_TMPDIR/damage.img" |
            jq -r '.images[0].verdicts[0] | .verdict, (.errors | if . == [] then "-" else .[] end)')
        rm -f "$BATS_TEST_TMPDIR/damage.img"
        if [ "$(head -1 <<<"$got")" != "$outcome" ] || ! sed 1d <<<"$got" | grep -qxF -e "$line"; then
            printf '%s (xen-%s): %s instead of %s\n' "$cause" "$reader" "$got" "$line"
            bad=1
        fi
    done < <(places <<<"$table")
    [ "$bad" -eq 0 ]
}

@test "a vCPU record without contents: 4.10 says nothing but Restore failed" {
    [ -x "$xsgen" ] || skip "build/xsgen was not made"
    "$xsgen" -o "$BATS_TEST_TMPDIR/empty.img" "$recipes/neighbour-vcpu-empty.recipe"
    run jq -c '.images[0].verdicts[0].errors' \
        <("$xsdump" --json -q --target xen-4.10/libxc "$BATS_TEST_TMPDIR/empty.img")
    [ "$output" = '["Restore failed (0 = Success)"]' ]
}

@test "a page table that names a frame beyond the last ends the reader with SIGABRT" {
    local recipe=$BATS_TEST_TMPDIR/abort.recipe image=$BATS_TEST_TMPDIR/abort.img
    [ -x "$xsgen" ] || skip "build/xsgen was not made"
    printf '%s\n' "include neighbour-pv-4.6.recipe" 'set64 @PAGE_DATA+@PTE 0x100063' |
        places >"$recipe"
    "$xsgen" -o "$image" "$recipe"
    run jq -r '.images[0].verdicts[0] | "\(.verdict) \(.rc)"' \
        <("$xsdump" --json -q --target xen-4.17/libxc "$image")
    [ "$output" = "fails SIGABRT" ]
}

@test "a 32-bit PV guest needs a host that runs such guests, from 4.15 on" {
    local image=$BATS_TEST_TMPDIR/pv32.img conditions
    [ -x "$xsgen" ] || skip "build/xsgen was not made"
    "$xsgen" -o "$image" "$recipes/neighbour-pv32-4.14.0.recipe"
    conditions='.images[0].verdicts[0].conditions | map(test("32-bit PV")) | any'
    [ "$("$xsdump" --json -q --target xen-4.14/libxc "$image" | jq "$conditions")" = false ]
    [ "$("$xsdump" --json -q --target xen-4.15/libxc "$image" | jq "$conditions")" = true ]
}
