#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# --explain: findings, numbers, log lines of every release, and whole logs.
load common

data=$XSI_TOP/tests/data
tool=$XSI_TOP/tests/lib/hostile_text.py

# Explain each line of standard input: who (may be empty), a tab, the line. Says what has no cause.
each_has_a_cause() {
    local who line out bad=0
    while IFS=$'\t' read -r who line; do
        [ -n "$line" ] || continue
        if ! out=$("$xsdump" --jsonl --explain "$line" 2>&1) ||
            ! jq -es --arg who "$who" \
                'all(.[]; (.causes // "") != "" and (.condition // "") != "" and .next != null) and
                 ($who == "" or any(.[]; .who == $who))' >/dev/null <<<"$out"; then
            echo "not explained: $line"
            bad=1
        fi
    done
    return $bad
}

@test "explain: every message of every release, as it stands in a log" {
    [ "$(grep -vc '^#' "$data/messages.txt")" -gt 800 ]
    grep -v '^#' "$data/messages.txt" | each_has_a_cause
}

@test "explain: messages as people quote them, cut and shortened" {
    [ "$(grep -vc '^#' "$data/quoted.txt")" -gt 400 ]
    grep -v '^#' "$data/quoted.txt" | sed 's/^/\t/' | each_has_a_cause
}

@test "explain: the line of 2011" {
    run "$xsdump" --explain 'xc: error: Max batch size exceeded (1970103633). Giving up.'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = '1970103633 = 0x756d6551 = bytes 51 65 6d 75 = "Qemu"' ]
    [[ ${lines[1]} == *'looked for a page count and met a QEMU device-model record.' ]]
    [[ $output == *'libxc 4.0 to 4.5'*'3.0 to 3.4'*'print no number'* ]]
    [[ $output == *'Usual cause  HVM: XenServer'*'XS-L09'* ]]
    [[ $output == *'PV: a stray record, read by 4.0 to 4.3.1, or by xend 4.3.2 to'* ]]
    [[ ${lines[-1]} == *'Next '*'xsdump IMAGE' ]]
}

@test "explain: a wording and its point releases" {
    run "$xsdump" --explain 'read_exact_timed failed (read rc: 0, errno: 0)'
    [[ $output == *'4.1 to 4.2.4, 4.3.0 to 4.3.2'*'4.2.5, 4.3.3 to 4.5'* ]]
    run "$xsdump" --explain 'Error when reading pfn count (= 3735928559)'
    [[ $output == *'libxc 3.2 to 3.4'* ]]
}

@test "explain: the errno chooses the cause" {
    run "$xsdump" --explain 'Unable to restore HVM context (61 = No data available)'
    [[ $output == *'the context is cut'* && $output != *'without XSAVE'* ]]
}

@test "explain: a bare number, also negative and in hex" {
    [[ $("$xsdump" --explain 1970103633) == *'"Qemu"'* ]]
    [ "$("$xsdump" --explain 0x756d6551)" = "$("$xsdump" --explain 1970103633)" ]
    [[ $("$xsdump" --explain -21) == *X87_FIP_WIDTH* ]]
}

@test "explain: an unknown line says so and shows what is near" {
    run "$xsdump" --explain 'xc: error: Error when reeding batch sise'
    [ "$status" -eq 16 ]
    [[ $output == *'nearest:'*batch* ]]
    [ "$(status_of "$xsdump" --explain 'the quick brown fox')" -eq 16 ]
    [ "$("$xsdump" --jsonl --explain 'a line of the batch' | jq -r .explains)" = unknown ]
}

@test "explain -: xend.log, two attempts of the same restore" {
    run "$xsdump" --explain - <"$data/logs/xend.log"
    [ "$status" -eq 0 ]
    [[ $output == *'Root cause  line 7'*'Attempt 2: the same root cause, line 19'* ]]
    [[ $output != *'Reloading'* ]]
}

@test "explain -: xl -vvv, the first error of the innermost part is the root" {
    run "$xsdump" --explain - <"$data/logs/xl.log"
    [[ $output == *'Root cause  line 13'*'Failed to read 4202504 bytes'* ]]
    run "$xsdump" --explain - <"$data/logs/xl-convert.log"
    [[ $output == *'Root cause  line 10'*'"@...vcpu"'* ]]
    run "$xsdump" --explain - <"$data/logs/hvm-context.log"
    [[ $output == *'Root cause  line 7'*'LAPIC'* ]]
}

