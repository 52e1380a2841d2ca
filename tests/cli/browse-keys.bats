#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The browser's keys: search, filter, places, marks, pages, two images, copying, and what it refuses.
load common
load browse

xapi=$XSI_TOP/samples/2011-xapi-hvm.img
flip=$samples/bad-count-flip.img
keys_def=$XSI_TOP/xsdump/browse/keys.def

setup() {
    setup_terminal
}

teardown() {
    end_terminal
}

@test "browse-keys: the help screen lists every key of the table" {
    local all='' last='' row
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    keys F1
    shows 'one line up'
    while settled && [ "$seen" != "$last" ]; do
        last=$seen
        all+=$seen$'\n'
        keys NPage
    done
    sed -nE 's/^(KEY|MOVE)\(K\([^"]*\), *"([^"]*)".*/\2/p' "$keys_def" >rows
    [ "$(grep -cE '^(KEY|MOVE)\(' "$keys_def")" -eq "$(wc -l <rows)" ]
    while read -r row; do
        grep -qF -e "  $row  " <<<"$all" || { echo "not in the help: $row"; false; }
    done <rows
    keys Escape
    hides 'one line up'
    keys q
    shows 'ended 0'
}

@test "browse-keys: go to an offset, a chunk, a name, a frame, a finding" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    ask : 0x1b023
    shows '0x1b023 QEMU_RECORD'
    ask F5 '#3'
    shows ', chunk 3'
    ask : END
    shows '0x1a04b END'
    ask : 'pfn 0xfee'
    shows '0xfee'
    ask : L09
    shows '0x1a04b END'
    ask : 'nonsense'
    shows 'nonsense is no place here'
    keys Right
    shows '0x1a04b END'
    # a part of a type; a number that is none of the image's offsets
    ask : VCPU
    shows '0x1a01b VCPU_INFO'
    ask : 1970103633
    shows 'outside the image (0x2b770 bytes); /1970103633 finds the number'
}

@test "browse-keys: search for fields, numbers and lines of a log" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    ask / rip
    shows 'records[1].rip at 0x1a313'
    settled
    [[ $(panel 2) == *'[1].rip'* || $(panel 2) == *' rip '* ]]
    # parts of names, when none is so; and on
    ask / sysenter_c
    shows 'records[1].sysenter_cs at '
    ask / no_such_field
    shows 'no chunk, finding or field is like that: no_such_field'
    # digits out of a log are a number, few of them bytes first
    ask / 1970103633
    shows 'number 1970103633 = 51 65 6d 75 at 0x1b023'
    ask / 64
    shows 'bytes 64 at 0x1b02f; /0x40 looks for the number'
    ask / 12345
    shows 'not found: number 12345 = 39 30 00 00'
    # a line as people paste it
    ask / 'Nov 22 10:14:05 host1 xenguest: xc: error: Max batch size exceeded (1970103633). Giving up.'
    shows ' Max batch size exceeded (1970103633). Giving up. '
    shows 'met a QEMU device-model record'
    keys Escape
    hides 'met a QEMU device-model record'
}

@test "browse-keys: search and filter" {
    local hits
    take "$flip"
    start 80 24 xterm-256color bad-count-flip.img
    settled
    ask / 'type==END'
    shows ' END, chunk 18'
    ask / 'type==VCPU_INFO or type==TSC_INFO'
    settled
    hits=$(json "$flip" '.images[0].chunks[] | select(.type == "VCPU_INFO" or .type == "TSC_INFO") | .index')
    [ "$(wc -w <<<"$hits")" -ge 2 ]
    keys Home
    settled
    for index in $hits; do
        keys n
        shows ", chunk $index"
    done
    for index in $(tac <<<"$hits" | tail -n +2); do
        keys N
        shows ", chunk $index"
    done
    # a filter leaves only what it matches, an empty one everything
    ask f 'type==END'
    shows 'chunks like type==END: 1 of'
    settled
    [[ $(panel 1) != *TSC_INFO* && $(panel 1) == *'2828b8   END (0)'* ]]
    ask f ''
    hides 'type==END'
    settled
    [[ $(panel 1) == *TSC_INFO* ]]
    # what is no filter says why, and changes nothing
    ask f 'type=='
    settled
    [[ $(panel 1) == *TSC_INFO* && $(tail -n 2 <<<"$seen") == *'a value is missing'* ]]
    ask f 'colour==red'
    shows "gap, ...) at 'colour==red'"
}

@test "browse-keys: marks, and back from a jump" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    ask : END
    shows '0x1a04b END'
    keys m
    keys a
    ask : 0
    shows '0x0 SIGNATURE'
    keys "'"
    keys a
    shows '0x1a04b END'
    keys "'"
    keys "'"
    shows '0x0 SIGNATURE'
    keys M
    shows '0x1a04b'
    keys Escape
}

@test "browse-keys: a run of batches unfolds and folds" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    shows 'PAGES x2'
    ask : '#2'
    settled
    lacks 11017 <<<"$seen"
    keys Space
    shows '11017 '
    keys Space
    hides '11017 '
}

@test "browse-keys: copying to the clipboard of the terminal, and to a file" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    ask : END
    shows '0x1a04b END'
    keys y
    settled
    [ "$(terminal show-buffer)" = 0x1a04b ]
    ask w new.bin
    settled
    cmp new.bin <(tail -c +$((0x1a04b + 1)) "$xapi" | head -c 4)
    [ "$(stat -c %a new.bin)" = 600 ]
    # an existing file stays what it is
    echo mine >old
    ask w old
    settled
    [ "$(cat old)" = mine ]
}

