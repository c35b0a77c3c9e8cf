"""How the kits of a contract may relate: a second reading, from the interface alone, as reference_judge's."""

from reference_judge import normalise


def kit_problem(contract):
    """None, or why the loader refuses kits that the schema accepts."""
    kits = contract.get("kits", [])
    steps = contract.get("sku", {}).get("normalise", {})
    makings = [[normalise(part["sku"], steps) for part in kit["components"]] for kit in kits]
    sold = [normalise(kit["sku"], steps) for kit in kits]
    counted = {sku for parts in makings for sku in parts}
    problems = (
        (None in counted | set(sold), "a kit or component that is no SKU"),
        (len(set(sold)) < len(sold), "a kit given twice"),
        (any(len(set(parts)) < len(parts) for parts in makings), "a component given twice"),
        (set(sold) & counted, "a kit of kits"),
    )
    return next((text for holds, text in problems if holds), None)
