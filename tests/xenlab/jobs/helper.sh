# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# Xen's own `xl restore` of legacy images in xl's container, with our converter in the place of Xen's.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh
tab=$(printf '\t')
export LIBXL_CONVERT_HELPER=/in/tools/bin/xsi-convert-legacy-stream

sed 1d /in/revive/INDEX.tsv >/tmp/index
while IFS=$tab read -r image _ _ _ container what expect; do
    [ "$container $expect" = "xl alive" ] || continue
    begin "xl restore $image"
    say "$what"
    forget_console
    if try xl restore "/in/revive/$image"; then
        alive 1 3abf0807
    else
        end FAIL "exit status $?"
        destroy_all
    fi
done </tmp/index
finish
