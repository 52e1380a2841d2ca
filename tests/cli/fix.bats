#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# xsrecover fix and undo on the failure of 2011: the story as it is told, and its refusals.
load common

failure=$XSI_TOP/samples/2011-xapi-hvm.img
reader=xen-4.1/32/xapi

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$failure" web.img
}

# The undo file that an output names.
undo_of() {
    sed -n 's/.*Revert with: xsrecover undo //p' <<<"$output"
}

@test "S1: fix in place as told, then undo gives every byte back" {
    run "$xsdump" --no-pager web.img
    [ "$status" -eq 2 ]
    [[ $output == *"Fixable: xsrecover fix web.img -t $reader"* ]]
    run "$xsrecover" fix web.img -t "$reader" --in-place -y
    [ "$status" -eq 0 ]
    grep -q '^plan     insert-checkpoint: at 0x1a04b insert f7 ff ff ff; 5925 bytes move by 4; 4 bytes of slack used$' <<<"$output"
    grep -q "^recheck  restores on $reader\$" <<<"$output"
    grep -q '^undo     .*\.undo ([0-9]* bytes, synced)$' <<<"$output"
    grep -qE '^written  5929 bytes in [0-9.]+ s\. Revert with: xsrecover undo /' <<<"$output"
    local undo
    undo=$(undo_of)
    [ "$(stat -c %a "$undo")" = 600 ]
    [ "$(stat -c %s web.img)" -eq "$(stat -c %s "$failure")" ]
    [ "$(status_of "$xsdump" -t "$reader" web.img)" -eq 0 ]
    [ "$(status_of "$xsrecover" check -t "$reader" web.img)" -eq 0 ]
    # nothing is left to do
    run "$xsrecover" fix web.img -t "$reader" --in-place -y
    [ "$status" -eq 0 ]
    [[ $output == *"nothing to do"* ]]
    # -n only looks; then every byte comes back, once
    "$xsrecover" undo -n "$undo"
    cmp -s web.img "$failure" && return 1
    [ "$(status_of "$xsrecover" undo "$undo" </dev/null)" -eq 32 ]
    "$xsrecover" undo "$undo" -y
    cmp web.img "$failure"
    run "$xsrecover" undo "$undo" -y
    [ "$status" -eq 8 ]
    [[ $output == *"undone before"* ]]
    cmp web.img "$failure"
}

@test "S1 on a device: its size is fixed, the slack pays" {
    local device
    truncate -s 1M web.img
    cp web.img before.img
    device=$(losetup -f --show "$PWD/web.img" 2>/dev/null) || skip "no loop device"
    run "$xsrecover" fix "$device" -t "$reader" --in-place -y
    local fixed=$status undo
    undo=$(undo_of)
    local sound
    sound=$(status_of "$xsrecover" check "$device")
    "$xsrecover" undo "$undo" -y || :
    losetup -d "$device"
    [ "$fixed" -eq 0 ]
    [ "$sound" -eq 0 ]
    [[ $output == *"4 bytes of slack used"* ]]
    cmp web.img before.img
}

@test "a device without slack: refused with the number of bytes missing, before anything is written" {
    local device
    { head -c 112496 "$failure"; head -c 144 /dev/zero | tr '\0' x; } >tight.img
    cp tight.img before.img
    device=$(losetup -f --show "$PWD/tight.img" 2>/dev/null) || skip "no loop device"
    run "$xsrecover" fix "$device" --in-place -y
    local first=$status text=$output
    run "$xsrecover" fix "$device" -o fixed.img -y
    losetup -d "$device"
    [ "$first" -eq 8 ]
    [[ $text == *"4 bytes are missing"* ]]
    cmp tight.img before.img
    [ $((status & ~1)) -eq 0 ]
    [ "$(stat -c %s fixed.img)" -eq 112644 ]
}

