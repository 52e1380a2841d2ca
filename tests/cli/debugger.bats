#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The recovery debugger, driven by -c and -f.
load common

xsrecover=$XSI_BIN/xsrecover
samples=$XSI_TOP/build/samples
flip=$samples/bad-count-flip.img
xapi=$samples/2011-xapi-hvm.img

setup() {
    export HOME=$BATS_TEST_TMPDIR XSRECOVER_STATE=$BATS_TEST_TMPDIR/state
    unset XDG_STATE_HOME
    cd "$BATS_TEST_TMPDIR" || return 1
}

# The debugger on an image with a command per argument; fails on bits 8 and beyond.
debug() {
    local image=$1 c args=()
    shift
    for c in "$@"; do args+=(-c "$c"); done
    "$xsrecover" "$image" "${args[@]}"
}

says() {
    grep -qF -e "$1" <<<"$output" || { printf 'not said: %s\n--\n%s\n' "$1" "$output"; return 1; }
}

silent() {
    ! grep -qF -e "$1" <<<"$output" || { printf 'said: %s\n--\n%s\n' "$1" "$output"; return 1; }
}

@test "debugger: one flipped bit in a batch count, as a script" {
    cat >script <<'SCRIPT'
# a flipped bit in a batch count in the middle
findings
scan
why XS-L01
set count 64        # the current position is the damaged batch
check
commit -o fixed.img
SCRIPT
    run "$xsrecover" "$flip" -f script
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says 'error XS-L01 bad-count at 0x101c8c'
    says 'goes on  at 0x141e90: PAGES, chunk 11; certain'
    says '4160 differs from 64 in one bit, bit 12'
    says 'staged   set: at 0x101c8c set 40 00 00 00'
    says 'no findings'
    says 'verdict  restores on xen-4.5'
    cmp fixed.img "$samples/carve-legacy.img"
    [ "$(stat -c %a fixed.img)" = 600 ]
}

@test "debugger: an image of 3.4 for XenServer's 4.1, to a new file and in place" {
    run debug "$xapi" run 'where' fix check 'commit -o new.img'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says 'stopped: this read goes wrong'
    says 'Max batch size exceeded (1970103633). Giving up.'
    says 'insert-checkpoint: at 0x1a04b insert f7 ff ff ff'
    says 'verdict  restores on xen-4.1/32/xapi'
    [ "$(status_of "$xsdump" new.img)" -le 1 ]

    cp "$xapi" image
    run "$xsrecover" image -c fix -c 'commit --in-place' </dev/null
    [ "$status" -eq 32 ] || { echo "$output"; return 1; }
    cmp image "$xapi"
    run "$xsrecover" image --undo journal -c fix -c 'commit --in-place -y' -c check -c 'info plan'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says 'nothing is staged'
    [ "$(status_of "$xsdump" image)" -le 1 ]
    [ "$(stat -c %s image)" = "$(stat -c %s "$xapi")" ]
    "$xsrecover" undo journal -y
    cmp image "$xapi"
}

@test "debugger: looking" {
    run debug "$flip" 'info image' 'info stack' 'info readers' list 'list 16-18' 'print TSC_INFO' \
        'print TSC_INFO.frequency' 'goto LAST_CHECKPOINT+2' 'print 5' 'print @0x1468.mode' \
        'print mode' 'print PAGES.entries[3].pfn'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says '640 frames, 2 vCPUs'
    says 'libxc-legacy64     from 0x00000000, 25 chunks'
    says '=> xen-4.5 '
    says '0x0000147c     2626600  PAGES x10              XS-L01 pfn 0x0-0x27f'
    says '0x00001474  frequency                2400000 kHz'
    says '0x002828b6  byte 2 of LAST_CHECKPOINT, chunk 17 at 0x2828b4'
    [ "$(grep -c '^0x00001468  mode  *default (0)$' <<<"$output")" -eq 4 ]
    says '0x00001498  entries.3.pfn            0x3'
}

