# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# Xen's own `xl restore` of legacy images, with our converter in the place of Xen's. An image in
# another container, or in none, is given xl's header first; its stream stays as it is.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh
tab=$(printf '\t')
export LIBXL_CONVERT_HELPER=/in/tools/bin/xsi-convert-legacy-stream

in_container() { # IMAGE CONTAINER GUEST: $save is what xl can open
    save=/in/revive/$1
    [ "$2" != xl ] || return 0
    save=/in/wrapped
    rm -f $save
    config "$3" restored >/tmp/cfg
    # xend's configurations in these images do not name the serial line that the device model had
    [ "$2 $3" != "xend hvm" ] || set -- "$@" --config /tmp/cfg
    image=$1
    shift 3
    # --force: some of them no reader of their time took, which the exit status says then
    try xsrecover wrap "/in/revive/$image" --to xl --force "$@" -o $save
    [ -s $save ]
}

sed 1d /in/revive/INDEX.tsv >/tmp/index
while IFS=$tab read -r image guest _ _ container what expect; do
    [ "$expect" = alive ] || continue
    begin "xl restore $image"
    say "$what"
    forget_console
    if in_container "$image" "$container" "$guest" && try xl restore "$save"; then
        alive 1 3abf0807
    else
        end FAIL "exit status $?"
        destroy_all
    fi
done </tmp/index
finish