@test "dry run: plan, verdicts, needs and the commands to paste; nothing is written" {
    run "$xsrecover" fix web.img -t "$reader"
    [ "$status" -eq 2 ]
    grep -q '^image    web.img  file, 178032 bytes' <<<"$output"
    grep -q "^before   fails on $reader: " <<<"$output"
    grep -q "^recheck  restores on $reader" <<<"$output"
    grep -q '^needs    in place 5929 bytes are rewritten; an undo file of ' <<<"$output"
    cmp web.img "$failure"
    [ "$(ls)" = web.img ]
    [ -z "$(ls -A "$XSRECOVER_STATE" 2>/dev/null)" ]
    # the commands work as they stand
    local command
    while read -r command; do
        eval "${command/xsrecover/$xsrecover} -y" >/dev/null
    done < <(sed -n 's/.*: *\(xsrecover fix .*\)/\1/p' <<<"$output")
    cmp web.img web.fixed.img
    [ "$(status_of "$xsdump" web.fixed.img)" -eq 0 ]
    [ "$(stat -c %a web.fixed.img)" = 600 ]
}

@test "dry run: the image is opened O_RDONLY, and no write-class call touches it" {
    local image=$PWD/web.img before after
    before=$(stat -c '%Y %Z %s' web.img)
    for options in '' -n '-o out.img -n' '--in-place -n' '--in-place'; do
        # shellcheck disable=SC2086 # options are words
        strace -f -y -qq -o trace "$xsrecover" fix "$image" $options >/dev/null 2>&1 </dev/null || :
        grep -F "$image" trace | grep -E 'open(at)?\(' | grep -q O_RDONLY
        grep -F "$image" trace | grep -E 'open(at)?\(' | grep -v O_RDONLY && return 1
        grep -F "<$image>" trace | grep -vE 'open(at)?\(' | grep -vE \
            '^[0-9]+ +(read|pread64|readv|preadv|fstat|newfstatat|statx|lseek|close|fadvise64|ioctl|fcntl)\(' && return 1
        grep -E 'O_(CREAT|TRUNC|RDWR|WRONLY)' trace | grep -v '"/dev/' && return 1
        grep -qE '^[0-9]+ +(rename|unlink|mkdir|link|symlink|truncate)' trace && return 1
    done
    after=$(stat -c '%Y %Z %s' web.img)
    [ "$before" = "$after" ]
    [ ! -e out.img ]
}

@test "a new file: the image stays, what exists is not replaced, the image is not its own output" {
    "$xsrecover" fix web.img -o new.img -p
    cmp web.img "$failure"
    cp new.img copy.img
    run "$xsrecover" fix web.img -o new.img -y
    [ "$status" -eq 16 ]
    [[ $output == *"not replaced"* ]]
    cmp new.img copy.img
    ln web.img other-name.img
    run "$xsrecover" fix web.img -o other-name.img -y
    [ "$status" -eq 16 ]
    [[ $output == *"the image itself"* ]]
    run "$xsrecover" fix web.img -o missing/new.img -y
    [ "$status" -eq 8 ]
    cmp web.img "$failure"
}

@test "a pipe: bytes on standard output, words on standard error; a sound image passes through" {
    "$xsrecover" fix web.img -o new.img -p
    "$xsrecover" fix web.img -o - -y 2>words | cmp - new.img
    grep -q '^recheck  restores' words
    "$xsrecover" fix new.img -o - -y 2>words | cmp - new.img
    grep -q 'nothing to do' words
    "$xsrecover" fix new.img -o never.img -y
    [ ! -e never.img ]
    # nobody reads: no message without end, an error status
    run bash -c "'$xsrecover' fix web.img -o - -y 2>/dev/null | true; exit \${PIPESTATUS[0]}"
    [ "$status" -eq 8 ] || [ "$status" -eq 0 ] || [ "$status" -ge 128 ]
}

