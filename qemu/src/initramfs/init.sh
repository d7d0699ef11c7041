#!/bin/busybox sh
# The first and only program of the proving ground's Linux: prints what this boot made of the memory map,
# one marked section each, and powers off. `ringfence.stress` on the command line then fills memory, so that
# the kernel hands out every page it believes to be its own.
b=/bin/busybox
$b mount -t proc none /proc
$b mount -t sysfs none /sys
$b mount -t debugfs none /sys/kernel/debug

# Without a driver for the console there is still the kernel's log, which an early console prints.
if [ -z "$through_log" ] && ! (: > /dev/console) 2> /dev/null; then
    through_log=1 $b sh "$0" 2>&1 | while IFS= read -r line; do
        echo "init: $line" > /dev/kmsg
    done
    $b poweroff -f
fi

# `ringfence.reset=ADDRESS`: the first boot marks that word, which Linux does not use as RAM, and resets the board.
for argument in $($b cat /proc/cmdline); do
    case $argument in
        ringfence.reset=*)
            if [ "$($b devmem "${argument#*=}")" = 0x00000000 ]; then
                $b devmem "${argument#*=}" 32 1
                $b reboot -f
            fi
            ;;
    esac
done

section() { echo "=== $* ==="; }

# Reads the files named, all of them with two programs: to start one takes longer here than to print what it says.
# Then $sizes has `size path` of each, and $digits their bytes one after the other, as hexadecimal digits.
read_all() {
    sizes=$($b wc -c "$@")
    digits=$($b hexdump -v -e '1/1 "%02x"' "$@")
}

# Takes the next $1 bytes out of $digits: they are in $value.
take() {
    value=${digits:0:$(($1 * 2))}
    digits=${digits:$(($1 * 2))}
}

# Adds the property in $value to $line, as text where it is text (strings joined by |), else as hexadecimal digits.
# Numbers have NUL bytes at their head or in a row, texts have not.
add_value() {
    rest=$value text= last=00
    while [ -n "$rest" ]; do
        byte=${rest:0:2} rest=${rest:2}
        case $byte$last in
            0000) text=; break ;;
            00??) text="$text|" ;;
            [2-6]???|7[0-9a-e]??) text="$text\\x$byte" ;;
            *) text=; break ;;
        esac
        last=$byte
    done
    case $text in
        *'|') line="$line\"${text%|}\"" ;;
        *) line=$line$value ;;
    esac
}

section cmdline
$b cat /proc/cmdline
section iomem
$b cat /proc/iomem
section memblock-memory
$b cat /sys/kernel/debug/memblock/memory
section memblock-reserved
$b cat /sys/kernel/debug/memblock/reserved
section meminfo
$b grep -E '^(MemTotal|CmaTotal|CmaFree)' /proc/meminfo

section reserved-memory
parent=/sys/firmware/devicetree/base/reserved-memory
set --
for node in $parent/*/; do
    for property in name reg size no-map reusable linux,cma-default status compatible; do
        [ -e "$node$property" ] && set -- "$@" "$node$property"
    done
done
if [ -d $parent ]; then
    read_all "$parent/#address-cells" "$parent/#size-cells" "$@"
    line=
    echo "$sizes" | while read -r size path; do
        if [ "$path" = total ]; then
            echo -e "$line"
            break
        fi
        take "$size"
        property=${path##*/} path=${path%/*}
        case $property in
            '#address-cells') line="cells=$value" ;;
            '#size-cells') line="$line $value" ;;
            # A whole line at a time, or the kernel's own would come in between.
            name) echo -e "$line"; line=${path##*/} ;;
            status|compatible) line="$line $property="; add_value ;;
            *) line="$line $property=$value" ;;
        esac
    done
fi

section report
report=/sys/firmware/devicetree/base/chosen/ringfence
if [ -d $report ]; then
    read_all $report/*
    echo "$sizes" | while read -r size path; do
        [ "$path" = total ] && break
        take "$size"
        line="${path##*/} = "
        add_value
        echo -e "$line"
    done
fi

# What a crashed kernel left, as the one started after it shows it: the head is enough.
if [ -e /proc/vmcore ]; then
    section vmcore
    echo "$($b head -c 64 /proc/vmcore | $b hexdump -v -e '1/1 "%02x"')"
fi

# What an earlier program left, as Linux itself shows it. Lines of text follow a bar, so that they are not
# taken for lines of this boot; the rest is packed, in hexadecimal.
if [ -n "$($b find $parent -maxdepth 1 -name 'ramoops*' 2> /dev/null)" ]; then
    for module in /lib/modules/$($b uname -r)/*; do
        case $module in
            *.xz) $b unxz -c "$module" > /module.ko ;;
            *) $b cat "$module" > /module.ko ;;
        esac
        $b insmod /module.ko
    done
    $b mount -t pstore none /sys/fs/pstore
    section console-ramoops
    $b sed 's/^/| /' /sys/fs/pstore/console-ramoops-0
    section pmsg-ramoops
    # Most of it is empty, and a console is slow.
    if [ -e /sys/fs/pstore/pmsg-ramoops-0 ]; then
        $b gzip -c /sys/fs/pstore/pmsg-ramoops-0 | $b hexdump -v -e '1/1 "%02x"'
        echo
    fi
fi

# What a test has added.
if [ -x /more ]; then
    section more
    /more
fi

case " $($b cat /proc/cmdline) " in
    *" ringfence.stress "*)
        section stress
        $b mount -t tmpfs -o size=100% none /mnt
        free=$($b awk '/^MemAvailable/ { print int($2 / 1024) - 64 }' /proc/meminfo)
        $b dd if=/dev/zero of=/mnt/fill bs=1M count="$free" 2>&1
        echo "filled $free MiB, status $?"
        ;;
esac

# What else the command line asks for.
. /sentinel.sh

section end
[ -n "$through_log" ] || $b poweroff -f
