"""Small connectomes of all shapes, drawn at random but reproducibly: what the fast paths are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from cortexc.connectome import Connectome

KERNELS: tuple[dict[str, Any], ...] = (
    {"type": "all"},
    {"type": "retinotopic", "radius": 1.0},
    {"type": "disc", "radius": 1.5},
    {"type": "gaussian", "sigma": 0.8},
    {"type": "exponential", "length": 0.7, "cutoff": 2.0},
    {"type": "patchy", "length": 1.0, "cutoff": 2.5, "spacing": 2.0},
    {"type": "disc", "radius": 0.2},  # reaches nobody between unequal grids: tokens without any input
)


def random_connectome(seed: int, **settings: Any) -> Connectome:
    """Return a sound connectome of 2 to 4 areas with laminar circuits, all modes, and either schedule."""
    rng = np.random.default_rng(seed)
    names = [f"A{i}" for i in range(int(rng.integers(2, 5)))]
    probability = rng.uniform(0.01, 1, (5, 5)) * (rng.uniform(size=(5, 5)) < 0.7)
    for target, source in (
        (0, 1),
        (1, 0),
        (2, 0),
        (0, 2),
    ):  # the way through the column, whichever rows are meant
        probability[target, source] = 0.5
    laminar = {
        "populations": {
            "L23E": {"layer": "L2/3", "cells": 200},
            "L4E": {"layer": "L4", "cells": 210},
            "L5E": {"layer": "L5", "cells": 50},
            "PV": {"kind": "inhibitory", "width": 4, "cells": 60},
            "SOM": {"kind": "inhibitory", "width": 2, "cells": 30},
        },
        "connections": {
            "rows": str(rng.choice(["target", "source"])),
            "populations": ["L23E", "L4E", "L5E", "PV", "SOM"],
            "probability": probability.round(3).tolist(),
        },
        "column": {
            "expansion": 1.5,
            "dale": bool(rng.uniform() < 0.3),
            **({"surround": {"semi_saturation": 0.3}} if rng.uniform() < 0.5 else {}),
        },
        "values": str(rng.choice(["one_to_one", "block", "dense"])),
        "values_from": str(rng.choice(["state", "normalized"])),
        "output": str(rng.choice(["one_to_one", "dense"])),
        "shared": seed % 3 == 0,
    }
    if rng.uniform() < 0.4:  # thalamic axons reach interneurons too
        laminar["populations"]["PV"]["width"] = 8  # type: ignore[index]
        laminar["roles"] = {"feedforward": ["L4E", "PV"]}
    synchronous = bool(rng.uniform() < 0.3)
    projections = [{"from": "LGN", "to": names[0], "topography": _kernel(rng, reaching=True)}]
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            if i == j or (j != i + 1 and rng.uniform() < 0.4):
                continue
            p: dict[str, Any] = {"from": source, "to": target, "fln": float(rng.uniform(0.001, 0.9))}
            if rng.uniform() < 0.7:
                p["sln"] = float(rng.uniform(0.1, 0.9))
            p["topography"] = _kernel(rng, reaching=j == i + 1)
            p["mode"] = str(rng.choice(["driving", "driving", "modulatory", "relay"])) if j != i + 1 else "driving"
            if synchronous and rng.uniform() < 0.3:
                p["delay"] = 2
            projections.append(p)
    return Connectome.model_validate(
        {
            "cortexc": 1,
            "name": f"random-{seed}",
            "input": {
                "grid": [4, 4], "patch": 2, "width": 8, "mean": [0.4, 0.5, 0.5], "std": [0.2, 0.3, 0.2],
                **({"point_spread": float(rng.uniform(0.3, 1.5))} if rng.uniform() < 0.5 else {}),
                "gain_control": {"type": str(rng.choice(["none", "global", "local"])), "pool": 3},
            },
            "circuits": {"laminar": laminar},
            "areas": {
                n: {"grid": [[4, 4], [2, 2], [4, 2]][int(rng.integers(3))]}
                | ({"circuit": "laminar"} if rng.uniform() < 0.8 else {})
                for n in names
            },
            "lateral": {n: {"kernel": _kernel(rng), "weight": 0.7} for n in names if rng.uniform() < 0.6},
            "projections": projections,
            "attention": {"heads": 2, "key_width": 3},
            "dynamics": {"sweeps": 5 if synchronous else int(rng.integers(1, 4)),
                         "order": "synchronous" if synchronous else "hierarchical"},
            "readout": {"area": names[-1], "classes": 5},
            **settings,
        }
    )  # fmt: skip


def _kernel(rng: np.random.Generator, *, reaching: bool = False) -> dict[str, Any]:
    kernels = KERNELS[:-1] if reaching else KERNELS
    return kernels[int(rng.integers(len(kernels)))]
