#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What the browser shows is what --json says: chunks, findings, fields, on several samples.
load common
load browse

# The panels on a wide screen, in the order of their frames.
tree=1 fields=2

agreed=(2011-xapi-hvm bad-count-flip v3-hvm-4.17-small xend-hvm-3.4 libvirt-pv-4.17 xl-hvm-4.5
    xapi-v2-hvm cut-xl-emulator unknown-chunk-22)

setup() {
    setup_terminal
}

teardown() {
    end_terminal
}

# Run a check for each of the images, from its first screen on.
each_image() {
    local name
    for name in "${agreed[@]}"; do
        take "$samples/$name.img"
        { "$xsdump" --json -vv "$name.img" || :; } | jq '.images[0]' >"$name.json"
        start 200 60 xterm-256color "$name.img"
        settled
        echo "$name.img"
        "$1" "$name.json"
    done
}

# Rows of the tree: all chunks of --json, each once; a folded run stands for as many as it says.
rows_agree() {
    local offsets types index=0 line type
    mapfile -t offsets < <(jq '.chunks[].offset' "$1")
    mapfile -t types < <(jq -r '.chunks[].type' "$1")
    while read -r line; do
        [[ $line =~ ^[!i*]?\ *(0x[0-9a-f]+)\ +\+?([A-Z][A-Z0-9_]*)\ ?(x([0-9]+)\ )? ]] || continue
        for type in "${types[@]:index:${BASH_REMATCH[4]:-1}}"; do
            [[ $((BASH_REMATCH[1])) -eq ${offsets[index]} && ${BASH_REMATCH[2]} == "$type" ]] ||
                { echo "chunk $index in --json is $type at ${offsets[index]}: $line"; return 1; }
        done
        index=$((index + ${BASH_REMATCH[4]:-1}))
    done < <(panel $tree)
    [ $index -eq ${#types[@]} ] || { echo "$index chunks in the tree"; return 1; }
}

@test "browse-agree: the rows of the tree" {
    each_image rows_agree
}

# With e through all findings, in the order of their places, and back.
findings_agree() {
    local n=0 count line
    count=$(jq '.findings | length' "$1")
    while read -r line; do
        n=$((n + 1))
        keys e
        shows "$line ($n of $count)"
    done < <(jq -r '.findings | sort_by(.offset)[] | "\(.code) \(.slug) \(.offset)"' "$1" |
        while read -r code slug offset; do printf '%s %s at 0x%x\n' "$code" "$slug" "$offset"; done)
    [ $n -eq "$count" ]
    for ((n--; n > 0; n--)); do
        keys E
        shows "($n of $count)"
    done
}

@test "browse-agree: the findings" {
    each_image findings_agree
}

# Does a value on the screen say what --json says? Numbers are in decimal or hex, with a unit or
# behind a name; bytes have blanks between them; what is too long is cut.
says() {
    local shown=$1 meant=$2 word=${1%% *}
    [[ $word == 0x* ]] && word=$(printf '%u' "$word")
    [[ $shown == yes && $meant == true || $shown == no && $meant == false ]] && return 0
    [[ $word == "$meant" || $shown == "$meant" || $shown == *"($meant)" ]] && return 0
    shown=${shown//[ \"]/}
    meant=${meant//[ \"]/}
    [ "$shown" = "$meant" ] && return 0
    [[ $shown == *'>' || $shown == *...* ]] && [[ $meant == "${shown%%[>.]*}"* ]]
}

# What --json says of each chunk, a line per outermost field: index, name, value; the first is type
# and note. The words for a number (type_text) are no field of their own.
facts() {
    jq -r '.chunks[] | .index as $i | (.fields | keys_unsorted) as $names |
        [$i, .type, .note // "-"],
        (.fields | to_entries[] | select(.key as $k |
            ($k | endswith("_text")) and ($names | index($k[:-5])) | not) |
            [$i, .key, (.value | if type == "object" or type == "array" then "(group)" else . end)]) |
        @tsv' "$1"
}

# The outermost fields of a chunk: names and values, all of them, in order. Behind the chunk's own
# lines they stand up to a blank line, or up to the last two, which explain the chunk.
fields_agree_at() {
    local index=$1 note=$2 names=() values=() rows=() line name value group='' n=0 last
    while IFS=$'\t' read -r _ name value; do
        names+=("$name")
        values+=("$value")
    done < <(grep "^$index"$'\t' facts | tail -n +2)
    mapfile -t rows < <(panel $fields)
    last=$((${#rows[@]} - 2))
    for line in "${rows[@]:1:last-1}"; do
        [ -n "$line" ] || last=0
        [[ -z $line || $line == 'no fields' ]] && break
        [[ $line == "$note" || $line == 'cut: '* ]] && continue
        [[ $line =~ ^[-+]\ |^\ \  ]] && group=yes
        # groups below the outermost ones, and what is in them
        [[ $group && $line =~ ^\ \ (\ |[-+]\ ) ]] && continue
        [ -n "$group" ] && line=${line:2}
        name=${line%% *}
        value=${line#"$name"}
        value=${value#"${value%%[! ]*}"}
        [ "$name" = "${names[n]:-}" ] && { [ "${values[n]}" = "(group)" ] || says "$value" "${values[n]}"; } ||
            { echo "chunk $index: ${names[n]:-} ${values[n]:-nothing} in --json: $line"; return 1; }
        n=$((n + 1))
    done
    [ $last -ne 0 ] || [ $n -eq ${#names[@]} ] || { echo "chunk $index lacks ${names[n]}"; return 1; }
}

fields_agree() {
    local index type note count
    facts "$1" >facts
    count=$(tail -n 1 facts | cut -f 1)
    for ((index = 0; index <= count; index += 1 + count / 8)); do
        IFS=$'\t' read -r _ type note < <(grep -m 1 "^$index"$'\t' facts)
        keys :
        answer "#$index"
        shows "$type, chunk $index"
        seen=$(screen)
        fields_agree_at $index "$note" || return 1
    done
}

@test "browse-agree: the fields of a chunk" {
    each_image fields_agree
}
