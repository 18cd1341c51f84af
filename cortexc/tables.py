"""Results as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.evaluation import Evaluation


def evaluation_table(found: Evaluation, manifest: dict[str, Any]) -> str:
    """Return how a run does on the test images: what the model is, accuracy, and accuracy by class."""
    counts = manifest["parameters"]
    rows = [
        ("model", manifest["name"]),
        ("parameters", f"{counts['total']:,}"),
        ("  of attention", f"{counts['attention']:,}"),
        ("data", f"{manifest['data']['name']}, {found.images:,} test images"),
        ("training", f"{manifest['recipe']['epochs']} epochs" + ("" if found.finished else ", not finished")),
        ("accuracy", f"{100 * found.accuracy:.2f} %"),
        ("cross entropy", f"{found.loss:.4f} nats"),
        *((f"  {name}", f"{100 * accuracy:.1f} %") for name, accuracy in found.per_class.items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)
