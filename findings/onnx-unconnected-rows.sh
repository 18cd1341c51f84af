#!/usr/bin/env bash
# torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# scaled_dot_product_attention gives 0 for a unit whose mask lets nothing in. One would expect the exported network to
# do so too. Exported with operator set 18 it gives the mean over all units, those behind the mask included: the mask
# is written as a large negative number, the same in the whole row, and the softmax cancels it. Exported with operator
# set 23, which has an operator for attention, it gives 0. All other units agree.
#
# What to do: export with operator set 23 or later, or multiply the answer by mask.any(-1, keepdim=True) in the
# network.
#
# Output seen (first value of unit 1, which has no inputs; their mean is 3):
#   torch 0.0
#   operator set 18 3.0
#   operator set 23 0.0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy==2.4.6
env/bin/python - <<'PY'
import contextlib
import io
import logging
import warnings

import numpy as np
import onnxruntime
import torch

warnings.simplefilter("ignore")
logging.disable()
torch.set_num_threads(1)


class Attention(torch.nn.Module):
    def forward(self, units, mask):
        return torch.nn.functional.scaled_dot_product_attention(units, units, units, attn_mask=mask)


units = torch.zeros(1, 1, 3, 8)
units[0, 0, :, 0] = torch.tensor([1.0, 2.0, 6.0])
mask = torch.tensor([[True, False, False], [False, False, False], [True, True, True]])
truth = Attention()(units, mask).numpy()
seen = {"torch": round(float(truth[0, 0, 1, 0]), 4)}
for opset in (18, 23):
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(Attention(), (units, mask), dynamo=True, opset_version=opset, verbose=False).save("net.onnx")
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    (answer,) = session.run(None, dict(zip(names, (units.numpy(), mask.numpy()))))
    assert np.allclose(answer[0, 0, [0, 2]], truth[0, 0, [0, 2]], atol=1e-5)
    seen[f"operator set {opset}"] = round(float(answer[0, 0, 1, 0]), 4)
for name, value in seen.items():
    print(name, value)
assert seen == {"torch": 0.0, "operator set 18": 3.0, "operator set 23": 0.0}
PY
