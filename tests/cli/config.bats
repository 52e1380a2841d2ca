#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# xsrecover config: what a container says of its guest, shown, changed in place and edited.
load common

samples=$XSI_TOP/build/samples

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# recover STATUS ARGUMENT…: the status must be that one.
recover() {
    local want=$1
    shift
    run "$xsrecover" "$@"
    [ "$status" -eq "$want" ] || { echo "xsrecover $*: $status, not $want"; echo "$output"; return 1; }
}

# le32 N, be32 N: four bytes
le32() {
    printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}
be32() {
    printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# The stream of a sample, without its xl header: what stands behind the text of another container.
stream() {
    local optional
    optional=$(od -An -tu4 -j44 -N4 "$1" | tr -d " ")
    tail -c +$((48 + optional + 1)) "$1"
}

# xl IMAGE TEXT FLAGS, xend IMAGE TEXT, libvirt IMAGE TEXT: TEXT in front of a legacy PV stream
xl() {
    printf 'Xen saved domain, xl format\n \0 \r\004\003\002\001' >"$1"
    { le32 "$3"; le32 0; le32 $((${#2} + 4 + ($3 & 1))); le32 $((${#2} + ($3 & 1))); } >>"$1"
    printf '%s' "$2" >>"$1"
    [ $(($3 & 1)) -eq 0 ] || printf '\0' >>"$1"
    stream "$samples/xl-hvm-4.2.img" >>"$1"
}
xend() {
    { printf LinuxGuestRecord; be32 ${#2}; printf '%s' "$2"; stream "$samples/xl-hvm-4.2.img"; } >"$1"
}
libvirt() {
    { printf 'libvirt-xml\n \0 \r'; le32 1; le32 $((${#2} + 1)); head -c 40 /dev/zero; printf '%s\0' "$2"
        stream "$samples/xl-hvm-4.2.img"; } >"$1"
}

json='{
    "c_info": {
        "type": "hvm",
        "name": "web"
    },
    "b_info": {
        "max_vcpus": 1,
        "max_memkb": 4096,
        "type.hvm": {
            "vnc": {
                "passwd": "geheim\"1"
            }
        }
    }
}
'
cfg='name = "web"
builder = "hvm"
memory = 4
vncpasswd = "geheim"
disk = [ "phy:/dev/vg/a,xvda,w" ]
'
sxp="(domain (domid 1) (name web) (memory 4) (vcpus 1) (image (hvm (kernel '') (vncpasswd geheim))))"
xml="<domain type='xen'>
  <name>web</name>
  <memory>4096</memory>
  <vcpu>1</vcpu>
  <os><type>hvm</type></os>
  <devices><graphics type='vnc' passwd='geheim'/></devices>
</domain>
"

# all four, as j.img c.img s.img x.img
four() {
    xl j.img "$json" 1
    xl c.img "$cfg" 0
    xend s.img "$sxp"
    libvirt x.img "$xml"
}

@test "show: the text of each container, secrets masked unless asked for" {
    four
    for image in j.img c.img s.img x.img; do
        recover 0 config show $image
        [[ $output == *web* && $output != *geheim* && $output == *'****'* ]]
        recover 0 config show $image --secrets
        [[ $output == *geheim* ]]
        run bash -c "'$xsrecover' config show - <$image"
        [[ $status -eq 0 && $output == *web* && $output != *geheim* ]]
    done
    gzip -k s.img
    recover 0 config show s.img.gz
    [[ $output == *"(name web)"* ]]
    recover 0 config show "$samples/config-xapi-guest.img"
    [[ $output == *vm_str* ]]
}

@test "show: --raw writes it as it is, for its owner alone" {
    four
    recover 0 config show j.img --raw -o text
    cmp text <(printf '%s' "$json")
    [ "$(stat -c %a text)" = 600 ]
    recover 8 config show j.img --raw -o text
    cmp <("$xsrecover" config show s.img --raw | cat) <(printf '%s' "$sxp")
    recover 16 config show j.img -o other
    [ ! -e other ]
}

@test "show: what an image holds reaches the terminal escaped; what is damaged is shown and said" {
    xend s.img "$(printf '(domain (name "a\033[2Jb") (memory 4) (vncpasswd geheim)')"
    recover 4 config show s.img
    [[ $output == *'a\x1b[2Jb'* && $output == *damaged* && $output != *geheim* ]]
    recover 4 config set s.img name=x -o out.img -y
    [ ! -e out.img ]
}

@test "set: only the value and the lengths change, and the result reads as before" {
    four
    for image in j.img c.img s.img x.img; do
        status=0; "$xsdump" --no-pager -q $image >/dev/null || status=$?
        before=$status
        recover "$before" config set $image name=longer-than-web memory=8M -o new.img -y
        "$xsrecover" config show $image --raw | cat >old.txt
        "$xsrecover" config show new.img --raw | cat >new.txt
        sed -e 's/web/longer-than-web/' -e 's/4096/8192/; s/memory = 4/memory = 8/; s/(memory 4)/(memory 8)/' old.txt | cmp - new.txt
        cmp <(tail -c 100000 $image) <(tail -c 100000 new.img)
        rm new.img
    done
}

@test "set: in place the stream stays where blanks of the text give way, and undo brings all back" {
    four
    for image in j.img x.img; do
        cp $image old.img
        run "$xsrecover" config set $image name=web-2 --in-place -y --undo u
        [[ $output == *written* ]]
        [ "$(stat -c %s $image)" = "$(stat -c %s old.img)" ]
        cmp <(tail -c 100000 $image) <(tail -c 100000 old.img)
        [[ $("$xsrecover" config show $image) == *web-2* ]]
        recover 0 undo u -y
        cmp $image old.img
        rm u
    done
    # a shorter one is filled up, in every syntax
    for image in j.img c.img s.img x.img; do
        size=$(stat -c %s $image)
        run "$xsrecover" config set $image name=w --in-place -y --undo u
        [ "$(stat -c %s $image)" = "$size" ]
        rm u
        [[ $("$xsrecover" config show $image --raw | cat) == *w* ]]
        run "$xsrecover" config set $image
        [[ $output == *name=w$'\n'* ]]
    done
}

@test "set: the members that there are, and what is refused, with nothing written" {
    four
    run "$xsrecover" config set c.img
    [[ $output == *$'name=web\n'*$'memory=4096k\n'*'vnc.password=********'*$'disk0.target=/dev/vg/a\n'* ]]
    for word in nothing=1 name= name memory=x uuid=1 disk1.target=/x 'disk0.target=/x,y' type=pv vnc.password=1 \
        kernel=/x "name=$(printf 'a\033b')"; do
        recover 16 config set c.img "$word" -o out.img -y
        [[ $output != *$'\033'* ]]
    done
    recover 16 config set c.img name=x --secrets -o out.img -y
    recover 16 config nothing c.img
    recover 16 config set "$samples/config-xapi-guest.img" name=x -o out.img -y
    recover 16 config show "$samples/hvm-3.4-xend.img" -o out.img
    [ ! -e out.img ]
}

@test "edit: an editor on a private file; what comes back is checked; no terminal, no editor" {
    four
    recover 16 config edit j.img
    recover 32 config edit j.img -o new.img -y </dev/null
    cat >editor <<'EDITOR'
#!/bin/sh
stat -c '%a %s' "$1" >>seen
echo "$1" >>seen
sed -i 's/"web"/"edited"/; s/geheim/neu/' "$1"
EDITOR
    chmod +x editor
    run script -qec "EDITOR=./editor VISUAL= '$xsrecover' config edit j.img -o new.img -y" /dev/null
    [[ $output == *'"edited"'* && $output != *neu* && $output != *geheim* ]]
    [ "$(head -1 seen | cut -d' ' -f1)" = 600 ]
    [ ! -e "$(sed -n 2p seen)" ]
    [[ $("$xsrecover" config show new.img --secrets) == *'"edited"'*neu* ]]
    cmp <(tail -c 100000 j.img) <(tail -c 100000 new.img)
    # damage is refused: "Edit it again?" n
    printf '#!/bin/sh\necho "{" >"$1"\n' >editor
    run bash -c "echo n | script -qec \"EDITOR=./editor '$xsrecover' config edit j.img -o bad.img -y\" /dev/null"
    [[ $output == *"this is no xl JSON"* ]]
    [ ! -e bad.img ]
    printf '#!/bin/sh\nexit 1\n' >editor
    run script -qec "EDITOR=./editor '$xsrecover' config edit j.img -o bad.img -y" /dev/null
    [ "$status" -eq 32 ]
    [ ! -e bad.img ]
}