@test "browse-keys: X opens xsrecover at the place" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    keys e
    shows 'at 0x1a04b'
    keys X
    shows '(xsrecover)'
    shows 'END, chunk'
    answer quit
    shows 'ended 0'
}

@test "browse-keys: two images, and where they differ" {
    take "$xapi" a.img
    "$xsrecover" fix a.img -y -t xen-4.1/32/xapi -o b.img >/dev/null
    start 80 24 xterm-256color a.img b.img
    shows 'b.img'
    settled
    keys ']'
    shows 'LAST_CHECKPOINT only in b.img (1 of 2)'
    kept 'two-80x24'
    keys ']'
    shows '(2 of 2)'
    keys '['
    shows '(1 of 2)'
    keys o
    shows 'restores on'
    keys d
    hides 'a.img'
    keys d
    shows 'a.img'
    keys q
    shows 'ended 0'
}

@test "browse-keys: the mouse selects, and its wheel scrolls" {
    take "$xapi"
    start 80 24 xterm-256color 2011-xapi-hvm.img
    settled
    # as xterm reports it: button, column, row; pressed, then released
    keys -l $'\e[<0;10;12M\e[<0;10;12m'
    shows '0x1a02b HVM_IDENT_PT, chunk 5'
    keys -l $'\e[<65;10;12M'
    hides '0x1a02b HVM_IDENT_PT, chunk 5'
}

@test "browse-keys: the grid of frames" {
    take "$flip"
    start 80 24 xterm-256color bad-count-flip.img
    settled
    keys p
    kept 'pages-80x24'
    # what reading them all finds is what --pages counts
    keys z
    shows "$({ "$xsdump" --json --pages bad-count-flip.img || :; } | jq -r '.images[0].page_data |
        "\(.pages) pages with data: \(.zero) all zero, \(.duplicate) alike, \(.distinct) distinct"')"
    keys p
    settled
    keys q
    shows 'ended 0'
}

# What cannot be shown says so in plain words, with a next step.
@test "browse-keys: no terminal, a pipe, a compressed image, a file that is not there" {
    local status=0
    take "$xapi"
    "$xsdump" -i 2011-xapi-hvm.img </dev/null >out 2>err || status=$?
    [ $status -eq 16 ]
    [ ! -s out ]
    grep -q 'terminal' err
    status=0
    "$xsdump" -i - <2011-xapi-hvm.img >out 2>err || status=$?
    [ $status -eq 16 ]
    grep -q 'terminal' err
    gzip -k 2011-xapi-hvm.img
    start 80 24 xterm-256color 2011-xapi-hvm.img.gz
    shows 'it is compressed'
    shows 'ended 8'
    start 80 24 xterm-256color missing.img
    shows 'No such file or directory'
    shows 'ended 8'
    mkfifo pipe
    timeout 10 cat 2011-xapi-hvm.img >pipe 2>/dev/null 3>&- &
    start 80 24 xterm-256color pipe
    shows 'save it to a file first'
    shows 'ended 8'
    wait $! || :
    start 80 24 dumb 2011-xapi-hvm.img
    shows 'a terminal of type dumb cannot place text'
    shows 'ended 8'
}

# In every view, with every key that reads: an image is opened O_RDONLY, nothing else is done to it,
# and no file is made.
@test "browse-keys: never-writes: a walk through all views" {
    local before key image=$BATS_TEST_TMPDIR/a.img
    command -v strace >/dev/null || skip "no strace (make deps)"
    take "$flip" a.img
    take "$xapi" b.img
    before=$(stat -c '%Y %Z %s' a.img b.img)$(cat a.img b.img | sha256sum)
    # the leak checker of the sanitized build cannot work beside strace
    printf '#!/bin/sh\nASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 exec strace -f -y -qq -o trace %q "$@"\n' "$xsdump" >traced
    chmod +x traced
    ls -A >files
    xsdump=$PWD/traced start 80 24 xterm-256color a.img b.img
    shows 'fails on'
    for key in ] o o d e x Escape y Y r c b s B r p z ] p M Escape F1 Escape Tab Space Enter End; do
        keys "$key"
        settled
    done
    ask / 40100000
    settled
    keys q
    shows 'ended 0'
    [ "$before" = "$(stat -c '%Y %Z %s' a.img b.img)$(cat a.img b.img | sha256sum)" ]
    diff files <(ls -A | grep -vx trace)
    # the trace is one of this program, and of these images
    grep -E 'open(at)?\(.*a\.img' trace | grep -q O_RDONLY
    grep -E 'open(at)?\(' trace | grep -E '[ab]\.img' | lacks -v O_RDONLY
    grep -F "<$image>" trace | grep -vE 'open(at)?\(' | lacks -vE \
        '^[0-9]+ +(read|pread64|readv|preadv|fstat|newfstatat|statx|lseek|close|fadvise64|ioctl|fcntl|dup3?)\('
    grep -E 'open(at)?\(.*O_(CREAT|TRUNC|WRONLY|RDWR)' trace | lacks -vE '"/dev/(null|tty|pts/[0-9]+)"'
    lacks -E '^[0-9]+ +(rename|unlink|mkdir|link|symlink|truncate|chmod|chown|utime)' trace
}
