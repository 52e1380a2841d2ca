#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# xsrecover patch, truncate, undo, check and help: what they do and what they refuse.
load common

failure=$XSI_TOP/samples/2011-xapi-hvm.img
samples=$XSI_TOP/build/samples

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$failure" web.img
}

# recover STATUS ARGUMENT…: the status must be that one.
recover() {
    local want=$1
    shift
    run "$xsrecover" "$@"
    [ "$status" -eq "$want" ] || { echo "xsrecover $*: $status, not $want"; echo "$output"; return 1; }
}

@test "patch: set, insert and delete, several in any order, at the places of the image as it is" {
    printf '0123456789' >ten
    recover 16 patch ten --at 8 --delete 1 --at 2 --set 'AB 43' --at 0 --insert 2d2d -o new -y
    cmp <(printf -- '--01\253C45679') new
    cmp <(printf '0123456789') ten
    # a second --set goes on behind the first
    recover 16 patch ten --at 0 --set 61 --set 62 -o two -y
    cmp <(printf 'ab23456789') two
    recover 16 patch ten --at 10 --insert 0x41 -o three -y
    cmp <(printf '0123456789A') three
}

@test "patch: the plan is checked like any other, and the verdict may get worse" {
    recover 2 patch web.img -t xen-4.1/32/xapi --at 0x1a04b --insert f7ffffff
    [[ $output == *"71461 bytes move by 4"* && $output == *"recheck  restores"* ]]
    recover 7 patch web.img --at 3 --set 00 --in-place -y --undo p.undo
    [[ $output == *"recheck  fails"*"written  1 bytes"* ]]
    cmp web.img "$failure" | grep -q 'byte 4,'
    recover 0 undo p.undo -y
    cmp web.img "$failure"
}

@test "patch: what is refused, with nothing written" {
    recover 16 patch web.img -o a.img -y
    recover 16 patch web.img --set 00 -o a.img -y
    recover 16 patch web.img --at 5 -o a.img -y
    recover 16 patch web.img --at 5 --set 0 -o a.img -y
    recover 16 patch web.img --at 5 --set xx -o a.img -y
    recover 16 patch web.img --at 5 --set '' -o a.img -y
    recover 16 patch web.img --at 5 --delete 0 -o a.img -y
    recover 16 patch web.img --at 5x --set 00 -o a.img -y
    recover 16 patch web.img --at 178032 --set 00 -o a.img -y
    recover 16 patch web.img --at 178033 --insert 00 -o a.img -y
    recover 16 patch web.img --at 5 --delete 18446744073709551615 -o a.img -y
    recover 16 patch web.img --at 5 --set 0000 --at 6 --set 00 -o a.img -y
    recover 16 patch web.img --at 5 --recipe insert-checkpoint -o a.img -y
    recover 32 patch web.img --at 5 --delete 3 -o a.img -p
    recover 32 patch web.img --at 5 --set 00 -o a.img </dev/null
    [ ! -e a.img ]
    cmp web.img "$failure"
}

@test "truncate: at a place, behind the stream, nothing to do the second time" {
    recover 2 truncate web.img --at-end-of-stream --in-place -p
    [ "$(stat -c %s web.img)" -eq 112496 ]
    local undo
    undo=$(sed -n 's/.*Revert with: xsrecover undo //p' <<<"$output")
    recover 0 truncate web.img --at-end-of-stream --in-place -p
    [[ $output == *"nothing to do"* ]]
    recover 0 undo "$undo" -y
    cmp web.img "$failure"
    "$xsrecover" truncate web.img --at 0x1000 -o short.img -y || :
    cmp <(head -c 4096 "$failure") short.img
    recover 32 truncate web.img --at 0x1000 -o never.img -p
    recover 16 truncate web.img
    recover 16 truncate web.img --at 5 --at-end-of-stream
    recover 16 truncate web.img --at 178033
    recover 16 truncate web.img --checkpoint 0
    recover 16 truncate web.img --checkpoint 2
    [ ! -e never.img ]
}

@test "truncate: behind a checkpoint of a Remus stream, with the device model's state" {
    local image checkpoints i
    for image in hvm-4.1-remus v3-hvm-remus; do
        checkpoints=$("$xsrecover" truncate "$samples/$image.img" --checkpoint 999 2>&1 |
            sed -n 's/.* holds \([0-9]*\) complete.*/\1/p')
        [ "$checkpoints" -ge 2 ]
        for ((i = 1; i < checkpoints; i++)); do
            "$xsrecover" truncate "$samples/$image.img" --checkpoint "$i" -o "$image-$i.img" -y || :
            # what is left is a beginning of the image with that many checkpoints
            cmp -n "$(stat -c %s "$image-$i.img")" "$image-$i.img" "$samples/$image.img"
            [ "$("$xsrecover" truncate "$image-$i.img" --checkpoint 999 2>&1 |
                sed -n 's/.* holds \([0-9]*\) complete.*/\1/p')" -eq "$i" ]
        done
    done
}

