"""The data: what a connectome IS. Frozen pydantic models, no behaviour beyond validation of single fields.

Lengths of kernels and topographies are in columns (grid points) of the coarser of the two grids that they join.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from . import units
from .diagnostics.span import Span
from .locations import Locations

MAX_AREAS = 20_000
"""A hundred times what any parcellation of a cortex has."""
SMALLEST, LARGEST = 1e-12, 1e12
"""Of numbers that are not counts. Beyond them, float32 would no longer tell them from zero or infinity."""
MAX_DELAY = 64
"""The longest delay [steps], and the most sweeps."""
MAX_SIDE = 4096
"""The longest side of a grid [columns]; a square of it already holds 16.8 million tokens."""


def _as_written(value: Any) -> Any:
    """Let an area be called ``7`` or ``08``: a bare number where a name belongs is that text."""
    return getattr(value, "text", value)


def _millimetres(value: Any) -> Any:
    return _quantity(value, "length")


def _milliseconds(value: Any) -> Any:
    return _quantity(value, "time")


def _quantity(value: Any, dimension: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return units.parse_quantity(value, dimension)
    except units.UnitError as error:
        raise PydanticCustomError("wrong_unit", "{reason}", {"reason": str(error)}) from None


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Name: TypeAlias = Annotated[
    str, BeforeValidator(_as_written), Field(min_length=1, max_length=200, pattern=r"^[^.@:~>\n]+$")
]
"""What things are called: the marks that programs join names with (``. @ : ~ >``) are not part of one."""
Text: TypeAlias = Annotated[str, BeforeValidator(_as_written)]
Citation: TypeAlias = Annotated[
    tuple[Name, ...],
    BeforeValidator(_one_or_many, json_schema_input_type=str | list[str]),
]
Fraction: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=1)]
Positive: TypeAlias = Annotated[float, Strict(), Field(gt=0, ge=SMALLEST, le=LARGEST)]
NonNegative: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=LARGEST)]
Names: TypeAlias = Annotated[tuple[Name, ...], Field(min_length=1)]
Number: TypeAlias = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST)]
PixelValue: TypeAlias = Annotated[float, Strict(), Field(ge=-100, le=100)]
PixelSpread: TypeAlias = Annotated[float, Strict(), Field(gt=0, ge=1e-3, le=100)]
PointSpread: TypeAlias = Annotated[float, Strict(), Field(gt=0, ge=1e-3, le=100)]
Count: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=2**53)]
Flag: TypeAlias = Annotated[bool, Strict()]
Millimetres: TypeAlias = Annotated[
    float, BeforeValidator(_millimetres, json_schema_input_type=float | str), Strict(), Field(ge=0)
]
Milliseconds: TypeAlias = Annotated[
    float, BeforeValidator(_milliseconds, json_schema_input_type=float | str), Strict(), Field(gt=0)
]
Side: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=MAX_SIDE)]
Grid: TypeAlias = tuple[Side, Side]
Width: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=65536)]
ValueMap: TypeAlias = Literal["one_to_one", "block", "dense"]
ValuesFrom: TypeAlias = Literal["state", "normalized"]


class _Data(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_alias=True,
        validate_by_name=False,
        use_attribute_docstrings=True,
    )


class Source(_Data):
    """Where numbers come from: a paper, a data set, or a stated assumption."""

    doi: Text | None = None
    """Digital object identifier, without the resolver's address."""
    url: Text | None = None
    citation: Text | None = None
    """Authors, year, journal; table or figure."""
    note: Text | None = None
    status: Literal["measured", "derived", "assumed"] = "measured"


class All(_Data):
    """Every column of the source reaches every column of the target, equally."""

    type: Literal["all"] = "all"


class OneToOne(_Data):
    """Each column reaches the column at the same place of a grid of the same shape."""

    type: Literal["one_to_one"] = "one_to_one"


class Disc(_Data):
    """All columns within ``radius`` of the same place in the visual field, equally."""

    type: Literal["disc"] = "disc"
    radius: NonNegative
    """[columns of the coarser grid]"""


