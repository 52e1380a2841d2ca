#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 16, terminal-life: resized, suspended, ended, killed, crashed: the terminal is as it was.
load common
load browse

setup() {
    setup_terminal
    take "$XSI_TOP/samples/2011-xapi-hvm.img" image
    terminal new-session -d -x 80 -y 24 "TERM=screen PS1='shell>' bash --norc --noprofile -i"
    shows 'shell>'
    answer 'stty -a >before'
    shell=$(terminal display-message -p '#{pane_pid}')
    answer "$xsdump -i image"
    shows 'F10Quit'
    settled
    first=$seen
    parent=$(pgrep -P "$shell")
    child=$(pgrep -P "$parent")
    [ "$(state)" = 'cursor 0 other 1 mouse 1 keypad 1' ]
}

teardown() {
    end_terminal
}

# What the terminal has been told.
state() {
    terminal display-message -p \
        'cursor #{cursor_flag} other #{alternate_on} mouse #{mouse_any_flag} keypad #{keypad_flag}'
}

# Wait until the terminal is a shell's again; its modes are those from before.
as_before() {
    local n
    for ((n = 0; n < 100; n++)); do
        [ "$(state)" = 'cursor 1 other 0 mouse 0 keypad 0' ] && break
        sleep 0.05
    done
    state
    [ "$(state)" = 'cursor 1 other 0 mouse 0 keypad 0' ]
    times=$((${times:-0} + 1))
    answer "stty -a >after; echo \"usable, \"$times"
    shows "usable, $times"
    diff before after
}

# The browser is there again, and shows what it showed.
same_screen() {
    local n
    for ((n = 0; n < 100; n++)); do
        [ "$(screen)" = "$first" ] && break
        sleep 0.05
    done
    diff <(printf '%s\n' "$first") <(screen)
    [ "$(state)" = 'cursor 0 other 1 mouse 1 keypad 1' ]
}

# Nothing is left of it: the parent is waited for by the shell, the child by whoever has it now.
gone() {
    local n
    for ((n = 0; n < 100; n++)); do
        case $(ps -o stat= -p "$parent,$child") in
        '' | Z*) return 0 ;;
        esac
        sleep 0.05
    done
    ps -o pid,stat,cmd -p "$parent,$child"
    return 1
}

@test "terminal-life: ended by a key" {
    keys q
    as_before
    gone
}

@test "terminal-life: resized, also to sizes that are none" {
    local size
    for size in 200x60 40x12 20x5 5x2 1x1 2x30 200x1 80x24; do
        terminal resize-window -x "${size%x*}" -y "${size#*x}"
        sleep 0.1
        # at any size keys do something, and do no harm
        keys Down Tab '?' PageDown q ':' 0 Escape
        sleep 0.1
        keys BTab Home
        kill -0 "$child"
    done
    settled
    shows 'F10Quit'
    keys C-l
    same_screen
    keys q
    as_before
}

@test "terminal-life: suspended from the keyboard" {
    keys C-z
    shows 'Stopped'
    as_before
    answer fg
    same_screen
    # its place is kept, and a size that changed meanwhile is seen
    keys C-z
    as_before
    terminal resize-window -x 100 -y 30
    answer fg
    shows 'F10Quit'
    settled
    [ "$(wc -l <<<"$seen")" -eq 30 ]
    terminal resize-window -x 80 -y 24
    same_screen
    keys q
    as_before
    gone
}

@test "terminal-life: suspended by signals to parent and child" {
    local pid signal
    for signal in TSTP STOP; do
        for pid in "$child" "$parent"; do
            # a parent that is stopped without being asked cannot stop its child
            [ "$signal $pid" = "STOP $parent" ] && continue
            kill "-$signal" "$pid"
            as_before
            answer fg
            same_screen
        done
    done
    # in the background it waits for the foreground
    keys C-z
    as_before
    answer bg
    as_before
    answer fg
    same_screen
    keys q
    as_before
    gone
}

@test "terminal-life: SIGTERM, SIGHUP and SIGINT to parent and child" {
    local pid signal
    for signal in TERM HUP INT; do
        for pid in child parent; do
            kill "-$signal" "${!pid}"
            as_before
            gone
            answer clear
            answer "$xsdump -i image"
            same_screen
            parent=$(pgrep -P "$shell")
            child=$(pgrep -P "$parent")
        done
    done
}

@test "terminal-life: the browser is killed" {
    kill -KILL "$child"
    as_before
    shows 'the browser was killed'
    gone
}

@test "terminal-life: the browser crashes" {
    kill -SEGV "$child"
    as_before
    shows 'xsdump: the browser ' # and how; a sanitized build catches the signal
    gone
}

@test "terminal-life: the parent is killed" {
    kill -KILL "$parent"
    gone
    as_before
}

@test "terminal-life: the terminal goes away" {
    terminal kill-server
    gone
}

@test "terminal-life: terminals that are none" {
    local line
    keys q
    as_before
    for line in 'TERM=dumb' 'TERM=no-such-terminal' 'TERM='; do
        answer clear
        answer "$line $xsdump -i image; echo \"status \$?\""
        shows 'TERM=vt100'
        shows 'status 8'
        as_before
    done
    answer clear
    answer "$xsdump -i image </dev/null; echo \"status \$?\""
    shows 'needs a terminal'
    shows 'status 16'
    answer clear
    answer "$xsdump -i image | cat; echo \"status \${PIPESTATUS[0]}\""
    shows 'needs a terminal'
    as_before
}
