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

section() { echo "=== $* ==="; }

# Prints a property as hexadecimal digits.
hex() { $b hexdump -v -e '1/1 "%02x"' "$1"; }

# Prints a property as text where it is text (strings joined by |), else as hexadecimal digits. Numbers have
# NUL bytes at their head or in a row, texts have not.
value() {
    text=$($b tr '\0' '|' < "$1")
    case "$text" in
        *[!\ -~]*|'|'*|*'||'*|'') hex "$1" ;;
        *'|') $b printf '"%s"' "${text%|}" ;;
        *) hex "$1" ;;
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
[ -d $parent ] && echo "cells=$(hex "$parent/#address-cells") $(hex "$parent/#size-cells")"
for node in $parent/*/; do
    [ -d "$node" ] || continue
    node=${node%/}
    line="${node##*/}"
    for property in reg size no-map reusable linux,cma-default; do
        [ -e "$node/$property" ] && line="$line $property=$(hex "$node/$property")"
    done
    for property in status compatible; do
        [ -e "$node/$property" ] && line="$line $property=$(value "$node/$property")"
    done
    echo "$line"
done

section report
report=/sys/firmware/devicetree/base/chosen/ringfence
if [ -d $report ]; then
    $b find $report -type f | $b sort | while read -r file; do
        echo "${file#$report/} = $(value "$file")"
    done
fi

# What a crashed kernel left, as the one started after it shows it: the head is enough.
if [ -e /proc/vmcore ]; then
    section vmcore
    echo "$($b head -c 64 /proc/vmcore | $b hexdump -v -e '1/1 "%02x"')"
fi

# What an earlier program left, as Linux itself shows it. Lines of text stand behind a bar, so that they are not
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
        $b gzip -c /sys/fs/pstore/pmsg-ramoops-0 > /ring.gz
        echo "$(hex /ring.gz)"
    fi
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

section end
[ -n "$through_log" ] || $b poweroff -f