@test "consent: -n shows, no terminal needs -y or -p, -p does nothing that guesses or loses" {
    local image=$XSI_TOP/build/samples/bad-count-neg99.img
    [ "$(status_of "$xsrecover" fix web.img --in-place </dev/null)" -eq 32 ]
    [ "$(status_of "$xsrecover" fix web.img -o a.img </dev/null)" -eq 32 ]
    [ "$(status_of "$xsrecover" fix web.img --in-place -y -n </dev/null)" -eq 2 ]
    cmp web.img "$failure"
    [ ! -e a.img ]
    # -y does what -p does not
    cp "$image" count.img
    run "$xsrecover" fix count.img
    [[ $output == *"guessed: "* ]]
    "$xsrecover" fix count.img --in-place -p </dev/null || :
    cmp count.img "$image"
    "$xsrecover" fix count.img --in-place -y </dev/null || :
    cmp -s count.img "$image" && return 1
    # what contradicts itself
    local options
    for options in '-y -p' '-o x.img --in-place' '--undo x.undo' '--undo x.undo -o x.img' '--at 5' \
        '--recipe none' '--code XS-X99' '-t xen-9' '-t xen-4.1 -t xen-4.2' '--plan x --recipe y'; do
        # shellcheck disable=SC2086 # options are words
        [ "$(status_of "$xsrecover" fix web.img $options)" -eq 16 ] || { echo "$options"; return 1; }
    done
    [ ! -e x.img ]
}

@test "what cannot be mended: pipe, compressed, nothing known; each with the next step" {
    run bash -c "cat web.img | '$xsrecover' fix -"
    [ "$status" -eq 16 ]
    [[ $output == *"save it to a file"* ]]
    gzip -k web.img
    run "$xsrecover" fix web.img.gz
    [ "$status" -eq 16 ]
    [[ $output == *decompress* ]]
    run "$xsrecover" fix missing.img
    [ "$status" -eq 8 ]
    head -c 4096 /dev/urandom >noise.img
    run "$xsrecover" fix noise.img --in-place -y
    [ "$status" -eq 16 ]
    [[ $output == *"no save image is recognised"* ]]
}

@test "not fixable: why, what is left, which readers restore it; nothing is written" {
    local image=$XSI_TOP/build/samples/cut-hvm-context.img
    cp "$image" cut.img
    run "$xsrecover" fix cut.img --in-place -y
    [ $((status & 6)) -ne 0 ]
    grep -q '^result   not fixable for xen-4.5' <<<"$output"
    grep -q '^left     24 of 24 frames have a page; no CPU' <<<"$output"
    grep -q '^others   ' <<<"$output"
    cmp cut.img "$image"
}

@test "a plan as a file: saved, applied to an equal image, refused for another" {
    run "$xsrecover" fix web.img --save-plan web.plan
    [ "$status" -eq 2 ]
    [ "$(stat -c %a web.plan)" = 600 ]
    [ "$(status_of "$xsrecover" fix web.img --save-plan web.plan)" -eq 16 ]
    cp web.img elsewhere.img
    "$xsrecover" fix elsewhere.img --plan web.plan --in-place -y
    "$xsrecover" fix web.img -o new.img -y
    cmp elsewhere.img new.img
    printf x | dd of=web.img bs=1 seek=106571 conv=notrunc status=none
    run "$xsrecover" fix web.img --plan web.plan --in-place -y
    [ "$status" -eq 16 ]
    [ "$(status_of "$xsrecover" fix web.img --plan web.plan -p -o p.img)" -eq 16 ]
    [ "$(status_of "$xsrecover" fix web.img --plan web.img)" -eq 16 ]
}

@test "what is cut out goes to files with --pieces" {
    cp "$XSI_TOP/samples/stray-qemu-pv.img" stray.img
    run "$xsrecover" fix stray.img -t xen-4.1 -o clean.img -y --pieces kept
    echo "$output"
    [ -s clean.img ]
    local piece
    piece=$(find kept -type f | head -n 1)
    [ -s "$piece" ]
    [ "$(stat -c %a "$piece")" = 600 ]
    # it is a stretch of the image
    grep -qF "$(head -c 16 "$piece" | tr -d '\0\n')" -a stray.img
}

