# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# Restores that cannot succeed: a CPU that this host is not, too little memory, a stream that is cut.
# Each is refused before anything happens, and with --force fails without leaving a half-made domain.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh

# what every message about a restore that was begun must hold
chunk='chunk [A-Z0-9_]+ .*at 0x[0-9a-f]+ of the image'

place() { # IMAGE TYPE: where that chunk begins
    xsdump --json "$1" 2>/dev/null |
        jq --arg type "$2" '[.images[0].chunks[] | select(.type == $type)][0].offset'
}

for kind in pv pvh; do
    begin "$kind: xl create, xl save"
    if create $kind $kind && try xl save $kind $kind.save; then
        end ok "saved behind tick $tick"
    else
        end FAIL "no image"
        destroy_all
        continue
    fi

    # The highest CPUID leaf, behind the head of record and row, becomes one that no CPU has.
    at=$(($(place $kind.save X86_CPUID_POLICY) + 8 + 8))
    begin "$kind: patched"
    try xsrecover patch $kind.save --at $at --set 30000000 -o $kind-cpu.save -y
    if [ -s $kind-cpu.save ]; then
        end ok "the highest CPUID leaf is 0x30"
    else
        end FAIL "not written"
    fi
    begin "$kind: wrong CPU policy, --dry-run --force"
    refused '(REFUSED|WARNING) .*0x30' '' $kind-cpu.save --via libxc --dry-run --force
    begin "$kind: wrong CPU policy"
    refused 'CPUID' '' $kind-cpu.save --via libxc
    for via in libxc xl; do
        begin "$kind: wrong CPU policy, --via $via --force"
        refused "Failed to set CPUID policy&X86_CPUID_POLICY&$chunk" '' $kind-cpu.save --via $via --force
    done

    cut=$(($(place $kind.save PAGE_DATA) + 100000))
    head -c $cut $kind.save >$kind-cut.save
    begin "$kind: cut in the pages"
    refused --core '' $kind-cut.save --via libxc
    for via in libxc xl; do
        begin "$kind: cut in the pages, --via $via --force"
        refused "Failed to read.*Page data&PAGE_DATA&$chunk" '' $kind-cut.save --via $via --force
    done
done

# All memory but 2 MiB for a guest that is never run.
free=$(xl info | awk '$1 == "free_memory" { print $3 }')
{
    config pv ballast | grep -v memory
    echo "memory=$((free - 2))"
} >/tmp/cfg
try xl create -q -p /tmp/cfg
ballast=$(newest)
say "free memory: $free MiB, then $(xl info | awk '$1 == "free_memory" { print $3 }') MiB"
for kind in pv pvh; do
    begin "$kind: too little memory"
    refused 'MiB|memory' "$ballast" $kind.save --via libxc
    for via in libxc xl; do
        begin "$kind: too little memory, --via $via --force"
        refused "(physmap|[Oo]ut of memory)&$chunk" "$ballast" $kind.save --via $via --force
    done
done
destroy_all
# and the images are none the worse for it
for kind in pv pvh; do
    begin "$kind: the same image, with the memory that it needs"
    forget_console
    try xsrecover restore $kind.save --via libxc
    alive 1 3abf0807
done
finish
