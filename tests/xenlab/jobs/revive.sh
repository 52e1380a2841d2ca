# shellcheck shell=dash
# SPDX-License-Identifier: GPL-3.0-or-later
# Legacy images of guests that can be brought back, whole and damaged, as /in/revive/INDEX.tsv lists
# them: image, guest, width, writer, container, what, expect. What is expected decides what is asked;
# nothing else in a row does but the name of its file.
# shellcheck source=tests/xenlab/dom0/lib.sh
. /in/lib.sh
tab=$(printf '\t')

restore() { # IMAGE OPTION…
    forget_console
    try xsrecover restore "$@"
}

revived() { # IMAGE VIA OPTION…
    image=$1 via=$2
    shift 2
    begin "$image --via $via${*:+ $*}"
    if restore "/in/revive/$image" --via "$via" "$@"; then
        alive 1 3abf0807
    else
        end FAIL "exit status $?"
        nothing_left || say "left:$left"
        destroy_all
    fi
}

sed 1d /in/revive/INDEX.tsv >/tmp/index
while IFS=$tab read -r image _ _ _ container what expect; do
    say "$image: $what"
    case $expect in
    repairable) # the mend guesses, or gives something up: a person says yes
        revived "$image" libxc -y
        ;;
    alive)
        revived "$image" libxc
        # an image with a configuration that xl takes
        [ "$container" != xl ] || revived "$image" xl --force
        ;;
    dead)
        begin "$image: refused"
        refused '(--core|nothing|too short)' '' "/in/revive/$image" --via libxc
        ;;
    *) # memory and CPUs are there, the device model's state is not
        begin "$image: refused"
        refused '(device.model|emulator|QEMU).*' '' "/in/revive/$image" --via libxc
        revived "$image" libxc --force -y
        ;;
    esac
done </tmp/index
finish