@test "an image that changed, or that somebody uses: refused" {
    run "$xsrecover" fix web.img --in-place -y --undo my.undo
    [ "$status" -eq 0 ]
    [ -e my.undo ]
    printf x | dd of=web.img bs=1 seek=110000 conv=notrunc status=none
    run "$xsrecover" undo my.undo -y
    [ "$status" -eq 8 ]
    [[ $output == *changed* ]]
    run "$xsrecover" undo web.img -y
    [ "$status" -eq 16 ]
    [[ $output == *"xsrecover undo $PWD/my.undo"* ]]
    cp "$failure" used.img
    exec 7<>used.img
    run "$xsrecover" fix used.img --in-place -y
    exec 7>&-
    [ "$status" -eq 8 ]
    cmp used.img "$failure"
}

@test "an interrupted write: xsdump warns, fix and patch refuse, undo rolls back" {
    # killed at the sync that follows the writing
    strace -qq -f -o trace -e trace=pwrite64,fsync,fdatasync -P "$PWD/web.img" \
        -e inject=fsync,fdatasync:signal=KILL:when=1 \
        "$xsrecover" fix "$PWD/web.img" --in-place -y >/dev/null 2>&1 </dev/null || :
    cmp -s web.img "$failure" && skip "the write was not interrupted"
    run "$xsdump" --no-pager -q web.img
    [[ $output == *"WARNING"*"xsrecover undo "* ]]
    run "$xsrecover" fix web.img </dev/null
    [ "$status" -eq 32 ]
    run "$xsrecover" patch web.img --at 0 --set 58 --in-place -p </dev/null
    [ "$status" -eq 32 ]
    local undo
    undo=$(sed -n 's/.*xsrecover undo //p' <<<"$output" | head -n 1)
    "$xsrecover" undo "$undo" -y
    cmp web.img "$failure"
    [ "$(status_of "$xsrecover" fix web.img)" -eq 2 ]
}

@test "an interrupted write: no option of another command consents to the roll-back" {
    strace -qq -f -o trace -P "$PWD/web.img" -e inject=fsync,fdatasync:signal=KILL:when=1 \
        "$xsrecover" fix "$PWD/web.img" --in-place -y >/dev/null 2>&1 </dev/null || :
    cmp -s web.img "$failure" && skip "the write was not interrupted"
    cp web.img half.copy
    local how undo=$XSRECOVER_STATE/web.img-1.undo
    for how in "" -n -y "-o new.img -y" "-o new.img -p" "--in-place -y" "--in-place -p"; do
        # shellcheck disable=SC2086 # several words
        run "$xsrecover" fix web.img $how </dev/null
        [ "$status" -eq 32 ]
        [[ $output == *"refused until it is rolled back"*"xsrecover undo $undo"* ]]
    done
    # the debugger looks, and does not write either
    for how in "commit --in-place -y" "commit -o new.img"; do
        run "$xsrecover" web.img -c 'patch 0 58' -c "$how" </dev/null
        [ "$status" -eq 32 ]
        [[ $output == *"refused until it is rolled back"*"xsrecover undo $undo"* ]]
    done
    [ ! -e new.img ]
    cmp web.img half.copy
    # moved away: the message says how
    mv web.img moved.img
    run "$xsrecover" undo "$undo" -y
    [ "$status" -eq 8 ]
    [[ $output == *"xsrecover undo $undo NEWPLACE"* ]]
    mv moved.img web.img
    "$xsrecover" undo "$undo" -y
    cmp web.img "$failure"
}

@test "commands that are printed can be pasted, whatever the image is called" {
    local name line words
    for name in "a'\$(touch made)'b.img" $'new\nline \xff\\x\e[31m.img' '"two  words" `touch made`.img'; do
        cp "$failure" "$name"
        line=$("$xsrecover" fix "$name" | sed -n 's/^apply    to a new file: xsrecover //p')
        [ "$(LC_ALL=C tr -d '\40-\176' <<<"$line" | wc -c)" -eq 1 ] # one line end, nothing raw
        eval "words=($line)"
        [ "${words[1]}" = "$name" ]
        "$xsrecover" "${words[@]}" -p
        cmp "${words[5]}" <("$xsrecover" fix web.img -o - -p 2>/dev/null)
        eval "words=($("$xsdump" -q "$name" | sed -n 's/.*Fixable: xsrecover //p'))"
        [ "${words[1]}" = "$name" ]
        [ ! -e made ]
    done
}

