# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2119,SC2120,SC2034 # images takes an argument where it matters; names for the tests
# What the command-line tests share. XSI_BIN names the build under test (build or build/asan).
XSI_TOP=${XSI_TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
XSI_BIN=${XSI_BIN:-$XSI_TOP/build}
xsdump=$XSI_BIN/xsdump
xsrecover=$XSI_BIN/xsrecover
# Undo files and the registry: never those of the machine.
export XSRECOVER_STATE=${BATS_TEST_TMPDIR:-/nonexistent}/state
unset NO_COLOR PAGER

# Images up to a size in KiB: the generator's, then those that are bundled.
images() {
    find "$XSI_TOP/build/samples" "$XSI_TOP/samples" "$XSI_TOP/tests/data" -type f -name '*.img' \
        -size "-${1:-129}k" 2>/dev/null | sort
}

# Run xsdump and fail the test on the bits of the exit status that no image may cause.
dump() {
    local status=0
    "$xsdump" --no-pager "$@" || status=$?
    if [ $((status & 8)) -ne 0 ] || [ "$status" -ge 32 ]; then
        echo "xsdump $*: exit status $status" >&2
        return 1
    fi
    return 0
}

# Exit status of a command, alone on standard output.
status_of() {
    local status=0
    "$@" >/dev/null 2>&1 || status=$?
    echo "$status"
}

# An image for tests of options: small and sound. Found once per file of tests.
sound() {
    local image found=${BATS_FILE_TMPDIR:-$BATS_TEST_TMPDIR}/sound
    if [ ! -s "$found" ]; then
        while read -r image; do
            [ "$(status_of "$xsdump" "$image")" -eq 0 ] || continue
            echo "$image" >"$found"
            break
        done < <(images)
    fi
    cat "$found"
}
