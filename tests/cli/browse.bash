# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2154,SC2034 # xsdump is common.bash's; names for the tests
# What the tests of the browser share: it runs in tmux, and what it shows is read from there.
#
# Screens are compared with those kept in tests/data/screens. After a change that is meant,
# `XSI_KEEP=1 bats tests/cli/browse.bats` writes them anew: look at what git shows, then commit it.

kept_folder=$XSI_TOP/tests/data/screens
samples=$XSI_TOP/build/samples

# A server of its own for each test; images by a bare name, so that no screen holds a path.
setup_terminal() {
    command -v tmux >/dev/null || skip "no tmux (make deps)"
    unset TMUX NO_COLOR COLUMNS LINES
    export LC_ALL=C.UTF-8 HOME=$BATS_TEST_TMPDIR
    cd "$BATS_TEST_TMPDIR" || return 1
    socket=$BATS_TEST_TMPDIR/tmux
    # the whole window is the program's; what it gives to the clipboard can be asked for
    printf '%s\n' 'set -g status off' 'set -s set-clipboard on' 'set -s escape-time 0' >conf
    terminal new-session -d -s server 'exec sleep 1000'
}

end_terminal() {
    [ -z "${socket:-}" ] || terminal kill-server 2>/dev/null || :
}

terminal() {
    tmux -S "$socket" -f conf "$@"
}

# Take an image along under its own name, or another one.
take() {
    cp "$1" "${2:-${1##*/}}"
}

# start WIDTH HEIGHT TERM [NO_COLOR] ARGUMENT…: the browser, in place of what ran before. When it
# has ended the screen says so.
start() {
    local width=$1 height=$2 set=("TERM=$3") line
    shift 3
    if [ "$1" = NO_COLOR ]; then
        set+=(NO_COLOR=1)
        shift
    fi
    line=$(printf '%q ' env "${set[@]}" "$xsdump" -i "$@")
    terminal kill-session -t browser 2>/dev/null || :
    terminal new-session -d -s browser -x "$width" -y "$height" \
        "$line; echo \"ended \$?\"; exec sleep 100"
}

# Keys by tmux's names: Up, Enter, F1, C-c. One call is one burst, as from a slow line.
keys() {
    terminal send-keys "$@"
}

# Text into a line of input, and Enter.
answer() {
    terminal send-keys -l "$1"
    terminal send-keys Enter
}

# A key that asks for a line, and the line, instead of what may stand there.
ask() {
    keys "$1" C-u
    answer "$2"
}

screen() {
    terminal capture-pane -p
}

# Wait until the screen shows a text, in one line (of what a program printed, not of the terminal).
shows() {
    local n
    for ((n = 0; n < 100; n++)); do
        terminal capture-pane -p -J | grep -qF -e "$1" && return 0
        sleep 0.04
    done
    printf 'not on the screen: %s\n' "$1"
    screen
    return 1
}

# The same for one that must go away.
hides() {
    local n
    for ((n = 0; n < 100; n++)); do
        terminal capture-pane -p -J | grep -qF -e "$1" || return 0
        sleep 0.04
    done
    printf 'still on the screen: %s\n' "$1"
    screen
    return 1
}

# Nothing in a text is like a pattern (a ! in front of grep would not fail a test).
lacks() {
    if grep "$@"; then
        return 1
    fi
}

# Wait until nothing changes any more, and nothing is being done. The screen is in $seen then.
settled() {
    local n before=
    for ((n = 0; n < 100; n++)); do
        seen=$(screen)
        [[ -n $seen && $seen == "$before" ]] &&
            ! grep -qE 'reading: [0-9]+%|Esc stops it' <<<"$seen" && return 0
        before=$seen
        sleep 0.05
    done
    printf 'it does not come to rest:\n%s\n' "$seen"
    return 1
}

# kept NAME [colours]: the screen is, or soon becomes, the one of that name. With colours: and so are
# its attributes.
kept() {
    local file=$kept_folder/$1.txt n
    for ((n = 0; n < 20; n++)); do
        settled
        # what tmux tells of them, in characters that an editor shows
        [ "${2:-}" != colours ] || seen=$(terminal capture-pane -e -p |
            sed -e 's/\x1b/\\e/g' -e 's/\x0e/\\so/g' -e 's/\x0f/\\si/g')
        [ -z "${XSI_KEEP:-}" ] || break
        printf '%s\n' "$seen" | cmp -s "$file" && return 0
    done
    if [ -n "${XSI_KEEP:-}" ]; then
        mkdir -p "$kept_folder"
        printf '%s\n' "$seen" >"$file"
    else
        diff -u "$file" <(printf '%s\n' "$seen") || :
        printf 'The screen is another one than %s; XSI_KEEP=1 keeps the new one.\n' "$file"
        return 1
    fi
}

# What jq makes of --json: json IMAGE FILTER.
json() {
    { "$xsdump" --json "$1" || :; } | jq -r "$2"
}

# What is inside the n-th frame of the screen, by rows and then columns, as it was in $seen.
panel() {
    sed 's/┌/\x01/g; s/┐/\x02/g; s/└/\x03/g; s/[─│┘]/|/g' <<<"$seen" | awk -v n="$1" '
        { row[NR] = $0 }
        END {
            for (y = 1; y <= NR; y++)
                for (x = 1; at = index(substr(row[y], x), "\001"); x += at) {
                    if (--n)
                        continue
                    x += at - 1
                    width = index(substr(row[y], x), "\002") - 2
                    while (++y <= NR && substr(row[y], x, 1) != "\003") {
                        line = substr(row[y], x + 1, width)
                        sub(/ +$/, "", line)
                        print line
                    }
                    exit
                }
        }'
}
