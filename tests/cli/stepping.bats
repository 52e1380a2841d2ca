#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Stepping through a restore in the debugger: reader, run, step, next, continue, break, watch,
# where, info state, log.
load common

samples=$XSI_TOP/build/samples
failure=$XSI_TOP/samples/2011-xapi-hvm.img
xsrecover=$XSI_BIN/xsrecover

# debug IMAGE COMMAND...: run these commands; the status is the debugger's.
debug() {
    local image=$1 command
    local -a words=()
    shift
    for command; do words+=(-c "$command"); done
    run "$xsrecover" "$image" "${words[@]}" </dev/null
    [[ $output != *"runtime error"* && $output != *AddressSanitizer* ]]
}

# Each line must stand in the output, in this order.
in_order() {
    local line rest=$output
    for line; do
        [[ $rest == *"$line"* ]] || { printf 'missing: %s\nin:\n%s\n' "$line" "$output"; return 1; }
        rest=${rest#*"$line"}
    done
}

@test "2011: run stops at the read that goes wrong, with its purpose and what really stands there" {
    debug "$failure" 'reader xen-4.1/32/xapi' run
    [ "$status" -lt 8 ]
    in_order 'stopped: this read goes wrong' \
        'libxc reads 4 bytes at 0x1b023: batch size or chunk id' \
        '51 65 6d 75  Qemu' \
        '1970103633 = 0x756d6551 = bytes 51 65 6d 75 = "Qemu": a QEMU device-model record' \
        'QEMU_RECORD (qemu-xapi)' \
        'libxc error: Max batch size exceeded (1970103633). Giving up.' \
        'verdict  fails on xen-4.1/32/xapi' \
        '`fix` stages insert-checkpoint'
}

@test "2011: where, info state and log at that read; continue ends with the verdict" {
    debug "$failure" run where 'info state' 'info state non_blocking' log continue
    [ "$status" -lt 8 ]
    in_order '#0  libxc of xen-4.1/32/xapi' '#1  xapi' 'it stands at 0x1b027' \
        'libxc reads 4 bytes at 0x1b023'
    grep -qE '^  checkpoints +1 ' <<<"$output"
    grep -qE '^  last_checkpoint +no ' <<<"$output"
    [ "$(grep -cE '^  non_blocking +yes ' <<<"$output")" -eq 2 ]
    grep -qE '^  last_count +1970103633 ' <<<"$output"
    grep -qE '^  vcpu_map +0x1 ' <<<"$output"
    grep -qE '^  pages +24 ' <<<"$output"
    [ "$(grep -c 'Max batch size exceeded' <<<"$output")" -eq 2 ]
    in_order 'xapi error: Restore_signature_mismatch' 'The restore is over after 21 reads.' \
        'rc 0 after' 'verdict  fails'
}

@test "2011: a reader that does not fail is not stopped" {
    debug "$failure" 'reader xen-3.4/32' run
    [ "$status" -lt 8 ]
    [[ $output != *stopped:* ]]
    in_order 'The restore is over' 'verdict  restores on xen-3.4/32'
}

@test "step and next: one read, one chunk, and the place moves along" {
    debug "$failure" step 'step 2' step next next 'x/4xb .'
    [ "$status" -lt 8 ]
    in_order '(xapi begins)' 'xapi reads 15 bytes at 0x0: signature' \
        'libxc' 'p2m_size' 'libxc reads 4 bytes at 0x13: batch size or chunk id' \
        '1024 entries in a batch' 'chunk 2' \
        'libxc reads 4096 bytes at 0x17: entries of a batch' \
        'libxc reads 4 bytes at 0x11017' 'chunk 3' \
        'libxc reads 4 bytes at 0x1a01b' '-2, the id of VCPU_INFO' '0x0001a01b'
}

@test "back: the read before, with what was known and logged then; from the end to the last read" {
    debug "$failure" run back 'info state' 'where' log
    [ "$status" -lt 8 ]
    in_order 'libxc reads 4 bytes at 0x1b023' 'libxc stores 4024 bytes at 0x1a06b: HVM context' \
        'checkpoint 1 is complete' 'read 19 of 21' 'stores 4024 bytes'
    grep -qE '^  last_count +0 ' <<<"$output"
    in_order 'It has logged nothing so far.'
    debug "$failure" run continue back 'back 3' 'back 100' step
    [ "$status" -lt 8 ]
    in_order 'The restore is over after 21 reads.' 'xapi reads' 'libxc reads' \
        'xapi reads 15 bytes at 0x0: signature' 'libxc reads'
    debug "$failure" step back
    [ "$status" -eq 16 ]
    in_order 'this is the first read'
    debug "$failure" back
    [ "$status" -eq 16 ]
    in_order 'no restore is under way'
}

@test "back: all that is known at a read is as on the way there" {
    local there number
    for number in 1 5 12 20; do
        debug "$failure" "step $number" where 'info state all' log
        there=${output#*'#0  '}
        debug "$failure" run continue "back $((22 - number))" where 'info state all' log
        [ "${output#*'#0  '}" = "$there" ] || { printf '%s\nnot\n%s\n' "$output" "$there"; return 1; }
    done
}

@test "back: a watched value changes again behind it, and breakpoints do not stop it" {
    debug "$failure" 'break VCPU_INFO' 'watch checkpoints' run continue back continue 'back 20'
    [ "$status" -lt 8 ]
    [ "$(grep -c '^breakpoint 1 .*VCPU_INFO' <<<"$output")" -eq 2 ] # made, and met once
    [ "$(grep -c '^watchpoint 2  libxc.checkpoints: 0 -> 1' <<<"$output")" -eq 2 ]
}

@test "a long step ends with the restore, and the next one says how to go on" {
    debug "$failure" 'step 1000'
    [ "$status" -lt 8 ]
    in_order 'The restore is over after 21 reads.'
    debug "$failure" 'step 1000' step
    [ "$status" -eq 16 ]
    [[ $output == *'`run` begins it anew'* ]]
    debug "$failure" where
    [ "$status" -eq 16 ]
    [[ $output == *'no restore is under way'* ]]
}

@test "breakpoints: type, offset, finding, checkpoint, error line" {
    debug "$failure" 'break hvm_context' 'break 0x1a050' 'break XS-L09' 'break checkpoint 1' \
        'break error' run continue continue continue continue continue break
    [ "$status" -lt 8 ]
    in_order 'breakpoint 1  chunks of type HVM_CONTEXT' \
        'breakpoint 2  offset 0x1a050: byte 1 of MAGIC_PFNS' \
        'breakpoint 3  finding XS-L09' 'libxc reads 4 bytes at 0x1a04b' '0, the id of END' \
        'breakpoint 2  offset 0x1a050' 'libxc reads 24 bytes at 0x1a04f: magic frames' \
        'breakpoint 1  chunks of type HVM_CONTEXT' 'length of the HVM context' \
        'breakpoint 4  checkpoint 1 is complete' 'libxc stores 4024 bytes' \
        'stopped: this read goes wrong' \
        'breakpoint 5  an error line' 'xapi reads 22 bytes' \
        'stopped 1 time'
}

@test "break delete and a place that is none" {
    debug "$failure" 'break 0x10' 'break delete 1' break
    [ "$status" -lt 8 ]
    [[ $output == *'No break- or watchpoints'* ]]
    debug "$failure" 'break delete 7'
    [ "$status" -eq 16 ]
    debug "$failure" 'break NO_SUCH_CHUNK'
    [ "$status" -eq 16 ]
}

@test "watch: last_checkpoint changes where the chunk is read; an unknown name is refused" {
    debug "$samples/hvm-4.1-small.img" 'reader xen-4.1' 'watch last_checkpoint' run continue
    [ "$status" -lt 8 ]
    in_order 'watchpoint 1  changes of libxc.last_checkpoint' \
        'watchpoint 1  libxc.last_checkpoint: no -> yes' \
        'the id of LAST_CHECKPOINT' 'The restore is over' 'verdict  restores on xen-4.1'
    debug "$failure" 'watch checkpoints' run
    in_order 'libxc.checkpoints: 0 -> 1' 'HVM context'
    debug "$failure" 'watch no_such_state'
    [ "$status" -eq 16 ]
    [[ $output == *libxc.last_checkpoint* ]]
}

@test "a stray record behind a PV tail: the reader that looks on stops there" {
    debug "$samples/stray-qemu-pv.img" 'reader xen-4.1' run 'info state'
    [ "$status" -lt 8 ]
    in_order 'stopped: this read goes wrong' 'batch size or chunk id' '"Qemu"' 'QEMU_RECORD'
    grep -qE '^  vcpus_set +0 ' <<<"$output"
    grep -qE '^  guest_width ' <<<"$output"
}

@test "v2: records, their fields, what the restore knows" {
    debug "$samples/v3-hvm-4.17-small.img" 'step 2' 'watch static_data_end' continue 'info state' \
        continue
    [ "$status" -lt 8 ]
    in_order 'libxc reads 16 bytes at 0x18: domain header' 'type x86_hvm' \
        'libxc: Found x86 HVM domain from Xen 4.17' \
        'libxc.static_data_end: no -> yes' 'Restore successful' 'verdict  restores'
    grep -qE '^  version +3 ' <<<"$output"
}

@test "a toolstack's own refusal: it stops at the bytes that the verdict is about" {
    debug "$samples/xl-hvm-4.6-physmap.img" 'reader xen-4.22' run where 'info state'
    [ "$status" -lt 8 ]
    in_order 'stopped: the verdict is about bytes of this read' 'libxl reads' 'EMULATOR_CONTEXT' \
        '#0  libxl of xen-4.22' '#1  xl'
}

@test "a change of the plan drops the restore; breakpoints stay" {
    debug "$failure" 'break error' run 'fix' run break 'quit -f'
    [ "$status" -lt 8 ]
    in_order 'stopped: this read goes wrong' 'verdict  restores on xen-4.1/32/xapi' \
        'The restore is over' 'verdict  restores on xen-4.1/32/xapi' 'error lines'
}

@test "every sample: run and continue come to an end, nothing unescaped" {
    local image n=0
    while read -r image; do
        n=$((n + 1))
        [ $((n % 12)) -eq 0 ] || continue
        "$xsrecover" "$image" -c run -c continue -c continue -c 'info state all' -c log </dev/null \
            >"$BATS_TEST_TMPDIR/out" 2>&1 || [ $? -le 16 ] ||
            { echo "$image"; cat "$BATS_TEST_TMPDIR/out"; return 1; }
        if LC_ALL=C grep -qaE $'[\001-\010\013-\037\177]|runtime error|Sanitizer' \
            "$BATS_TEST_TMPDIR/out"; then
            echo "$image"
            cat -v "$BATS_TEST_TMPDIR/out"
            return 1
        fi
    done < <(images)
    [ "$n" -gt 100 ]
}
