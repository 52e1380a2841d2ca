#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# xsrecover restore without Xen: what is refused, what a back end is told, and that it can do no harm
# when it fails. The back end is tests/shim/backend.c; real ones run in tests/xenlab.
load common

hvm=$XSI_TOP/samples/hvm-4.1-small.img
broken=$XSI_TOP/samples/2011-xapi-hvm.img
options=(-D_GNU_SOURCE -std=gnu11 -shared -fPIC)

# A copy of the program with a back end of our own beside it.
setup() {
    cd "$BATS_TEST_TMPDIR"
    umask 022
    mkdir -p bin/xsi
    cp "$XSI_BIN"/xsrecover "$XSI_BIN"/libxsi.so.0 bin/
    cp "$XSI_TOP"/build/backend.so bin/xsi/restore-libxc.so
    export FAKE_LOG=$PWD/log FAKE_STREAM=$PWD/stream
}

restore() { bin/xsrecover restore "$@" --via libxc </dev/null; }
backend() { # FLAGS...: a back end that is built otherwise
    cc "${options[@]}" "$@" -o bin/xsi/restore-libxc.so "$XSI_TOP/tests/shim/backend.c"
}

@test "restore: the back end gets the mended and converted stream, and the device model's state" {
    run restore "$broken" --paused
    [ "$status" -eq 0 ]
    [[ $output == *insert-checkpoint* && $output == *"domain 7"*paused* ]]
    grep -q 'guest 2 vcpus 1 .* paused 1 emulator 1' log
    # the status speaks of what the reader loses: the console page, which the guest has none of
    bin/xsrecover convert "$broken" --fix -y --skip-qemu --to libxc-v3 -o expected.v3 >/dev/null || :
    cmp stream expected.v3
}

@test "restore: --dry-run shows the checks and starts nothing" {
    run restore "$hvm" --dry-run
    [ "$status" -eq 0 ]
    for word in conversion reader once host memory CPU domains disks; do
        [[ $output == *"$word"* ]]
    done
    ! grep -q '^restore' log
    [ ! -e "$XSRECOVER_STATE/restores" ]
}

@test "restore: where there is no Xen the dry run says skipped, and a restore is refused" {
    export FAKE=nohost
    run restore "$hvm" --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *skipped*"no hypervisor answers"* ]]
    run restore "$hvm"
    [ "$status" -eq 8 ]
    [[ $output == *"not restored"* ]]
    [ ! -e log ]
}

@test "once: a second restore of the same image, or of a copy, needs --force" {
    restore "$hvm"
    cp "$hvm" copy.img
    for image in "$hvm" copy.img; do
        run restore "$image"
        [ "$status" -eq 2 ]
        [[ $output == *"was restored on"* && $output == *"--force"* ]]
    done
    [ "$(grep -c '^restore' log)" -eq 1 ]
    restore "$hvm" --force
    [ "$(grep -c '^restore' log)" -eq 2 ]
    [ "$(stat -c %a "$XSRECOVER_STATE/restores")" = 600 ]
}

@test "once: a restore that failed may be tried again" {
    FAKE=fail run restore "$hvm"
    [ "$status" -eq 8 ]
    restore "$hvm"
}

@test "once: a running domain of the same UUID" {
    image=$XSI_TOP/build/samples/config-xl-guest.img
    uuid=$("$xsdump" --json "$image" | jq -r '.images[0].guest.uuid')
    FAKE_UUID=$uuid run restore "$image"
    [ "$status" -eq 2 ]
    [[ $output == *"domain 5 has this UUID"* ]]
    FAKE_UUID=$uuid restore "$image" --force
}

@test "restore: too little memory is refused before anything happens" {
    FAKE_FREE=1024 run restore "$hvm"
    [ "$status" -eq 2 ]
    [[ $output == *REFUSED*memory* ]]
    ! grep -q '^restore' log
}

@test "restore: a failure names its words, the chunk and the offset" {
    FAKE=fail FAKE_READ=6000 run restore "$hvm"
    [ "$status" -eq 8 ]
    [[ $output == *'fake: the HVM context \x1b[31mis bad'* ]]
    [[ $output == *"0x1770 bytes of the stream were read; that is chunk PAGES "*" at 0x20 of the image"* ]]
    [[ $output == *"chunk HVM_CONTEXT at 0x18158"* ]]
}

@test "restore: a back end that crashes is cleaned up behind" {
    FAKE=abort run restore "$hvm"
    [ "$status" -eq 8 ]
    [[ $output == *"signal 6"* && $output == *"half-made domain 7 was destroyed"* ]]
    grep -q '^clean 7' log
}