class Retinotopic(_Data):
    """Corresponding places of two retinotopic maps: all columns within ``radius``, equally."""

    type: Literal["retinotopic"] = "retinotopic"
    radius: NonNegative = 0.5
    """[columns of the coarser grid]"""


class Gaussian(_Data):
    """Weight exp(-d^2 / 2 sigma^2) at distance d, none beyond ``cutoff`` (three sigma by default)."""

    type: Literal["gaussian"] = "gaussian"
    sigma: Positive
    """[columns of the coarser grid]"""
    cutoff: Positive | None = None
    """[columns of the coarser grid]"""


class Exponential(_Data):
    """The exponential distance rule: weight exp(-d/length), none beyond ``cutoff`` (three lengths by default)."""

    type: Literal["exponential"] = "exponential"
    length: Positive
    """[columns of the coarser grid]"""
    cutoff: Positive | None = None
    """[columns of the coarser grid]"""


class Patchy(_Data):
    """Patchy horizontal axons: exp(-d/length), sharpened to columns of like preference.

    Each column has a preferred orientation from a seeded random map of period ``spacing``; the weight is multiplied by
    exp(selectivity (cos 2(θi - θj) - 1)).
    """

    type: Literal["patchy"] = "patchy"
    length: Positive
    """[columns of the coarser grid]"""
    cutoff: Positive | None = None
    """[columns of the coarser grid]; three lengths by default."""
    spacing: Positive = 4.0
    """Period of the orientation map [columns]."""
    selectivity: NonNegative = 2.0


class Matrix(_Data):
    """An explicit sparse matrix in HDF5: a 2-D dataset, or a group with the CSR parts data, indices, indptr, shape."""

    type: Literal["matrix"] = "matrix"
    file: Text
    dataset: Text
    rows: Literal["target", "source"] = "target"
    """What a row of the matrix is."""


Kernel: TypeAlias = Annotated[
    All | OneToOne | Disc | Retinotopic | Gaussian | Exponential | Patchy | Matrix, Field(discriminator="type")
]
KERNEL_TYPES = frozenset(kind.model_fields["type"].default for kind in get_args(get_args(Kernel)[0]))
"""The ``type`` of each kernel: what tells one member of the union from another."""


Pooling: TypeAlias = Literal["pooled", "channel"]
"""Over all channels of the image, or over each one by itself."""


class GainControl(_Data):
    """Contrast gain control of the relay: (x - mean) / (spread + semi_saturation), over an image or neighbourhood."""

    type: Literal["none", "global", "local"] = "none"
    pool: Side = 9
    """Side of the square neighbourhood of ``local`` [pixels]; odd."""
    mean: Pooling = "pooled"
    """Whether one mean is taken off all channels, or from each channel its own: a colour cast then goes too."""
    spread: Pooling = "pooled"
    """Whether one deviation from that mean divides all channels, or each channel its own."""
    semi_saturation: Positive = 0.1
    """[standard deviations of the image after ``mean`` and ``std``]"""


class Input(_Data):
    """The thalamic relay: patches of the image become tokens."""

    name: Name = "LGN"
    grid: Grid
    patch: Side
    """Side of the square patch that one token sees [pixels]."""
    channels: Side = 3
    width: Width
    """Channels of a token; also the default width of a population."""
    mean: tuple[PixelValue, ...] | None = None
    """Per-channel value subtracted from the image [pixel values 0 to 1]; zero by default."""
    std: tuple[PixelSpread, ...] | None = None
    """Per-channel value that the image is then divided by [pixel values 0 to 1]; one by default."""
    point_spread: PointSpread | None = None
    """Standard deviation of the Gaussian through which the image is seen, before the gain control: the optics of the
    eye and the receptive-field centres of the relay [pixels]."""
    gain_control: GainControl = GainControl()
    positions: Flag = True
    """Whether tokens carry a learned position embedding."""
    values: ValueMap = "one_to_one"
    values_from: ValuesFrom = "state"
    source: Citation = ()