@test "debugger: --at is where it stands at first, and lies within the image" {
    run "$xsrecover" "$xapi" --at 0x1b023 -t xen-4.1/32/xapi -c goto -c 'x/4xb .'
    [ "$status" -lt 8 ] || { echo "$output"; return 1; }
    says '0x0001b023  QEMU_RECORD, chunk 10'
    says '0x51 0x65 0x6d 0x75'
    run "$xsrecover" "$xapi" --at 1T -c goto
    [ "$status" -eq 16 ]
    says '--at 0x10000000000 lies behind the end of the image'
}

@test "debugger: bytes in several formats" {
    run debug "$flip" 'x/2xw TSC_INFO' 'x/dw TSC_INFO' 'x/xwe TSC_INFO' 'x/4xb .' 'x/ug TSC_INFO+8' \
        'x/8 TSC_INFO' 'x/3c EXT_EXTV' 'x/s EXT_EXTV' 'x/xg $-8' 'x/4xw $'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says '0x00001464  0xfffffff9 0x00000000'
    says '0x00001464  -7'
    says '0x00001464  0xf9ffffff'
    says '0x00001464  0xf9 0xff 0xff 0xff'
    says '0x00001464  f9 ff ff ff 00 00 00 00'
    says "101 'e' 120 'x' 116 't'"
    says '"extv'
    says 'the image ends here'
    [ "$(status_of "$xsrecover" "$flip" -c 'x/z 0')" -eq 16 ]
}

@test "debugger: finding bytes, texts, numbers and chunks" {
    run debug "$flip" 'find f7 ff ff ff' 'goto .' 'find 0xfffffff7' 'find "extv"' "find 'ext\\x76'"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(grep -c '^0x002828b4  LAST_CHECKPOINT, chunk 17' <<<"$output")" -eq 3 ]
    [ "$(grep -c '^0x0000144c  EXT_EXTV, chunk 3' <<<"$output")" -eq 2 ]
    run debug "$flip" 'find TSC_INFO' 'find type==PAGES and pfn==0x141' 'find not (pages or length>5)'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says '5  0x00001464          24  TSC_INFO (-7)'
    says '11  0x00141e90      262660  PAGES'
    says '18  0x002828b8           4  END (0)'
    [ "$(grep -c . <<<"$output")" -eq 8 ]
    run debug "$samples/lost-header-legacy.img" 'find gap' 'find resync' 'find "no such text"' 'find cut'
    says '262596  GAP'
    says '0x00141e50      262660  PAGES'
    says 'not found'
    says 'no chunk is like that'
    for bad in 'find type=' 'find length>abc' 'find (gap' 'find gap)' 'find type<3' 'find gap gap' \
        'find "open' 'find pages==1 nor gap'; do
        [ "$(status_of "$xsrecover" "$flip" -c "$bad")" -eq 16 ] || { echo "$bad"; return 1; }
    done
}

@test "debugger: explaining" {
    run debug "$flip" 'explain XS-L09' 'explain 1970103633' 'explain rebuild-count' \
        'explain xc: error: Max batch size exceeded (1970103633). Giving up.'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says 'XS-L09 no-last-checkpoint  '
    says 'bytes 51 65 6d 75 = "Qemu"'
    says 'rebuild-count  a recipe'
    says 'Max batch size exceeded (%d). Giving up.'
    [ "$(status_of "$xsrecover" "$flip" -c 'explain nothing of the kind')" -eq 16 ]
}

@test "debugger: setting fields" {
    run debug "$flip" 'set TSC_INFO.mode 2' 'print TSC_INFO.mode' 'set EXT_EXTV.nothing 1'
    [ "$status" -eq 16 ]
    says 'set: at 0x1468 set 02 00 00 00'
    says '0x00001468  mode '
    says "has no field 'nothing'"
    # worked out, too large, no number, a group
    for bad in 'PAGES.first_pfn 7' 'TSC_INFO.mode 4294967296' 'TSC_INFO.mode two' 'PAGES.entries 1'; do
        run debug "$flip" "set $bad" 'quit -f'
        [ "$status" -eq 16 ] || { echo "set $bad: $output"; return 1; }
    done
    # the damaged count of a batch that nothing of was recognised: its GAP is the chunk
    cp "$samples/lost-header-legacy.img" gap.img
    run debug gap.img 'goto XS-L01' 'set count 64' 'quit -f'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    says 'set: at 0x101c8c set 40 00 00 00'
    # big-endian numbers of XenServer's record
    run debug "$samples/xapi-hvm-3.4.img" 'print QEMU_RECORD.length'
    [ "$status" -ne 0 ] || says 'length'
}

