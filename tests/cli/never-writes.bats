#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Property 1, never-writes: an image is opened O_RDONLY, no write-class system call touches any
# descriptor of it, its content and its mtime stay. Property 2, no-clobber, follows for xsdump: it
# creates no file at all.
load common

# System calls that may take a descriptor of the image.
harmless='read|pread64|readv|preadv|fstat|newfstatat|statx|lseek|close|fadvise64|ioctl|fcntl|dup3?'

# Every option that makes xsdump read an image in another way.
modes=('' -a -v '-vv -x' --json --jsonl --scan --pages '--as list' '-q --json' '--offset 1')

traced() {
    local image=$1 trace=$BATS_TEST_TMPDIR/trace before after mode
    before=$(stat -c '%Y %Z %s' "$image")$(xxhsum "$image")
    for mode in "${modes[@]}"; do
        # shellcheck disable=SC2086 # a mode is words
        strace -f -y -qq -o "$trace" "$xsdump" --no-pager $mode "$image" >/dev/null 2>&1 || :
        # the image itself
        grep -F "$image" "$trace" | grep -E 'open(at)?\(' | grep -v 'O_RDONLY' && return 1
        grep -E 'open(at)?\(' "$trace" | grep -F "$image" | grep -E 'O_(TRUNC|CREAT|WRONLY|RDWR)' && return 1
        grep -F "<$image>" "$trace" | grep -vE 'open(at)?\(' |
            grep -vE "^[0-9]+ +($harmless)\(" && return 1
        grep -F "<$image>" "$trace" | grep 'ioctl(' | grep -vE 'BLKGETSIZE64|TCGETS|BLKSSZGET' && return 1
        # and no other file either
        grep -E 'open(at)?\(.*O_(CREAT|TRUNC|WRONLY|RDWR)' "$trace" |
            grep -vE '"/dev/(null|tty)"' && return 1
        grep -E '^[0-9]+ +(rename|unlink|mkdir|link|symlink|truncate|chmod|chown|utime)' "$trace" && return 1
    done
    after=$(stat -c '%Y %Z %s' "$image")$(xxhsum "$image")
    [ "$before" = "$after" ]
}

@test "never-writes: the sound and the damaged, in every mode" {
    local image copy n=0
    while read -r image; do
        copy=$BATS_TEST_TMPDIR/${image##*/}
        cp "$image" "$copy"
        traced "$copy" || { echo "$image"; return 1; }
        n=$((n + 1))
    done < <(images | awk 'NR % 16 == 1')
    [ "$n" -gt 0 ]
}

@test "never-writes: compressed images" {
    local image
    image=$(sound)
    gzip -c "$image" >"$BATS_TEST_TMPDIR/image.gz"
    zstd -qc "$image" >"$BATS_TEST_TMPDIR/image.zst"
    traced "$BATS_TEST_TMPDIR/image.gz"
    traced "$BATS_TEST_TMPDIR/image.zst"
}

@test "no-clobber: xsdump leaves no file behind" {
    local image
    image=$(sound)
    mkdir "$BATS_TEST_TMPDIR/empty"
    cd "$BATS_TEST_TMPDIR/empty"
    TMPDIR=$PWD HOME=$PWD dump -vv -x --pages "$image" >/dev/null
    TMPDIR=$PWD HOME=$PWD dump --json "$image" >/dev/null
    [ -z "$(ls -A)" ]
}
