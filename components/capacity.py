"""The capacity of a scale set belongs to the autoscaler."""

import pulumi
from pulumi_azure_native import compute


async def keep_capacity(args: pulumi.ResourceHookArgs) -> None:
    """Refuses an update that would scale a pool, right before it is written.

    An update of a scale set is a full PUT: whatever changes, the capacity of the last refresh goes
    with it. The autoscaler may have moved since then, and the difference would be nodes deleted.
    """
    inputs = args.new_inputs or {}
    name, written = inputs["vmScaleSetName"], inputs["sku"]["capacity"]
    most = int(inputs["tags"]["max"])
    scale_set = await compute.get_virtual_machine_scale_set_output(
        resource_group_name=inputs["resourceGroupName"], vm_scale_set_name=name
    ).future()
    live = scale_set.sku.capacity if scale_set and scale_set.sku else None
    if live is None:
        raise RuntimeError(f"scale set {name} does not say its capacity: nothing was written")
    if live != written:
        raise RuntimeError(
            f"scale set {name} has capacity {live:g}, but this update would write {written:g}: "
            "the autoscaler moved it meanwhile. Nothing was written; run the update again"
        )
    # With its protection goes what keeps its nodes from being deleted along with its key.
    if live and not most:
        raise RuntimeError(
            f"scale set {name} has capacity {live:g}, but its maxNodes is 0. Nothing was written; "
            "drain its nodes, scale it to 0, and run the update again"
        )