class Population(_Data):
    """A layer compartment of a column."""

    kind: Literal["excitatory", "inhibitory"] = "excitatory"
    layer: Literal["L1", "L2", "L3", "L2/3", "L4", "L5", "L6", "L5/6"] | None = None
    width: Width | None = None
    """Channels; the width of the input where it is not given."""
    hidden: Width | None = None
    """Hidden channels of its part of the column; ``column.expansion`` times the width where it is not given."""
    cells: Positive | None = None
    """Number of neurons, from which in-degrees follow."""
    source: Citation = ()


class MatrixData(_Data):
    """A dense matrix in HDF5."""

    file: Text
    dataset: Text


class Connections(_Data):
    """Which populations of a column connect, and how often."""

    rows: Literal["target", "source"]
    """What a row of the matrix is: the field uses both orientations, so it must be said."""
    populations: tuple[Name, ...]
    """The populations in the order of the rows and of the columns."""
    probability: tuple[tuple[Fraction, ...], ...] | MatrixData
    """Probability that a pair of neurons is connected."""
    source: Citation = ()


class Roles(_Data):
    """Which populations receive and send axons of each kind. What is not given follows from the layers."""

    feedforward: Names | None = None
    """Where feedforward input lands (L4)."""
    feedback: Names | None = None
    """Where feedback lands (L1, L2/3, L5, L6; not L4)."""
    lateral: Names | None = None
    """Where horizontal axons start and end (L2/3)."""
    supragranular: Names | None = None
    """Which populations send supragranular output (L2/3)."""
    infragranular: Names | None = None
    """Which populations send infragranular output (L5, L6)."""
    source: Citation = ()


class Surround(_Data):
    """Inhibition from the whole sheet, tuned to the feature: (h - mean) / (std + semi_saturation) of each hidden
    channel over the columns of the area. This is instance normalisation without learned gain and bias."""

    semi_saturation: Positive = 0.1
    """[hidden units]"""


class Column(_Data):
    """How a column mixes its populations."""

    expansion: Positive = 2.0
    """Hidden channels of an excitatory population, as a multiple of its width."""
    minimum_probability: Fraction = 0.0
    """Connections less probable than this get no weight block."""
    dale: Flag = False
    """Dale's law: weights from excitatory populations are not negative."""
    surround: Surround | None = None
    """Whether what the hidden channels of the excitatory populations say is told from what they say elsewhere."""


class Circuit(_Data):
    """A laminar circuit: populations, their connections and their roles."""

    description: Text | None = None
    sources: dict[Name, Source] = {}
    populations: dict[Name, Population] = Field(min_length=1)
    connections: Connections | None = None
    """All populations connect where it is not given."""
    roles: Roles = Roles()
    column: Column = Column()
    values: ValueMap = "one_to_one"
    values_from: ValuesFrom = "state"
    """Whether values are the state itself or the normalised state."""
    output: Literal["one_to_one", "dense"] = "one_to_one"
    """Whether a learned map follows the attention."""
    source: Citation = ()


class Area(_Data):
    """A cortical area: a sheet of columns."""

    grid: Grid
    circuit: Name | None = None
    """One excitatory population, `E`, where it is not given."""
    level: Number | None = None
    """Position in the hierarchy, in any unit: larger is higher."""
    surface_mm2: Positive | None = None
    """Surface of the area [mm2]. For the checker: no number of the model follows from it."""
    source: Citation = ()


class Lateral(_Data):
    """The horizontal connections inside one area."""

    kernel: Kernel = All()
    weight: Positive = 1.0
    """On the scale of FLNe: the share of the input relative to that of a projection of ``fln`` 1."""
    source: Citation = ()


