#!/bin/busybox sh
# Loads the drivers that use reserved memory, and reads a disk that a restricted pool stands before.
b=/bin/busybox
$b mount -t devtmpfs none /dev
$b insmod /ringfence_consumers.ko
if [ -e /dev/vda ]; then
    echo "disk $($b head -c 16 /dev/vda)"
    # Beside the default one's directory, or at the top when the pool was first.
    $b find /sys/kernel/debug -name io_tlb_used | while read -r used; do
        echo "used $($b basename "$($b dirname "$used")") $($b cat "$used")"
    done
fi
