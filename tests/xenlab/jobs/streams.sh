# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# Gives each stream of /in/streams (made by tests/xenlab/streams) to the real xc_domain_restore;
# what it did goes to /out/results.tsv.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh
printf 'name\trc\terrno\toffset\terrors\n' >/out/results.tsv
while IFS="$(printf '\t')" read -r name guest megabytes _; do
    /in/xcrestore "$guest" "$megabytes" "/in/streams/$name" >/tmp/rc 2>/tmp/log
    read -r rc errno offset </tmp/rc
    errors=$(awk '/^xc: error|Assertion/ { printf "%s%s", n++ ? " | " : "", $0 }' /tmp/log)
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$rc" "$errno" "$offset" "$errors" >>/out/results.tsv
done </in/streams/list
begin 'damaged streams'
if [ "$(wc -l </in/streams/list)" -eq $(($(wc -l </out/results.tsv) - 1)) ]; then
    end ok "$(wc -l </in/streams/list) streams given to xc_domain_restore"
else
    end FAIL 'not all streams were tried'
fi
finish
