# shellcheck shell=dash disable=SC2034 # jobs read what functions leave
# SPDX-License-Identifier: GPL-3.0-or-later
# What jobs in dom0 share (busybox sh): `. /in/lib.sh`. A job works through a list and writes one
# row per case to /out/rows.tsv: name, outcome (ok, FAIL), seconds, what was seen. It ends with `finish`.

say() {
    read -r up _ </proc/uptime
    echo "[lab $up] $*"
}

# ---- rows ----

begin() { # NAME
    row=$1
    read -r begun _ </proc/uptime
    say "== $row"
}

end() { # ok|FAIL WHAT…
    outcome=$1
    shift
    read -r up _ </proc/uptime
    [ "$outcome" = ok ] || failed=1
    seconds=$(awk -v a="$begun" -v b="$up" 'BEGIN { printf "%.1f", b - a }')
    printf '%s\t%s\t%s\t%s\n' "$row" "$outcome" "$seconds" "$*" >>/out/rows.tsv
    say "$row: $outcome: $*"
    if [ "$outcome" != ok ] && [ -s /tmp/log ]; then # the end of what the last tool said
        tail -n 30 /tmp/log | sed 's/^/    | /'
    fi
}

# A command that may take a minute at most and has nobody to ask; what it says goes to /tmp/log.
try() { # COMMAND…
    timeout 60 "$@" </dev/null >/tmp/log 2>&1
}

finish() {
    exit "${failed:-0}"
}

# ---- guests ----

config() { # pv|pvh|hvm NAME >FILE
    case $1 in
    hvm)
        cat <<EOF
name="$2"
type="hvm"
memory=8
vcpus=1
disk=["format=raw,vdev=hda,access=rw,backendtype=qdisk,target=/in/disk.img"]
boot="c"
vga="none"
vnc=0
nographic=1
usb=0
serial="file:/tmp/$2.serial"
device_model_version="qemu-xen"
EOF
        ;;
    *) # without vcpus xl computes the paging pool for none, and fails
        cat <<EOF
name="$2"
type="$1"
kernel="/in/mini-$1"
memory=4
vcpus=1
EOF
        ;;
    esac
}

# Make a guest and wait for its first tick. About one HVM guest in ten never leaves its BIOS under
# emulation, so there is a second try; $again says that it was needed.
create() { # KIND NAME
    config "$1" "$2" >/tmp/cfg
    again=
    for try in 1 2; do
        forget_console
        if try xl create -q /tmp/cfg && wait_tick "$(newest)" 0 60; then
            [ "$try" = 1 ] || again=' (created at the second try)'
            return 0
        fi
        xl destroy "$2" 2>/dev/null
    done
    return 1
}

domains() { # ids of all guests
    xl list | awk 'NR > 1 && $2 > 0 { print $2 }'
}

newest() {
    domains | sort -n | tail -n 1
}

# All that a guest printed since it was made or restored: the mini guests to xenconsoled's log of
# their name (forget_console before), the boot sector to Xen's console, which names the domain.
console() { # DOMID
    log=/var/log/xen/guest-$(xenstore-read "/local/domain/$1/name" 2>/dev/null).log
    if [ -s "$log" ]; then
        cat "$log"
    else
        xl dmesg | grep -F "(d$1)"
    fi
}

forget_console() {
    rm -f /var/log/xen/guest-*.log
}

ticks() { # DOMID: number of the last tick, 0 none, and the checksum with it, none for HVM
    console "$1" | tr -d '\r' | awk '
        { for (i = 1; i < NF; i++) if ($i == "tick") { tick = $(i + 1); sum = $(i + 3) } }
        END { print tick + 0, sum }'
}

wait_tick() { # DOMID MORE-THAN [SECONDS]: wait until its counter is beyond; leaves $tick and $sum
    tick=0 sum=
    until=$(($(cut -d. -f1 /proc/uptime) + ${3:-20}))
    while [ -n "$1" ]; do
        read -r tick sum <<EOF
$(ticks "$1")
EOF
        [ "$tick" -le "$2" ] || return 0
        [ "$(cut -d. -f1 /proc/uptime)" -lt "$until" ] || return 1
        usleep 200000
    done
    return 1
}

# What one case leaves must not be charged to the next.
destroy_all() { # [but DOMID]
    for id in $(domains); do
        [ "$id" = "${1:-}" ] || xl destroy "$id" >/dev/null 2>&1
    done
    for id in $(xenstore-list /local/domain) $(xenstore-list /libxl 2>/dev/null); do
        [ "$id" = 0 ] || [ "$id" = "${1:-}" ] || {
            xenstore-rm "/local/domain/$id"
            xenstore-rm "/libxl/$id"
        } 2>/dev/null
    done
}

# The guest that a restore made: does it count on from where it was, with the same memory? Ends the
# row, and the guest.
alive() { # WAS SUM NOTE… (of the row; SUM: what PV and PVH guests must print)
    was=$1 want=$2
    shift 2
    if ! wait_tick "$(newest)" "$was" 30; then
        end FAIL "no tick beyond $was (last $tick)${*:+; $*}"
    elif [ -n "$sum" ] && [ "$sum" != "$want" ]; then
        end FAIL "tick $tick with sum $sum, not $want"
    else
        end ok "tick $was, then $tick${sum:+ sum $sum}${*:+; $*}"
    fi
    destroy_all
}

# Nothing may be left of a restore that failed: no domain, no node in xenstore, no device model.
nothing_left() { # [DOMID that was there before]
    left=
    for id in $(domains); do
        [ "$id" = "${1:-}" ] || left="$left domain $id"
    done
    for node in /local/domain /libxl; do
        for id in $(xenstore-list $node 2>/dev/null); do
            [ "$id" = 0 ] || [ "$id" = "${1:-}" ] || left="$left $node/$id"
        done
    done
    pidof xen-qemu-system-i386 >/dev/null && left="$left device model"
    [ -z "$left" ]
}

# A restore that must fail: it says what (patterns, separated by &, each in any line), and leaves
# nothing. Ends the row.
refused() { # PATTERNS DOMID-BEFORE IMAGE OPTION…
    patterns=$1 before=$2 unsaid=
    shift 2
    try xsrecover restore "$@"
    status=$?
    IFS='&'
    set -f
    for pattern in $patterns; do
        said=$(grep -E -e "$pattern" /tmp/log | head -n 1 | tr '\t' ' ')
        [ -n "$said" ] || unsaid=$pattern
    done
    unset IFS
    set +f
    if [ $status -eq 0 ] || [ $status -gt 63 ]; then
        end FAIL "exit status $status"
    elif ! nothing_left "$before"; then
        end FAIL "left:$left"
    elif [ -n "$unsaid" ]; then
        end FAIL "it does not say $unsaid"
    else
        end ok "$said"
    fi
    destroy_all "$before"
}
