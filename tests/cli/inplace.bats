#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 3, crash-matrix, with the program itself: xsrecover is killed, or the disk under it
# fails, at each step of a fix in place and of an undo. Afterwards the image is the old or the new
# one, byte for byte, and undo gives the old one. The steps are those of tests/shim/writes.c; the
# kills by strace are those of the kernel.
load common

failure=$XSI_TOP/samples/2011-xapi-hvm.img
shim=$XSI_TOP/build/writes.so

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$failure" web.img
    "$xsrecover" fix web.img --in-place -y >/dev/null </dev/null
    mv web.img fixed.img
    rm -rf "$XSRECOVER_STATE"
}

fix() { "$xsrecover" fix "$PWD/web.img" --in-place -y; }
undo() { "$xsrecover" undo "$XSRECOVER_STATE/web.img-1.undo" -y; }

# A sound start: for an undo, with the fix made.
prepare() {
    rm -rf "$XSRECOVER_STATE" web.img
    cp "$failure" web.img
    [ "$1" = fix ] || fix >/dev/null 2>&1
}

# Old or new, and what the undo file says of it is right. $1: what it is called in a message.
whole() {
    local undo status
    undo=$(find "$XSRECOVER_STATE" -name '*.undo' 2>/dev/null)
    if [ -z "$undo" ]; then
        cmp web.img "$failure" || { echo "$1: no undo file, and not the old image"; return 1; }
        return 0
    fi
    status=$(status_of "$xsrecover" undo "$undo" -y)
    # 8: undone before, or the write never began; 16: not even the head of the undo file was written
    case $status in
    0 | 8 | 16) ;;
    *) echo "$1: undo has status $status"; return 1 ;;
    esac
    cmp web.img "$failure" || { echo "$1: not the old image after undo ($status)"; return 1; }
    # a second run is not in the way of the first
    fix >/dev/null 2>&1 && cmp web.img fixed.img || { echo "$1: the second run failed"; return 1; }
}

# One fault at each step of a command, until it gets through as if nothing were wrong.
matrix() {
    local verb=$1 fault=$2 step status wanted=fixed.img
    [ "$verb" = fix ] || wanted=$failure
    for ((step = 0; step < 200; step++)); do
        prepare "$verb"
        status=0
        LD_PRELOAD=$shim XSI_WRITES=$fault:$step:$step "$verb" >out 2>&1 </dev/null || status=$?
        if [ "$status" -eq 0 ]; then
            cmp web.img "$wanted" || { echo "$verb, fault $fault, step $step: wrong"; return 1; }
        elif [ "$status" -lt 128 ] && [ "$verb" = fix ] && [ "$fault" -lt 5 ]; then
            # it lives and says that it failed: rolled back already
            cmp web.img "$failure" || { echo "fix, fault $fault, step $step: half"; return 1; }
        fi
        whole "$verb, fault $fault, step $step" || { cat out; return 1; }
        # two steps behind the last one that the fault stopped
        [ "$status" -eq 0 ] || last=$step
        [ "$step" -le "$((last + 2))" ] || break
    done
    [ "$step" -lt 200 ]
}

every() {
    local last=0
    [ -e "$shim" ] || skip "$shim is not built"
    matrix "$1" "$2"
}

@test "crash-matrix: fix in place is killed at each step" { every fix 6; }
@test "crash-matrix: fix in place, power cut, nothing unsynced is kept" { every fix 7; }
@test "crash-matrix: fix in place, power cut, some sectors are kept" { every fix 8; }
@test "crash-matrix: fix in place, the disk dies" { every fix 5; }
@test "crash-matrix: undo is killed at each step" { every undo 6; }
@test "crash-matrix: undo, power cut, some sectors are kept" { every undo 8; }

@test "crash-matrix: SIGKILL in each system call that writes" {
    local call n status kills=0
    for call in pwrite64 fsync fdatasync ftruncate fallocate; do
        for ((n = 1; n < 50; n++)); do
            prepare fix
            status=0
            strace -qq -f -o trace -e inject=$call:signal=KILL:when=$n \
                "$xsrecover" fix "$PWD/web.img" --in-place -y >/dev/null 2>&1 </dev/null || status=$?
            whole "$call $n"
            [ "$status" -ne 0 ] || break
            kills=$((kills + 1))
        done
    done 2>/dev/null
    [ "$kills" -gt 8 ] && [ "$n" -lt 50 ]
}

@test "the program writes the extents and the undo file, and nothing else" {
    prepare fix
    strace -qq -f -y -o trace -e trace=pwrite64,write,ftruncate,fallocate,rename,unlink \
        "$xsrecover" fix "$PWD/web.img" --in-place -y >/dev/null 2>&1 </dev/null
    # 5929 bytes of the image, from the edit on
    [ "$(grep pwrite64 trace | grep -F "$PWD/web.img>" | sed 's/.*= //' | paste -sd+ | bc)" -eq 5929 ]
    grep pwrite64 trace | grep -F "$PWD/web.img>" | grep -q ', 106571) = '
    grep -E '(pwrite64|write|ftruncate|fallocate)\(' trace | grep -vE '\((1|2)<' |
        grep -vF "$PWD/web.img>" | grep -vF "$XSRECOVER_STATE/" && return 1
    return 0
}

@test "a file system without locks: only when somebody vouches for it" {
    prepare fix
    run strace -qq -f -o trace -e inject=flock:error=ENOLCK \
        "$xsrecover" fix "$PWD/web.img" --in-place -y </dev/null
    [ "$status" -eq 8 ]
    [[ $output == *--assume-unused* ]]
    cmp web.img "$failure"
    strace -qq -f -o trace -e inject=flock:error=ENOLCK \
        "$xsrecover" fix "$PWD/web.img" --in-place --assume-unused -y </dev/null
    cmp web.img fixed.img
}
