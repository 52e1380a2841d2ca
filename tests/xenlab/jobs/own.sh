# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# PV, PVH and HVM guests that this host made: saved by xl, listed by xsdump, restored by xl and by
# xsrecover's two ways.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh

whole() { # IMAGE: the listing has no finding, and 4.17 restores it
    xsdump --json -t xen-4.17 "$1" >"$1.json" 2>/tmp/log &&
        jq -e '.images[0] | .findings == [] and
            (.verdicts | map(.target + " " + .verdict) == ["xen-4.17 restores"])' \
            "$1.json" >>/tmp/log
}

restore() { # KIND VIA OPTION…: of the image, which was saved behind tick $saved
    kind=$1 via=$2
    shift 2
    begin "$kind: xsrecover restore --via $via${*:+ $*}"
    forget_console
    if try xsrecover restore "$kind.save" --via "$via" "$@"; then
        cat /tmp/log
        alive "$saved" 3abf0807
    else
        end FAIL "exit status $?"
        destroy_all
    fi
}

for kind in pv pvh hvm; do
    begin "$kind: xl create, xl save"
    if ! create "$kind" "$kind" || ! try xl save "$kind" "$kind.save"; then
        end FAIL "no image"
        destroy_all
        continue
    fi
    saved=$tick
    end ok "saved behind tick $saved$again"

    begin "$kind: xsdump"
    if whole "$kind.save"; then
        end ok "no findings, restores on xen-4.17"
    else
        end FAIL "findings, or a verdict that is not restores"
    fi

    begin "$kind: xl restore"
    forget_console
    try xl restore "$kind.save"
    alive "$saved" 3abf0807

    restore "$kind" libxc
    begin "$kind: a second restore needs --force"
    refused --force '' "$kind.save" --via libxc
    restore "$kind" xl --force
done
finish
