#!/bin/busybox sh
# Allocates from every DMA-BUF heap, then fills memory until compressed swap is in use. `ringfence.marks=`
# names words that must keep what is written into them, separated by commas.
b=/bin/busybox
$b mount -t devtmpfs none /dev
for argument in $($b cat /proc/cmdline); do
    case $argument in
        ringfence.marks=*) marks=$(echo "${argument#*=}" | $b tr , ' ') ;;
    esac
done
for at in $marks; do
    $b devmem "$at" 32 0x5af0c0de
done

/heaps 4
/heaps too-much

echo 256M > /sys/block/zram0/disksize
$b mkswap /dev/zram0 > /dev/null
$b swapon /dev/zram0
$b mount -t tmpfs -o size=150% none /mnt
free=$($b awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
$b dd if=/dev/zero of=/mnt/fill bs=1M count=$((free + 60)) 2> /dev/null
echo "filled $((free + 60)) MiB, status $?"
swapped=$($b awk '/^SwapTotal/ { total = $2 } /^SwapFree/ { print int((total - $2) / 1024) }' /proc/meminfo)
echo "swapped $swapped MiB"
for at in $marks; do
    echo "mark $at $($b devmem "$at")"
done
