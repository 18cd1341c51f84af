"""A plain transformer, taken out of the connectome: the same weights in torch's own encoder."""

import math

import torch
from torch import Tensor, nn

from cortexc.compiler.artifact import Attend, Embed, Emit, Mix, Op, Relay

from .model import CorticalTransformer
from .relay import EmbedStep


class VisionTransformer(nn.Module):
    """A pre-norm vision transformer of torch.nn.TransformerEncoderLayer: images -> logits."""

    def __init__(self, embed: Embed, model: CorticalTransformer, layers: list[nn.TransformerEncoderLayer]) -> None:
        """Take the embedding and the readout from ``model``."""
        super().__init__()
        weights, width = model.weights, layers[0].linear1.in_features
        name, (read,) = embed.population, model.program.ops[-1].populations
        self.embed = EmbedStep(embed, model.program)
        self.patches = nn.Conv2d(
            model.program.input.channels, width, model.program.input.patch, stride=model.program.input.patch
        )
        self.position = nn.Parameter(torch.zeros(model.program.populations[0].tokens, width))
        norm = nn.LayerNorm(width)
        self.encoder = nn.TransformerEncoder(layers[0], len(layers), norm=norm, enable_nested_tensor=False)
        self.encoder.layers = nn.ModuleList(layers)
        self.head = nn.Linear(width, model.program.classes)
        with torch.no_grad():
            self.patches.weight.copy_(weights[f"{name}.patch.weight"])
            _fill(self.patches.bias, weights[f"{name}.patch.bias"])
            if (position := weights.get(f"{name}.position")) is not None:
                self.position.copy_(position)
            norm.weight.copy_(weights[f"{read}.readout_norm.gain"])
            norm.bias.copy_(weights[f"{read}.readout_norm.bias"])
            self.head.weight.copy_(weights["readout.weight"])
            self.head.bias.copy_(weights["readout.bias"])

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, classes) of images (B, C, H, W) in [0, 1]."""
        tokens = self.patches(self.embed.prepare(images)).flatten(2).transpose(1, 2)  # (B, tokens, width)
        encoded = self.encoder(tokens + self.position)
        return self.head(encoded.mean(dim=1))  # type: ignore[no-any-return]


def to_vit(model: CorticalTransformer) -> VisionTransformer:
    """Return a plain transformer of torch.nn.TransformerEncoderLayer with the same weights and the same numbers.

    Raises:
        ValueError: the program is more than a plain transformer; the message says where.
    """
    embed, *body, readout = model.program.ops
    if not isinstance(embed, Embed) or len(body) % 4:
        raise ValueError(f"{model.program.name} is not a plain transformer: no chain of relay, attention and column")
    layers, state = [], embed.output
    for i in range(0, len(body), 4):
        layer, state = _layer(model, body[i : i + 4], state)
        layers.append(layer)
    if not layers or readout.reads != (state,):
        raise ValueError(f"{model.program.name} is not a plain transformer: its readout is not that of its last layer")
    vit = VisionTransformer(embed, model, layers)
    return vit.to(next(model.parameters()).device).train(model.training)


def _layer(model: CorticalTransformer, ops: list[Op], state: str) -> tuple[nn.TransformerEncoderLayer, str]:
    program = model.program
    match ops:
        case [Relay() as relay, Emit() as emit, Attend() as attend, Mix() as mix]:
            pass
        case _:
            raise ValueError(f"{program.name} is not a plain transformer: see {ops[0].name}")
    population = program.by_name[relay.population]
    name, width = population.name, population.width
    lateral = program.connections[attend.sources[0].connection]
    relayed = program.connections[relay.sources[0].connection]
    target = mix.targets[0]
    plain = {
        "one relay of the state before": relay.reads == (state,) and relay.sources[0].weight == 1.0,
        "a one-to-one relay": relayed.is_identity,
        "attention to itself": emit.reads == relay.writes and attend.reads == (*relay.writes, *emit.writes),
        "driving attention": attend.mode == "driving",
        "an all-to-all kernel": lateral.nonzeros == math.prod(lateral.shape) and len(set(lateral.weight)) == 1,
        "dense values of the normalised state": population.values == "dense" and population.values_from == "normalized",
        "a dense output": population.output == "dense",
        "keys as wide as the state": program.heads * program.key_width == width,
        "a column of one population": len(mix.targets) == 1 and target.state == attend.output,
        "a column that drives itself": target.excitatory == (name,) and not target.inhibitory,
        "no Dale's law": not population.dale,
    }
    if missing := [fact for fact, holds in plain.items() if not holds]:
        raise ValueError(f"{program.name} is not a plain transformer: {name} has not {missing[0]}")
    layer = nn.TransformerEncoderLayer(
        width,
        program.heads,
        population.hidden,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    weights = model.weights
    with torch.no_grad():
        parts = [weights[f"{name}.{part}.weight"] for part in ("query", "key", "value")]
        layer.self_attn.in_proj_weight.copy_(torch.cat(parts))
        key_bias = torch.zeros_like(
            weights[f"{name}.query.bias"]
        )  # it would shift all logits alike, so the program has none
        biases = [weights[f"{name}.query.bias"], key_bias, weights[f"{name}.value.bias"]]
        _fill(layer.self_attn.in_proj_bias, torch.cat(biases))
        for module, source in (
            (layer.self_attn.out_proj, f"{name}.output"),
            (layer.linear1, f"{population.column}.column.input"),
            (layer.linear2, f"{population.column}.column.output"),
        ):
            module.weight.copy_(weights[f"{source}.weight"])
            _fill(module.bias, weights[f"{source}.bias"])
        for norm, source in (
            (layer.norm1, f"{name}.attention_norm"),
            (layer.norm2, f"{population.column}.column_norm"),
        ):
            norm.weight.copy_(weights[f"{source}.gain"])
            norm.bias.copy_(weights[f"{source}.bias"])
    return layer, target.output


def _fill(tensor: Tensor | None, value: Tensor) -> None:
    assert tensor is not None
    tensor.copy_(value)
