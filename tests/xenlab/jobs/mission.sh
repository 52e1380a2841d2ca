# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# The mission: guests as Xen 3.4, 4.0 and 4.1 saved them, whole and damaged, brought back here.
# /in/mission/rows: era, guest, damage, way back; the image is /in/mission/ERA-GUEST-DAMAGE. The one
# question, whether the mend may give something up, is answered yes: an older reader wants a
# device-model record behind every HVM stream, and one that starts anew is put where it is lost.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh
tab=$(printf '\t')
was=1 # the tick that each guest was saved behind

by_hand() { # IMAGE: what an administrator would type
    mended=$1
    rm -f /in/state/mended
    timeout 60 xsrecover fix "$1" -y -o /in/state/mended
    [ ! -e /in/state/mended ] || mended=/in/state/mended
    timeout 60 xsrecover convert "$mended" --to xl -o - 2>/tmp/log2 | xl restore /dev/stdin
    status=$?
    cat /tmp/log2
    return $status
}

while IFS=$tab read -r era guest damage way; do
    begin "$era $guest $damage ($way)"
    image=/in/mission/$era-$guest-$damage
    rm -rf /var/lib/xsrecover/*
    forget_console
    if [ "$way" = by-hand ]; then
        by_hand "$image" >/tmp/log 2>&1
    else
        case $way in *--force) force=--force ;; *) force= ;; esac
        try xsrecover restore -y ${force:+"$force"} "$image" --via "${way%% *}"
    fi
    status=$?
    if [ $status -eq 0 ] || [ -n "$(newest)" ]; then
        alive "$was" 3abf0807
    else
        end FAIL "exit status $status: $(grep -v '^$' /tmp/log | tail -n 1 | tr '\t' ' ')"
    fi
done </in/mission/rows
finish
