#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What the toolstacks around libxc do with an image: xend, xl and libxl, libvirt, xapi, and from 4.6
# on convert-legacy-stream.
load common

samples=$XSI_TOP/build/samples
real=${XSI_REAL:-$XSI_TOP/build/real}

# verdict, rc and last log line of each row: image, reader, and what they have to be
check_rows() {
    local image reader want got
    while IFS='|' read -r image reader want; do
        image=${image// /} reader=${reader// /}
        got=$("$xsdump" --json -q -t "xen-$reader" "$1/$image" |
            jq -r '.images[0].verdicts[0] | "\(.verdict) \(.rc) \(.errors[-1] // "-")"')
        [ "$got" = "$want" ] || { echo "$image on $reader: $got, not $want"; return 1; }
    done
}

@test "each toolstack restores its own images" {
    check_rows "$samples" <<'ROWS'
xend-pv-3.0.img    | 3.0/32      |restores 0 -
xend-hvm-3.4.img   | 3.4         |restores 0 -
xend-pv-4.1.img    | 4.1         |restores 0 -
hvm-4.1-xend.img   | 4.4/xend    |restores 0 -
xl-pv-4.1.img      | 4.1         |restores 0 -
xl-hvm-4.2.img     | 4.5         |restores 0 -
xl-pv-4.5.img      | 4.5         |restores 0 -
xl-pv-4.5.img      | 4.17        |restores 0 -
xl-hvm-4.6-physmap.img | 4.17    |restores 0 -
libvirt-pv-4.4.img | 4.4         |restores 0 -
libvirt-hvm-4.4.img| 4.17        |restores 0 -
xapi-hvm-3.4.img   | 3.4/32      |restores 0 -
xapi-hvm-4.1.img   | 4.1/32/xapi |restores 0 -
xapi-hvm-64.img    | 4.1/xapi    |restores 0 -
xapi-hvm-4.1.img   | 4.17        |restores 0 -
xapi-v2-hvm.img    | 4.17        |restores 0 -
ROWS
}

@test "2011: libxc returns 0, xapi is 4 bytes too far and says so" {
    local verdict
    verdict=$("$xsdump" --json -q "$XSI_TOP/samples/2011-xapi-hvm.img" | jq '.images[0].verdicts[0]')
    jq -e '.target == "xen-4.1/32/xapi" and .verdict == "fails" and .rc == 0 and .default and
        .errors[-1] == "Restore_signature_mismatch" and .findings == ["XS-L09"] and
        .fix == "insert-checkpoint" and (.reason | test("4 bytes too far"))' <<<"$verdict"
}

@test "heads that a toolstack refuses" {
    check_rows "$samples" <<'ROWS'
xl-pv-4.1.img           | 3.4    |fails 1 not a valid guest state file: found 'Xen saved domain'
xend-pv-4.1.img         | 4.17   |fails 1 File has wrong magic number - corrupt or for a different tool?
xl-pv-4.1.img           | 4.1/xapi |fails 1 Restore_signature_mismatch
xl-pv-4.5.img           | 4.4    |fails 6 Savefile has mandatory flag(s) 0x1 which are not supported; need newer xl
hdr-xl-flag-unknown.img | 4.17   |fails 1 Savefile has mandatory flag(s) 0x10 which are not supported; need newer xl
hdr-xl-byteorder.img    | 4.17   |fails 1 File has wrong byte order
len-xl-config.img       | 4.17   |fails 1 Savefile truncated.
config-xl-cut.img       | 4.17   |fails 1 Unknown guest type
config-xl-no-name.img   | 4.17   |fails 1 cannot make domain: -6
cut-xend-length.img     | 4.1    |fails 1 not a valid guest state file: config size read
hdr-xend-sxp.img        | 4.1    |fails 1 not a valid guest state file: config parse
hdr-libvirt-version-3.img | 4.17 |fails 1 image version is not supported (3 > 2)
cut-libvirt-xml.img     | 4.17   |fails 1 failed to read XML
hdr-xapi-signature.img  | 4.17   |fails 1 Not a valid signature: "XensavedDomain\x0a"
ROWS
}

@test "flags that promise another body: libxl crashes, or the converter stops" {
    check_rows "$samples" <<'ROWS'
hdr-xl-flag-v2-on-legacy.img | 4.17 |fails SIGSEGV Invalid ident: expected 0x4c6962786c466d74, got 0x4000000000000000
hdr-libxl-version.img        | 4.17 |fails SIGSEGV Unexpected Version: expected 2, got 3
cut-xl-before-stream.img     | 4.17 |fails SIGSEGV Invalid ident: expected 0x4c6962786c466d74, got 0x0000000000000000
hdr-xl-flag-legacy-on-v2.img | 4.17 |fails 1 cannot (re-)build domain: -3
no-libxl-context.img         | 4.17 |fails 1 domain N console tty: timed out
ROWS
    "$xsdump" --json -q -t xen-4.17 "$samples/hdr-xl-flag-legacy-on-v2.img" |
        jq -e '.images[0].verdicts[0] | .fix == "set-xl-v2-flag" and
            .errors[1] == "conversion helper [N] exited with error status 1"'
}

@test "convert-legacy-stream: width of the reader, records, chunks" {
    local refused
    check_rows "$samples" <<'ROWS'
mixed-width-xl.img   | 4.17 |fails 1 cannot (re-)build domain: -3
xl-hvm-4.5.img       | 4.17 |fails 1 cannot (re-)build domain: -3
xapi-hvm-64.img      | 4.17 |fails -1 Received error from emu-manager: xenguest No data available
cut-xapi-record.img  | 4.17 |fails 1 qemu save file was truncated
ROWS
    refused() { "$xsdump" --json -q -t "$2" "$samples/$1" | jq -r '.images[0].verdicts[0].errors[0]'; }
    [ "$(refused mixed-width-xl.img xen-4.17)" = "Unexpected extended info marker 0x7570637600001440" ]
    [ "$(refused xl-hvm-4.5.img xen-4.17)" = "Unrecognised chunk -21" ]
}

@test "xapi's parts" {
    check_rows "$samples" <<'ROWS'
no-xapi-end.img          | 4.17 |fails 1 End_of_file
no-xapi-libxc.img        | 4.17 |fails 1 Well formed, but useless stream
len-xapi-part-huge.img   | 4.17 |fails 1 QEMU record length in header too large (2097152 bytes)
cut-xapi-v2-qemu.img     | 4.17 |fails 1 qemu save file was truncated
xapi-v2-unknown-part.img | 4.17 |fails 1 Invalid_header_type
xapi-v2-demu.img         | 4.17 |undefined null -
xapi-v2-hvm.img          | 4.1/xapi |fails 1 Restore_signature_mismatch
ROWS
}

@test "images of guests that ran on real Xen, in containers" {
    [ -d "$real/revive" ] || skip "samples/unpack build/real was not run"
    check_rows "$real/revive" <<'ROWS'
pv-xl-4.1.img           | 4.17     |restores 0 -
pv-xl-4.1.img           | 4.1      |restores 0 -
pv-xend.img             | 4.1      |restores 0 -
hvm-xl-4.5-trailing.img | 4.17     |restores 0 -
hvm-xl-4.5-trailing.img | 4.5      |restores 0 -
hvm-xl-4.1-xendqemu.img | 4.4      |restores 0 -
hvm-xl-4.1-xendqemu.img | 4.17     |fails 1 cannot (re-)build domain: -3
pv-xl-4.1-tools32.img   | 4.17     |fails 1 cannot (re-)build domain: -3
pvh-xl-4.5.img          | 4.17     |fails 1 cannot (re-)build domain: -3
hvm-xapi-64-pad.img     | 4.1/xapi |fails 0 Restore_signature_mismatch
pv-cut-pages.img        | 4.17     |fails 1 Stream truncated
pv-zero-count.img       | 4.17     |fails 1 MemoryError
pv-4.5-raw.img          | 4.17     |restores 0 -
ROWS
}

@test "streams and files: as real Xen 4.17 did, bundled" {
    [ -d "$real/v2" ] || skip "samples/unpack build/real was not run"
    zstd -q -d -c "$XSI_TOP/samples/real/v2.expected.tsv.zst" >"$BATS_TEST_TMPDIR/expected.tsv"
    "$XSI_TOP/tests/toolstacks" "$xsdump" "$real/v2" "$BATS_TEST_TMPDIR/expected.tsv"
}

@test "streams and files: as real Xen 4.17 did, shared folder" {
    local set=${XSI_SHARED:-/nonexistent}/truth/v2
    [ -d "$set" ] || skip "XSI_SHARED is not set"
    tar -I 'zstd --long=27' -C "$BATS_TEST_TMPDIR" -S -xf "$set/images.tar.zst"
    "$XSI_TOP/tests/toolstacks" "$xsdump" \
        "$(dirname "$(find "$BATS_TEST_TMPDIR" -name 'xl-pv-intact' -print -quit)")" \
        "$set/expected.tsv"
}