class Projection(_Data):
    """All axons from one area (or the input) to another."""

    origin: Name = Field(alias="from")
    target: Name = Field(alias="to")
    fln: Fraction | None = None
    """Extrinsic fraction of labelled neurons, FLNe: the source's share of the target's extrinsic input."""
    weight: Positive | None = None
    """Any other measure of strength; one of ``fln`` and ``weight``, or neither (1)."""
    sln: Fraction | None = None
    """Fraction of the labelled neurons that are supragranular."""
    distance_mm: Millimetres | None = None
    """[mm], along the white matter. For the record and for the checker: no number of the model follows from it."""
    delay: Annotated[int, Strict(), Field(ge=0, le=MAX_DELAY)] | None = None
    """[steps]"""
    delay_ms: Milliseconds | None = None
    """[ms], in whole steps of ``dynamics.step_ms``."""
    direction: Literal["feedforward", "lateral", "feedback"] | None = None
    """Follows from sln, or from the levels, where it is not given."""
    mode: Literal["driving", "modulatory", "relay"] = "driving"
    topography: Kernel = Retinotopic(radius=1.0)
    """Corresponding places within one column where it is not given."""
    source: Citation = ()


class Attention(_Data):
    """What all populations that attend to each other share."""

    heads: Width = 1
    key_width: Width = 8
    """Channels of a key and of a query, per head."""
    minimum_weight: NonNegative = 0.0
    """Pathways weaker than this are dropped [scale of FLNe]."""


class Dynamics(_Data):
    """How time passes."""

    sweeps: Annotated[int, Strict(), Field(ge=1, le=MAX_DELAY)] = 1
    """How often every area is updated."""
    order: Literal["hierarchical", "synchronous"] = "hierarchical"
    """Whether a sweep climbs the hierarchy, or all areas step at once."""
    step_ms: Milliseconds | None = None
    """Duration of a step [ms]; needed where delays are in milliseconds."""


class Readout(_Data):
    """Where the decision is read: mean over the columns of an area, then a linear map."""

    area: Name
    classes: Annotated[int, Strict(), Field(ge=2, le=1_000_000)]
    populations: Names | None = None
    """The populations that leave the area (supra- and infragranular) where they are not given."""


class Allowance(_Data):
    """A finding that is known and accepted: which rule, where, and why."""

    rule: Name
    """Code or name of a rule."""
    at: Text | None = None
    """The part of the spec where it is accepted, as in ``areas.V4``, ``circuits.granular`` or ``V2 -> V1``; all of it
    where it is not given."""
    reason: Annotated[str, BeforeValidator(_as_written), Field(min_length=1)]


class Bounds(_Data):
    """The largest that a model may become."""

    attention_parameters: Count | None = None
    parameters: Count | None = None
    flops: Positive | None = None
    """Of one image."""
    activation_mb: Positive | None = None
    """Memory for the states of one training step, as far as ops keep them [10^6 bytes of float32]."""
    batch: Count = 128
    """Images of the step."""
    density: Positive | None = None
    """Part of all pairs of tokens that an attention op connects, in the densest one."""
    ops: Count | None = None
    """Length of the unrolled program."""


class Checker(_Data):
    """What the checker is told by the spec itself."""

    allow: tuple[Allowance, ...] = ()
    bounds: Bounds = Bounds()


class NullModel(_Data):
    """What a null model kept of the connectome that it was made of, and what it destroyed."""

    model: Name
    of: Name
    """The connectome that it was made of."""
    seed: Annotated[int, Strict(), Field(ge=0)]
    kept: tuple[Text, ...]
    destroyed: tuple[Text, ...]


class Connectome(_Data):
    """A whole spec, references followed and defaults applied."""

    model_config = ConfigDict(title="cortexc connectome")

    cortexc: Literal[1]
    """Version of the language."""
    name: Name
    description: Text | None = None
    sources: dict[Name, Source] = {}
    input: Input
    circuits: dict[Name, Circuit] = {}
    areas: dict[Name, Area] = Field(min_length=1, max_length=MAX_AREAS)
    lateral: dict[Name, Lateral] = {}
    projections: tuple[Projection, ...] = ()
    attention: Attention = Attention()
    dynamics: Dynamics = Dynamics()
    readout: Readout
    checker: Checker = Checker()
    null_model: NullModel | None = None
    """Set where the connectome is a null model of another one."""
    locations: SkipJsonSchema[Locations] = Field(default_factory=Locations, exclude=True, repr=False)

    def span(self, *path: str | int) -> Span:
        """Return the place of the value at ``path``, or of the nearest value around it that was written down."""
        return self.locations.span(path)
