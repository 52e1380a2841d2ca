#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The recovery debugger at a real terminal of 80 by 24: prompt, completion, pager, questions.
load common

xsrecover=$XSI_BIN/xsrecover
samples=$XSI_TOP/build/samples
xapi=$samples/2011-xapi-hvm.img

setup() {
    command -v tmux >/dev/null || skip "no tmux (make deps)"
    unset XDG_STATE_HOME LESS TMUX
    export HOME=$BATS_TEST_TMPDIR/home XSRECOVER_STATE=$BATS_TEST_TMPDIR/state
    mkdir "$HOME"
    cd "$BATS_TEST_TMPDIR" || return 1
    socket=$BATS_TEST_TMPDIR/tmux
}

teardown() {
    [ -z "${socket:-}" ] || terminal kill-server 2>/dev/null || :
}

terminal() {
    tmux -S "$socket" -f /dev/null "$@"
}

# Start the debugger; when it has ended the screen says so.
start() {
    local line
    line=$(printf '%q ' "$xsrecover" "$@")
    terminal new-session -d -x 80 -y 24 "TERM=screen PAGER='less -FRX' $line; echo \"ended \$?\"; exec sleep 100"
    shows '(xsrecover) '
}

keys() {
    terminal send-keys "$@"
}

line() {
    terminal send-keys -l "$1"
    terminal send-keys Enter
}

screen() {
    terminal capture-pane -p -J
}

# Wait until the screen shows a text.
shows() {
    local n
    for ((n = 0; n < 100; n++)); do
        screen | grep -qF -e "$1" && return 0
        sleep 0.05
    done
    printf 'not on the screen: %s\n' "$1"
    screen
    return 1
}

@test "debugger-tmux: completion of commands, chunks, fields, codes, readers, recipes" {
    start "$samples/bad-count-flip.img"
    keys -l 'pri'
    keys Tab
    shows '(xsrecover) print '
    keys -l 'TSC'
    keys Tab
    shows 'print TSC_INFO'
    keys -l '.fr'
    keys Tab
    shows 'print TSC_INFO.frequency'
    keys Enter
    shows '2400000 kHz'
    keys -l 'why XS'
    keys Tab
    shows 'why XS-L01'
    keys C-c
    shows 'why XS-L01 ^C'
    keys -l 'explain rebuild-c'
    keys Tab
    shows 'explain rebuild-count'
    keys C-c
    keys -l 'check xen-4.4/xe'
    keys Tab
    shows 'check xen-4.4/xend'
    keys C-c
    keys -l 'goto 0x2828b8'
    keys Tab Enter
    shows 'END, chunk 18'
    keys -l 'info '
    keys Tab Tab
    shows 'findings'
    shows 'readers'
}

@test "debugger-tmux: stepping to the read that fails, mending, committing" {
    start "$xapi"
    shows 'verdict  fails on xen-4.1/32/xapi'
    line run
    shows 'stopped: this read goes wrong'
    shows 'libxc reads 4 bytes at 0x1b023'
    shows '1970103633 = 0x756d6551'
    line 'fix insert-checkpoint'
    shows 'insert-checkpoint: at 0x1a04b insert f7 ff ff ff'
    shows 'verdict  restores on xen-4.1/32/xapi'
    line 'commit -o fixed.img'
    shows 'The image is as it was.'
    line quit
    shows 'ended 0'
    [ "$(status_of "$xsdump" fixed.img)" -le 1 ]
    cmp "$xapi" "$samples/2011-xapi-hvm.img"
}

@test "debugger-tmux: leaving with staged edits asks" {
    start "$samples/bad-count-flip.img"
    line fix
    shows 'verdict  restores'
    line quit
    shows '1 staged step was not written'
    keys n Enter
    keys -l 'goto 0'
    keys Enter
    shows 'P2M_SIZE, chunk 0'
    keys C-d
    shows '[y/N]'
    keys y Enter
    shows 'ended 0'
}

@test "debugger-tmux: in place after one question" {
    cp "$xapi" image
    start --undo journal image
    line fix
    shows 'verdict  restores'
    line 'commit --in-place'
    shows '[y/N]'
    keys n Enter
    shows 'nothing was written'
    cmp image "$xapi"
    line 'commit --in-place'
    shows '[y/N] n'
    keys y Enter
    shows 'Revert with: xsrecover undo journal'
    line 'info plan'
    shows 'nothing is staged'
    keys C-d
    shows 'ended 0'
    "$xsrecover" undo -y journal
    cmp image "$xapi"
}

@test "debugger-tmux: the pager takes what is longer than the screen, the rest stays" {
    command -v less >/dev/null || skip "no less"
    start "$samples/bad-count-flip.img"
    line 'help'
    shows 'Step through a restore'
    keys q
    line 'goto 0'
    shows 'P2M_SIZE, chunk 0'
    line 'goto TSC_INFO'
    shows 'TSC_INFO, chunk 5'
}

@test "debugger-tmux: Ctrl-C comes back to the prompt" {
    start "$samples/bad-count-flip.img"
    keys -l 'some thing'
    keys C-c
    shows 'some thing^C'
    line 'goto 0'
    shows 'P2M_SIZE, chunk 0'
    # an empty line repeats what can go on
    line step
    shows 'reads'
    keys Enter
    line 'history'
    shows '    2  step'
}

@test "debugger-tmux: history is kept, for this user only" {
    local file=$HOME/.local/state/xsrecover/history
    start "$samples/bad-count-flip.img"
    line 'goto TSC_INFO'
    shows 'TSC_INFO, chunk 5'
    line quit
    shows 'ended 0'
    grep -qx 'goto TSC_INFO' "$file"
    [ "$(stat -c %a "$file")" = 600 ]
    [ "$(stat -c %a "${file%/*}")" = 700 ]
    terminal kill-server
    start "$samples/bad-count-flip.img"
    keys Up Up
    shows '(xsrecover) goto TSC_INFO'
    # nothing is kept in somebody else's home, or without one
    terminal kill-server
    HOME='' start "$samples/bad-count-flip.img"
    line 'goto 0'
    shows 'P2M_SIZE, chunk 0'
    line quit
    shows 'ended 0'
    ! grep -qx 'goto 0' "$file"
}

@test "debugger-tmux: suspended, resized, killed: the terminal is as it was" {
    local pid
    terminal new-session -d -x 80 -y 24 "TERM=screen PS1='shell> ' bash --norc --noprofile -i"
    shows 'shell> '
    line "'$xsrecover' '$samples/bad-count-flip.img'"
    shows '(xsrecover) '
    keys -l 'got'
    shows '(xsrecover) got'
    keys C-z
    shows 'Stopped'
    line fg
    # the line that was being typed is there again
    for _ in {1..40}; do
        [ "$(screen | grep -c '^(xsrecover) got')" -ge 2 ] && break
        sleep 0.05
    done
    terminal resize-window -x 60 -y 12
    line 'o TSC_INFO'
    shows 'TSC_INFO, chunk 5'
    pid=$(pgrep -f "^$xsrecover $samples/bad-count-flip.img")
    kill -TERM "$pid"
    shows 'Terminated'
    line "stty -a | tr ' ;' '\n\n' | grep -cxE 'echo|icanon|icrnl|opost'"
    shows '4'
}