@test "explain -: xensource.log of 2011" {
    run "$xsdump" --explain - <"$data/logs/xensource.log"
    [[ $output == *'Root cause  line 3'*'XS-L09'* ]]
    [ "$("$xsdump" --jsonl --explain - <"$data/logs/xensource.log" |
        jq -r 'select(.root) | .line')" = 3 ]
}

@test "explain -: the normal end of an image without LAST_CHECKPOINT is no failure" {
    run "$xsdump" --explain - <"$data/logs/normal-end.log"
    [ "$status" -eq 0 ]
    [[ $output == *'No failure'*'XS-L09'* && $output != *'Root cause'* ]]
}

@test "explain -: information is shown when nothing else is there; nothing at all is an error" {
    run "$xsdump" --explain - <"$data/logs/quiet.log"
    [ "$status" -eq 0 ]
    [[ $output == *'No line of the log is an error.'* ]]
    [ "$(printf 'nothing\nof interest\n' | status_of "$xsdump" --explain -)" -eq 16 ]
    [ "$(status_of "$xsdump" --explain - </dev/null)" -eq 16 ]
}

@test "explain -: repeats are folded, long lines and long logs are read" {
    run bash -c "{ yes 'xc: error: verify pfn 0x17 failed (type 0): Internal error' | head -5000
        head -c 300000 /dev/zero | tr '\\0' x; echo
        echo 'xc: error: Restore failed (0 = Success): Internal error'; } | '$xsdump' --explain -"
    [ "$status" -eq 0 ]
    [[ $output == *'(5000 times, the last in line 5000)'*'line 5002 '* ]]
}

@test "explain: a line of several lines is a log" {
    run "$xsdump" --explain "$(cat "$data/logs/normal-end.log")"
    [[ $output == *'No failure'* ]]
}

@test "explain --json: one document for a log, an object for a line" {
    [ "$("$xsdump" --json --explain - <"$data/logs/xl.log" | jq 'map(select(.root)) | length')" -eq 1 ]
    [ "$("$xsdump" --json --explain - <"$data/logs/xl.log" |
        jq -r '.[] | select(.root) | .role, .findings[0]' | tr '\n' ' ')" = 'error XS-V62 ' ]
    "$xsdump" --json --explain 'Max batch size exceeded (-21). Giving up.' |
        jq -e '.arguments == [-21] and .releases == "4.0 to 4.5" and .who == "libxc"'
    [ "$("$xsdump" --json --explain XS-L09 | jq -r .slug)" = no-last-checkpoint ]
    [ "$("$xsdump" --json --explain -21 | jq .number)" -eq -21 ]
}

@test "explain: text of a log is escaped" {
    local evil
    evil=$(printf 'xc: error: Invalid QEMU signature: \033[2J\233\302\233\342\200\256X: Internal error')
    { "$xsdump" --explain "$evil" 2>&1 || :; } | python3 "$tool" judge
    printf '%s\nlibxl: error: \033]0;x\007\n' "$evil" | "$xsdump" --explain - 2>&1 |
        python3 "$tool" judge
    printf '%s\n' "$evil" | "$xsdump" --jsonl --explain - | python3 "$tool" judge
    { "$xsdump" --explain "$(printf 'unknown \033[2J words of the batch')" 2>&1 || :; } |
        python3 "$tool" judge
    head -c 2000000 /dev/urandom | { "$xsdump" --explain - 2>&1 || :; } | python3 "$tool" judge
}

@test "explain LINE IMAGE: the readers that print it, and where" {
    local image=$XSI_TOP/build/samples/2011-xapi-hvm.img
    [ -f "$image" ] || skip "no sample 2011-xapi-hvm"
    run "$xsdump" --no-pager --explain 'xc: error: Max batch size exceeded (1970103633). Giving up.' "$image"
    [[ $output == *'xen-4.1/32/xapi prints it'*'at 0x1b023'* ]]
    run "$xsdump" --no-pager --explain 'Savefile truncated.' "$image"
    [[ $output == *'Place '*'none of the '* ]]
}