@test "debugger: bytes by hand, undo, redo, diff" {
    run debug "$flip" 'patch 0x101c8c 40 00 00 00' 'insert $ 00112233' 'delete 0 8' 'info plan' undo undo \
        diff check undo 'info plan' redo redo redo 'truncate --at-end-of-stream' 'info plan' 'quit -f'
    says 'patch: at 0x101c8c set 40 00 00 00'
    says 'insert: at 0x286220 insert 00 11 22 33'
    says 'delete: at 0x0 remove 8 bytes'
    says 'taken back; 1 step is staged now'
    says '  - 40 10 00 00'
    says '  + 40 00 00 00'
    says 'nothing is staged'
    says 'staged again; 3 steps are staged now'
    for bad in 'patch 0' 'patch 0 f' 'patch 0 xx' 'patch 0x99999999 00' 'delete 0 0' 'undo' 'redo' \
        'delete 0 1G' 'truncate --checkpoint 5' 'truncate' 'insert $+1 00' 'patch nowhere 00'; do
        [ "$(status_of "$xsrecover" "$flip" -c "$bad" -c 'quit -f')" -eq 16 ] || { echo "$bad"; return 1; }
    done
    run debug "$samples/remus-partial.img" 'truncate --checkpoint 1' 'info image' 'commit -o cut.img'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(stat -c %s cut.img)" -lt "$(stat -c %s "$samples/remus-partial.img")" ]
    cmp -n "$(stat -c %s cut.img)" cut.img "$samples/remus-partial.img"
}

@test "debugger: plans are saved and loaded, and refuse another image" {
    run debug "$flip" 'set @0x101c8c.count 64' 'plan save plan' quit
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [ "$(stat -c %a plan)" = 600 ]
    run debug "$flip" 'plan load plan' check 'commit -o fixed.img'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    cmp fixed.img "$samples/carve-legacy.img"
    [ "$(status_of "$xsrecover" "$flip" -c fix -c 'plan save plan' -c 'quit -f')" -eq 8 ]
    [ "$(status_of "$xsrecover" "$xapi" -c 'plan load plan')" -eq 16 ]
    [ "$(status_of "$xsrecover" "$flip" -c 'plan load missing')" -eq 8 ]
    [ "$(status_of "$xsrecover" "$flip" -c fix -c 'commit -o fixed.img')" -eq 16 ]
    [ "$(status_of "$xsrecover" "$flip" -c fix -c "commit -o $flip")" -eq 16 ]
}

@test "debugger: a failing command ends a script, staged edits are not lost silently" {
    [ "$(status_of "$xsrecover" "$flip" -c nonsense -c 'commit -o x')" -eq 16 ]
    [ "$(status_of "$xsrecover" "$flip" -c 'goto')" -eq 0 ]
    [ "$(status_of "$xsrecover" "$flip" -c 'goto a b')" -eq 16 ]
    [ "$(status_of "$xsrecover" "$flip" -c 'info')" -eq 16 ]
    [ "$(status_of "$xsrecover" "$flip" -c 'source missing')" -eq 8 ]
    [ "$(status_of "$xsrecover" ./missing -c check)" -eq 8 ]
    [ "$(status_of "$xsrecover" "$flip" -t xen-9 -c check)" -eq 16 ]
    # what check found is the exit status, as long as nothing fails
    [ "$(status_of "$xsrecover" "$flip" -c check)" -eq 6 ]
    [ "$(status_of "$xsrecover" "$flip" -c fix -c check -c 'quit -f')" -eq 0 ]
    for last in '' quit; do
        run debug "$flip" fix ${last:+"$last"}
        [ "$status" -eq 32 ] || { echo "$last: $status $output"; return 1; }
    done
    # standard input that is no terminal is a script
    run "$xsrecover" "$flip" <<<$'fix\ncheck\n\n# nothing\nquit -f\nnonsense'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    printf 'source script\n' >script
    [ "$(status_of "$xsrecover" "$flip" -f script)" -eq 16 ]
    printf 'check\n' >inner
    printf 'fix\nsource inner\nquit -f\n' >script
    [ "$(status_of "$xsrecover" "$flip" -f script)" -eq 0 ]
}

