# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Unpack the shared test data, when XSI_SHARED names it, into build/shared; sets XSI_TRUTH.
unpack_shared() {
    local to=$XSI_TOP/build/shared file name
    [ -n "${XSI_SHARED:-}" ] && [ -d "$XSI_SHARED/truth" ] || return 0
    if [ ! -e "$to/.done" ]; then
        rm -rf "$to"
        mkdir -p "$to/legacy" "$to/revive" "$to/v2" "$to/real"
        while read -r file name; do
            [ -e "$XSI_SHARED/$file" ] || continue
            tar -I 'zstd --long=27' -C "$to/$name" -xSf "$XSI_SHARED/$file" || return 1
        done <<'ROWS'
truth/images.tar.zst legacy
truth/revive/images.tar.zst revive
truth/v2/images.tar.zst v2
ROWS
        for file in "$XSI_SHARED"/images/*.zst; do
            [ -e "$file" ] || continue
            name=${file##*/}
            zstd -qdf --sparse "$file" -o "$to/real/${name%.zst}" || return 1
        done
        touch "$to/.done"
    fi
    export XSI_TRUTH=$to
}
unpack_shared || echo "The shared test data could not be unpacked." >&2