@test "nobody reads the plan: nothing is written" {
    local how
    for how in "fix web.img --in-place -y" "fix web.img -o new.img -y" \
        "web.img -c fix -c 'commit --in-place -y'"; do
        run bash -c "(sleep 0.1; '$xsrecover' $how) | true; exit \${PIPESTATUS[0]}"
        [ "$status" -eq 8 ]
    done
    [ ! -e new.img ]
    cmp web.img "$failure"
}

@test "-p, and only something lossy would help: told, and cancelled" {
    run "$xsrecover" fix "$XSI_TOP/build/samples/bad-count-neg99.img" -o new.img -p
    [ "$status" -eq 32 ]
    [[ $output == *"fixable without -p"*"rebuild-count"* ]]
    [ ! -e new.img ]
}

@test "no place for the undo file: in place is not offered, the way out is" {
    XSRECOVER_STATE=$PWD/no/such/folder run "$xsrecover" fix web.img
    [ "$status" -eq 2 ]
    [[ $output == *"in place: the undo file cannot be written there"*"--undo FILE"* ]]
}

@test "not recognised: the next step is named" {
    head -c 4096 /dev/urandom >noise.img
    run "$xsrecover" fix noise.img
    [ "$status" -eq 16 ]
    [[ $output == *"xsdump --as list noise.img"*"xsdump --offset N noise.img"* ]]
    { printf junkjunkjunk!; cat "$XSI_TOP/build/samples/bad-count-neg99.img"; } >junk.img
    # what is told of a part names the part
    run "$xsdump" --no-pager -q --offset 13 junk.img
    [[ $output == *"xsdump --scan -a --offset 0xd junk.img"* ]]
    [[ $output == *"once it is cut out to a file of its own: xsrecover fix FILE"* ]]
}

@test "one question on a terminal: no leaves the image, yes writes it" {
    command -v tmux >/dev/null || skip "no tmux"
    export TMUX_TMPDIR=$BATS_TEST_TMPDIR
    local answer want
    for answer in n y; do
        tmux -L fix -f /dev/null new-session -d -x 160 -y 50 \
            "XSRECOVER_STATE=$XSRECOVER_STATE $xsrecover fix web.img --in-place; echo status \$?; sleep 20"
        wait_for 'Write this to web.img itself? \[y/N\]'
        [ "$(tmux -L fix capture-pane -p | grep -c 'y/N')" -eq 1 ]
        tmux -L fix send-keys "$answer" Enter
        wait_for 'status [0-9]'
        want=$([ "$answer" = y ] && echo 0 || echo 32)
        tmux -L fix capture-pane -p | grep -q "^status $want\$"
        tmux -L fix kill-server
        if [ "$answer" = n ]; then cmp web.img "$failure"; fi
    done
    cmp -s web.img "$failure" && return 1
    [ "$(status_of "$xsrecover" check web.img)" -eq 0 ]
}

# Until the screen shows it; 5 s.
wait_for() {
    local i
    for ((i = 0; i < 100; i++)); do
        tmux -L fix capture-pane -p | grep -q "$1" && return 0
        sleep 0.05
    done
    tmux -L fix capture-pane -p
    tmux -L fix kill-server
    return 1
}

@test "--log: a transcript that grows, and nothing else is written to" {
    "$xsrecover" fix web.img --log ticket.txt || :
    "$xsrecover" fix web.img --in-place --log ticket.txt </dev/null || :
    [ "$(grep -c '^\$ xsrecover fix' ticket.txt)" -eq 2 ]
    grep -q '^recheck  restores' ticket.txt
    grep -q 'not written: standard input is no terminal' ticket.txt
    grep -q '^# exit status 32' ticket.txt
    [ "$(stat -c %a ticket.txt)" = 600 ]
    run "$xsrecover" fix web.img --log web.img
    [ "$status" -eq 16 ]
    cmp web.img "$failure"
}