@test "restore: an interrupt ends the back end and cleans up" {
    FAKE=hang bin/xsrecover restore "$hvm" --via libxc </dev/null >out 2>&1 &
    pid=$!
    for _ in $(seq 100); do
        [ -s stream ] && break
        sleep 0.05
    done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 32 ]
    grep -q 'half-made domain 7 was destroyed' out
    grep -q '^clean 7' log
}

@test "restore: --into leaves a prepared domain, and names it" {
    run bin/xsrecover restore "$hvm" --into 9 </dev/null
    [ "$status" -eq 0 ]
    [[ $output == *"store-mfn 11"*"console-mfn 12"* ]]
    FAKE=abort run bin/xsrecover restore "$hvm" --into 9 --force </dev/null
    [ "$status" -eq 8 ]
    [[ $output == *"domain 9, as it was prepared"* ]]
    ! grep -q '^clean' log
}

@test "restore: a cut image is refused, and with --force handed over as it is" {
    "$xsrecover" convert "$hvm" --skip-qemu --to libxc-v3 -o whole.v3 >/dev/null
    head -c 30000 whole.v3 >cut.v3
    run restore cut.v3
    [ "$((status & 4))" -eq 4 ]
    ! grep -q '^restore' log
    FAKE=fail run restore cut.v3 --force
    [ "$status" -eq 8 ]
    [[ $output == *"chunk PAGE_DATA"* ]]
    cmp stream cut.v3
}

@test "restore: a pipe needs a folder to be kept in" {
    run bash -c 'bin/xsrecover restore - --via libxc <"$1"' - <(cat "$hvm")
    [ "$status" -eq 16 ]
    [[ $output == *"--spool"* ]]
    cat "$hvm" | bin/xsrecover restore - --via libxc --spool .
    grep -q 'emulator 1' log
}

@test "restore: pages that the disk cannot read are refused, or become zeros when asked" {
    [ "$XSI_BIN" = "$XSI_TOP/build" ] || skip "the shim is not loaded beside a sanitizer"
    bad() {
        LD_PRELOAD=$XSI_TOP/build/eio.so XSI_EIO_FILE=$hvm XSI_EIO=0x5000-0x5200 \
            bin/xsrecover restore "$hvm" --via libxc "$@" </dev/null
    }
    run bad
    [ "$status" -ne 0 ]
    ! grep -q '^restore' log
    run bad --unreadable=zero
    [ "$status" -eq 0 ]
}

@test "restore: usage" {
    run bin/xsrecover restore "$hvm" --via xend
    [ "$status" -eq 16 ]
    run bin/xsrecover restore "$hvm" --via xl --into 3
    [ "$status" -eq 16 ]
    run bin/xsrecover restore "$hvm" --into 0
    [ "$status" -eq 16 ]
    run bin/xsrecover restore "$hvm" --guest bsd
    [ "$status" -eq 16 ]
}

@test "plug-ins: another ABI, a smaller table, no table" {
    for flags in -DFAKE_ABI=2 -DFAKE_SIZE=16 -Dxsi_restore_backend=other; do
        backend $flags
        run restore "$hvm"
        [ "$status" -eq 8 ]
        case $flags in
        *ABI*) [[ $output == *"interface 2, this program 1"* ]] ;;
        *SIZE*) [[ $output == *"table of 16 bytes"* ]] ;;
        *) [[ $output == *"it has no table"* ]] ;;
        esac
        [ ! -e log ]
    done
}

@test "plug-ins: a file or a folder that somebody else may write" {
    chmod 777 bin/xsi
    run restore "$hvm"
    [ "$status" -eq 8 ]
    [[ $output == *"others can write to the folder"* ]]
    chmod 755 bin/xsi
    chmod 664 bin/xsi/restore-libxc.so
    run restore "$hvm"
    [ "$status" -eq 8 ]
    [[ $output == *"others can write to the back end"* ]]
    mv bin/xsi/restore-libxc.so elsewhere.so
    ln -s ../../elsewhere.so bin/xsi/restore-libxc.so
    run restore "$hvm"
    [ "$status" -eq 8 ]
    [ ! -e log ]
}

@test "plug-ins: one that was built for a library that is not here says which" {
    printf 'int xc_domain_restore(void);\nint xc_domain_restore(void) { return 0; }\n' >x.c
    cc -shared -fPIC -o libxenguest.so.4.99 -Wl,-soname,libxenguest.so.4.99 x.c
    cc "${options[@]}" -o bin/xsi/restore-libxc.so "$XSI_TOP/tests/shim/backend.c" \
        -Wl,--no-as-needed ./libxenguest.so.4.99
    run restore "$hvm"
    [ "$status" -eq 8 ]
    [[ $output == *"libxenguest.so.4.99"* && $output == *"this host has"* ]]
}
