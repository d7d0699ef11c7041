// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Drivers that use reserved memory as those of real devices do, one for each use, by their `compatible`:
 *
 * ringfence,mapped-region  maps the region that `memory-region` names, which must not be RAM of Linux'
 * ringfence,device-pool    takes coherent memory from the pool that `memory-region` names
 * ringfence,default-pool   takes more coherent memory than the page allocator has in one piece
 *
 * Each prints one line that begins with its node, and holds what it got until the module is removed.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/sizes.h>

/* Written to the first and the last word, and read back. */
#define PATTERN 0x5af0c0de

static bool holds(u32 *words, size_t size)
{
	u32 *last = words + size / sizeof(*words) - 1;

	WRITE_ONCE(*words, PATTERN);
	WRITE_ONCE(*last, ~PATTERN);
	return READ_ONCE(*words) == PATTERN && READ_ONCE(*last) == (u32)~PATTERN;
}

/* Prints why a use failed; dev_err_probe() is silent about a lack of memory. */
#define failed(dev, error, format, ...) \
	({ dev_err(dev, "failed: " format, ##__VA_ARGS__); error; })

static int mapped_region(struct device *dev)
{
	struct device_node *node = of_parse_phandle(dev->of_node, "memory-region", 0);
	struct resource region;
	void *mapping;
	int error;

	if (!node)
		return failed(dev, -ENODEV, "no memory-region\n");
	error = of_address_to_resource(node, 0, &region);
	of_node_put(node);
	if (error)
		return failed(dev, error, "the region has no address\n");
	mapping = devm_memremap(dev, region.start, resource_size(&region), MEMREMAP_WC);
	if (IS_ERR_OR_NULL(mapping))
		return failed(dev, -ENOMEM, "memremap of %pr\n", &region);
	if (!holds(mapping, resource_size(&region)))
		return failed(dev, -EIO, "%pr does not hold what is written\n", &region);
	dev_info(dev, "mapped %pa..%pa\n", &region.start, &region.end);
	return 0;
}

static int coherent(struct device *dev, size_t size)
{
	phys_addr_t first, last;
	dma_addr_t address;
	void *memory;
	int error = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));

	if (error)
		return failed(dev, error, "no DMA\n");
	memory = dmam_alloc_coherent(dev, size, &address, GFP_KERNEL | __GFP_NOWARN);
	if (!memory)
		return failed(dev, -ENOMEM, "dma_alloc_coherent of %zu KiB\n", size / SZ_1K);
	if (!holds(memory, size))
		return failed(dev, -EIO, "%pad does not hold what is written\n", &address);
	/* Without an IOMMU and without dma-ranges an address of the device's is one of the processor's. */
	first = address;
	last = address + size - 1;
	dev_info(dev, "allocated %pa..%pa\n", &first, &last);
	return 0;
}

static int device_pool(struct device *dev)
{
	int error = of_reserved_mem_device_init(dev);

	if (error)
		return failed(dev, error, "of_reserved_mem_device_init\n");
	return coherent(dev, SZ_1M);
}

static int default_pool(struct device *dev)
{
	u32 size = SZ_16M;

	of_property_read_u32(dev->of_node, "ringfence,size", &size);
	return coherent(dev, size);
}

static int probe(struct platform_device *pdev)
{
	int (*use)(struct device *dev) = device_get_match_data(&pdev->dev);

	/* A failure is the result of a test; the device stays bound. */
	use(&pdev->dev);
	return 0;
}

static const struct of_device_id ids[] = {
	{ .compatible = "ringfence,mapped-region", .data = mapped_region },
	{ .compatible = "ringfence,device-pool", .data = device_pool },
	{ .compatible = "ringfence,default-pool", .data = default_pool },
	{ }
};
MODULE_DEVICE_TABLE(of, ids);

static struct platform_driver consumers = {
	.probe = probe,
	.driver = {
		.name = "ringfence-consumers",
		.of_match_table = ids,
	},
};
module_platform_driver(consumers);

MODULE_DESCRIPTION("Users of reserved memory, for tests");
MODULE_LICENSE("Dual MIT/GPL");