@test "debugger: no shell for root" {
    if [ "$(id -u)" -eq 0 ]; then
        run debug "$flip" '!touch made'
        [ "$status" -eq 16 ]
        [ ! -e made ]
    fi
    run "$xsrecover" "$flip" --allow-shell -c '!echo "it ran" >made' -c 'check'
    [ "$(cat made)" = 'it ran' ]
    [ "$(status_of "$xsrecover" "$flip" --allow-shell -c '!exit 3')" -eq 8 ]
}

@test "debugger: help knows each command, names can be shortened" {
    local name n=0
    while read -r name; do
        run debug "$flip" "help $name"
        [ "$status" -eq 0 ] || { echo "$name: $output"; return 1; }
        [ "${#lines[@]}" -ge 2 ] || { echo "$name: $output"; return 1; }
        n=$((n + 1))
    done < <(debug "$flip" help | sed -n 's/^  \([a-z!]\+\( [a-z]\+\)\?\)  *.*/\1/p')
    [ "$n" -ge 35 ] || { echo "$n"; return 1; }
    run debug "$flip" 'p TSC_INFO.mode' 'inf im' 'l' 'g 0' 'help info'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    run debug "$flip" 'in'
    [ "$status" -eq 16 ]
    says "'in' can be:"
    run debug "$flip" 'serch'
    [ "$status" -eq 16 ]
}

@test "debugger: a transcript has commands, output and errors" {
    run "$xsrecover" "$flip" --log log -c 'findings' -c 'goto nowhere'
    [ "$status" -eq 16 ]
    grep -qF '(xsrecover) findings' log
    grep -qF 'XS-L01 bad-count at 0x101c8c' log
    grep -qF "'nowhere' is no place here" log
}

@test "debugger: nothing of an image reaches the terminal unescaped" {
    local tool=$XSI_TOP/tests/lib/hostile_text.py image n=0 evil
    while read -r image; do
        rm -rf evil
        mkdir evil
        python3 "$tool" make "$image" evil
        for evil in $(find evil -name '*.img' | sort | awk 'NR % 40 == 1'); do
            debug "$evil" 'info image' 'info chunks' findings 'print 0' 'print 1' 'print 2' 'print 3' \
                'x/s 0' 'x/64c 0' run log scan >>out 2>&1 || :
            n=$((n + 1))
        done
    done < <(images 65 | awk 'NR % 30 == 7')
    [ "$n" -gt 0 ]
    python3 "$tool" judge <out
    evil=$(printf 'a\033[2J\177\302\233\342\200\256\377b.img')
    cp "$samples/carve-legacy.img" "$evil"
    { debug "$evil" 'info image' "goto $(printf 'x\033[2J')" 2>&1 || :; } | python3 "$tool" judge
    { debug "$evil" "$(printf 'x\033[2J')" 2>&1 || :; } | python3 "$tool" judge
}

@test "debugger: every kind of sample can be looked at and mended" {
    local image status
    while read -r image; do
        status=0
        debug "$image" 'info chunks' findings 'print 0' 'print 1.' scan 'x $-16' run 'fix' diff check \
            'quit -f' >out 2>&1 || status=$?
        [ $((status & 8)) -eq 0 ] && [ "$status" -lt 64 ] || { echo "$image: $status"; tail -n 5 out; return 1; }
        ! grep -qE 'runtime error|Sanitizer' out || { echo "$image"; cat out; return 1; }
    done < <(images 300 | awk 'NR % 20 == 3')
}