@test "truncate on a device: the size stays, the rest becomes zeros" {
    local device
    { head -c 112496 "$failure"; head -c 144 /dev/zero | tr '\0' x; } >tail.img
    cp tail.img before.img
    device=$(losetup -f --show "$PWD/tail.img" 2>/dev/null) || skip "no loop device"
    run "$xsrecover" truncate "$device" --at-end-of-stream --in-place -y
    losetup -d "$device"
    [ "$status" -eq 2 ]
    [ "$(stat -c %s tail.img)" -eq 112640 ]
    cmp tail.img <(head -c 112496 "$failure"; head -c 144 /dev/zero)
}

@test "undo: only undo files, only once, only of an image that was not changed since" {
    recover 8 undo missing.undo
    recover 16 undo web.img -y
    [[ $output == *"no undo file"* ]]
    recover 0 fix web.img --in-place -p --undo web.undo
    cp web.img fixed.img
    recover 0 undo web.undo -n
    [[ $output == *"can be undone"* ]]
    cmp web.img fixed.img
    # another image, and one of another size
    cp "$failure" other.img
    recover 8 undo web.undo other.img -y
    cmp other.img "$failure"
    printf x >>web.img
    recover 8 undo web.undo -y
    truncate -s -1 web.img
    # a damaged undo file
    cp web.undo bad.undo
    printf '\377' | dd of=bad.undo bs=1 seek=100 conv=notrunc status=none
    cmp -s web.undo bad.undo || { run "$xsrecover" undo bad.undo -y; [ "$status" -ne 0 ]; }
    cmp web.img fixed.img
    # moved meanwhile
    mv web.img moved.img
    recover 8 undo web.undo -y
    recover 0 undo web.undo moved.img -y
    cmp moved.img "$failure"
    recover 8 undo web.undo moved.img -y
}

@test "check: findings, state and the target's verdict; the exit status of xsdump" {
    recover 2 check web.img
    [[ $output == *"XS-L09"*"STATE    whole"*"VERDICT  fails on xen-4.1/32/xapi"* ]]
    [[ $output == *"Fixable: xsrecover fix web.img -t xen-4.1/32/xapi"* ]]
    run "$xsrecover" check -t xen-3.4/32 -t xen-4.5/32 web.img
    [ "$(grep -c '^VERDICT' <<<"$output")" -eq 2 ]
    local image
    while read -r image; do
        [ "$(status_of "$xsrecover" check "$image")" -eq "$(status_of "$xsdump" -q "$image")" ] ||
            { echo "$image"; return 1; }
    done < <(images | awk 'NR % 7 == 2')
    # a pipe and a compressed image too
    gzip -k web.img
    recover 2 check web.img.gz
    [[ $output == *"once it is decompressed"* ]]
    run bash -c "cat web.img | '$xsrecover' check -"
    [ "$status" -eq 2 ]
    [[ $output == *"once it is saved to a file"* ]]
}

@test "commands: unknown ones, missing and superfluous arguments, help from the rows" {
    recover 16
    recover 16 mend
    recover 16 fix
    recover 16 fix web.img web.img
    recover 16 undo
    recover 16 check
    recover 16 help nothing-like-this
    recover 16 check --in-place web.img
    recover 0 --help
    recover 0 --version
    local command option
    for command in check fix help patch truncate undo; do
        recover 0 help "$command"
        grep -q "^Usage: xsrecover $command" <<<"$output"
        recover 0 "$command" --help
    done
    recover 0 fix --help
    for option in target output in-place undo recipe at code as scan save-plan plan pieces \
        assume-unused log; do
        grep -q -- "--$option" <<<"$output"
    done
    recover 0 help recipes
    grep -q '^  insert-checkpoint ' <<<"$output"
    recover 0 help insert-checkpoint
    [[ $output == *XS-L09* ]]
    # an image that is called like a command
    cp web.img fix
    run "$xsrecover" ./fix -c quit
    [ $((status & 24)) -eq 0 ]
}

@test "hostile file names reach no terminal and no shell" {
    local evil tool=$XSI_TOP/tests/lib/hostile_text.py
    evil=$(printf 'a\033[2J;touch pwned;\302\233.img')
    cp web.img "$evil"
    { "$xsrecover" fix "$evil" 2>&1 || :; } | python3 "$tool" judge
    { "$xsrecover" check "$evil" 2>&1 || :; } | python3 "$tool" judge
    { "$xsrecover" fix "$evil" --in-place -y 2>&1 || :; } | python3 "$tool" judge
    cp web.img 'b c;touch pwned.img'
    run "$xsrecover" fix 'b c;touch pwned.img'
    eval "$(sed -n "s/.*to a new file: xsrecover/'${xsrecover//\//\\/}'/p" <<<"$output") -y"
    [ -e 'b c;touch pwned.fixed.img' ]
    [ ! -e pwned ] && [ ! -e pwned.img ]
}
