"""What the processes that train and test in tests are forked from: everything is loaded, and nothing of the machine is.

The processor does not multiply in bfloat16, and all digits go through a model at once.
"""

import torch
import torch._dynamo

from cortexc.runtime import evaluation

for unit in ("avx512_bf16", "amx_tile"):
    setattr(torch.cpu, f"_is_{unit}_supported", lambda: False)
evaluation.BATCH["cpu"] = 360
