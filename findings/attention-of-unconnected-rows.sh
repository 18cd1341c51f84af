#!/usr/bin/env bash
# torch 2.13.0 on a CPU.
#
# A mask made from a connectome may leave a unit without any input. nn.MultiheadAttention then has no weights to give.
# One would expect one answer, be it 0 or NaN. In evaluation with need_weights=False, the same layer on the same input
# is finite with gradients on and NaN under torch.no_grad(), where it takes another path. With need_weights=True it is
# always NaN. So a network can train well and be NaN when it is tested.
#
# What to do: let every unit see itself, or call scaled_dot_product_attention, which gives 0 for such a unit either
# way.
#
# Output seen (is unit 1, which has no inputs, NaN?):
#   layer, gradients: False
#   layer, no gradients: True
#   layer with weights, gradients: True
#   layer with weights, no gradients: True
#   function, gradients: False
#   function, no gradients: False
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q torch==2.13.0 numpy==2.4.6
env/bin/python - <<'PY'
import torch

torch.set_num_threads(1)
torch.manual_seed(0)
layer = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval()
units = torch.randn(1, 3, 8)
connected = torch.tensor([[True, False, False], [False, False, False], [True, True, True]])
seen = {}
for gradients in (True, False):
    with torch.set_grad_enabled(gradients):
        answers = {
            "layer": layer(units, units, units, attn_mask=~connected, need_weights=False)[0],
            "layer with weights": layer(units, units, units, attn_mask=~connected, need_weights=True)[0],
            "function": torch.nn.functional.scaled_dot_product_attention(units, units, units, attn_mask=connected),
        }
    for name, answer in answers.items():
        seen[name, gradients] = bool(answer[0, 1].isnan().any())
for name in answers:
    print(f"{name}, gradients: {seen[name, True]}")
    print(f"{name}, no gradients: {seen[name, False]}")
assert [seen["layer", on] for on in (True, False)] == [False, True]
assert [seen["layer with weights", on] for on in (True, False)] == [True, True]
assert [seen["function", on] for on in (True, False)] == [False, False]
PY
