"""The data of a connectome: frozen pydantic models, which validate single fields and do nothing else.

Lengths of kernels and topographies are in columns (grid points) of the coarser of the two grids that they join.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Strict, Tag
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from . import units
from .diagnostics import Span
from .locations import Locations

MAX_AREAS = 20_000
"""A hundred times as many as any parcellation of a cortex has."""
SMALLEST, LARGEST = 1e-12, 1e12
"""The range of numbers that are not counts and not 0: float32 holds them and their squares."""
MAX_DELAY = 64
"""The longest delay [steps], and the most sweeps."""
MAX_SIDE = 4096
"""The longest side of a grid [columns]; a square of it already holds 16.8 million tokens."""


def _as_written(value: Any) -> Any:
    """Return a number as the text it was written as, so that an area may be called ``7`` or ``08``."""
    return getattr(value, "text", value)


def _quantity(value: Any, dimension: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return units.parse_quantity(value, dimension)
    except units.UnitError as error:
        raise PydanticCustomError("wrong_unit", "{reason}", {"reason": str(error)}) from None


def _not_tiny(value: float) -> float:
    if 0 < abs(value) < SMALLEST:
        raise PydanticCustomError("tiny", "it is too small", {"smallest": SMALLEST})
    return value


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Name: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^.@:~>\x00-\x1f\x7f-\x9f]+$"), BeforeValidator(_as_written)
]  # in this order: behind a validator, pydantic leaves the pattern out of the JSON Schema
"""A name. It cannot contain ``. @ : ~ >``, which join names in compiled programs."""
Text: TypeAlias = Annotated[str, BeforeValidator(_as_written)]
Citation: TypeAlias = Annotated[
    tuple[Name, ...],
    BeforeValidator(_one_or_many, json_schema_input_type=str | list[str]),
]
_sized = AfterValidator(_not_tiny)
Fraction: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=1), _sized]
Positive: TypeAlias = Annotated[float, Strict(), Field(gt=0, ge=SMALLEST, le=LARGEST)]
NonNegative: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=LARGEST), _sized]
Names: TypeAlias = Annotated[tuple[Name, ...], Field(min_length=1)]
Number: TypeAlias = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST), _sized]
PixelValue: TypeAlias = Annotated[float, Strict(), Field(ge=-100, le=100), _sized]
Spread: TypeAlias = Annotated[float, Strict(), Field(gt=0, ge=1e-3, le=100)]
Count: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=2**53)]
Flag: TypeAlias = Annotated[bool, Strict()]
_length = BeforeValidator(partial(_quantity, dimension="length"), json_schema_input_type=float | str)
_time = BeforeValidator(partial(_quantity, dimension="time"), json_schema_input_type=float | str)
Millimetres: TypeAlias = Annotated[float, _length, Strict(), Field(ge=0, le=LARGEST), _sized]
Milliseconds: TypeAlias = Annotated[float, _time, Strict(), Field(gt=0, ge=SMALLEST, le=LARGEST)]
Side: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=MAX_SIDE)]
Grid: TypeAlias = tuple[Side, Side]
Width: TypeAlias = Annotated[int, Strict(), Field(gt=0, le=65536)]
ValueMap: TypeAlias = Literal["one_to_one", "block", "dense"]
ValuesFrom: TypeAlias = Literal["state", "normalized"]


class Data(BaseModel):
    """Base of all that a user writes: frozen, without unknown keys, infinities or NaN."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_alias=True,
        validate_by_name=False,
        use_attribute_docstrings=True,
    )


class Located(Data):
    """Base of a whole file, which keeps where its values were written."""

    locations: SkipJsonSchema[Locations] = Field(default_factory=Locations, exclude=True, repr=False)

    def span(self, *path: str | int) -> Span:
        """Return the location of the value at ``path``, or of the nearest enclosing value that was written."""
        return self.locations.span(path)


class Source(Data):
    """Where numbers come from: a paper, a data set, or a stated assumption."""

    doi: Text | None = None
    """Digital object identifier, without the resolver's address."""
    url: Text | None = None
    citation: Text | None = None
    """Authors, year, journal; table or figure."""
    note: Text | None = None
    status: Literal["measured", "derived", "assumed"] = "measured"


class All(Data):
    """Every column of the source reaches every column of the target, equally."""

    type: Literal["all"] = "all"


class OneToOne(Data):
    """Each column reaches the column at the same position in a grid of the same shape."""

    type: Literal["one_to_one"] = "one_to_one"


class Disc(Data):
    """All columns within ``radius`` of the same position in the visual field, equally."""

    type: Literal["disc"] = "disc"
    radius: NonNegative
    """[columns of the coarser grid]"""


class Retinotopic(Data):
    """Corresponding positions of two retinotopic maps: all columns within ``radius``, equally."""

    type: Literal["retinotopic"] = "retinotopic"
    radius: NonNegative = 0.5
    """[columns of the coarser grid]"""


class Gaussian(Data):
    """Weight exp(-d^2 / 2 sigma^2) at distance d, none beyond ``cutoff`` (three sigma by default)."""

    type: Literal["gaussian"] = "gaussian"
    sigma: Positive
    """[columns of the coarser grid]"""
    cutoff: Positive | None = None
    """[columns of the coarser grid]"""


class Exponential(Data):
    """The exponential distance rule: weight exp(-d/length), none beyond ``cutoff`` (three lengths by default)."""

    type: Literal["exponential"] = "exponential"
    length: Positive
    """[columns of the coarser grid]"""
    cutoff: Positive | None = None
    """[columns of the coarser grid]"""


class Patchy(Data):
    """Patchy horizontal axons: exp(-d/length), favouring columns of similar preference.

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


class Matrix(Data):
    """An explicit sparse matrix in HDF5: a 2-D dataset, or a group with the CSR arrays data, indices, indptr, shape."""

    type: Literal["matrix"] = "matrix"
    file: Text
    dataset: Text
    rows: Literal["target", "source"] = "target"
    """Whether a row of the matrix belongs to a target or to a source."""


Kernel: TypeAlias = Annotated[
    All | OneToOne | Disc | Retinotopic | Gaussian | Exponential | Patchy | Matrix, Field(discriminator="type")
]
KERNEL_TYPES = frozenset(kind.model_fields["type"].default for kind in get_args(get_args(Kernel)[0]))
"""The ``type`` of each kernel, which identifies a member of the union."""


Pooling: TypeAlias = Literal["pooled", "channel"]
"""Over all channels of the image, or over each one by itself."""


class GainControl(Data):
    """Contrast gain control of the relay: (x - mean) / (spread + semi_saturation), over an image or neighbourhood."""

    type: Literal["none", "global", "local"] = "none"
    pool: Side = 9
    """Side of the square neighbourhood of ``local`` [pixels]; odd."""
    mean: Pooling = "pooled"
    """Whether one mean is subtracted from all channels, or each channel's own, which also removes a colour cast."""
    spread: Pooling = "pooled"
    """Whether all channels are divided by one standard deviation, or each channel by its own."""
    semi_saturation: Positive = 0.1
    """[standard deviations of the image after ``mean`` and ``std``]"""


class Input(Data):
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
    std: tuple[Spread, ...] | None = None
    """Per-channel value that the image is then divided by [pixel values 0 to 1]; one by default."""
    point_spread: Spread | None = None
    """Standard deviation of the Gaussian that blurs the image before the gain control: the optics of the eye and the
    receptive-field centres of the relay [pixels]."""
    gain_control: GainControl = GainControl()
    positions: Flag = True
    """Whether tokens carry a learned position embedding."""
    values: ValueMap = "one_to_one"
    values_from: ValuesFrom = "state"
    source: Citation = ()


class Population(Data):
    """A population of a column: the cells of one kind in one layer."""

    kind: Literal["excitatory", "inhibitory"] = "excitatory"
    layer: Literal["L1", "L2", "L3", "L2/3", "L4", "L5", "L6", "L5/6"] | None = None
    width: Width | None = None
    """Channels; by default the width of the input."""
    hidden: Width | None = None
    """Hidden channels of this population; by default ``column.expansion`` times the width."""
    cells: Positive | None = None
    """Number of neurons, from which in-degrees follow."""
    source: Citation = ()


class MatrixData(Data):
    """A dense matrix in HDF5."""

    file: Text
    dataset: Text


class Connections(Data):
    """Which populations of a column are connected, and with what probability."""

    rows: Literal["target", "source"]
    """Whether a row of the matrix belongs to a target or to a source. Both are common, so there is no default."""
    populations: tuple[Name, ...]
    """The populations in the order of the rows and of the columns."""
    probability: Annotated[
        Annotated[tuple[tuple[Fraction, ...], ...], Tag("probability")] | Annotated[MatrixData, Tag("matrix")],
        Discriminator(lambda value: "matrix" if isinstance(value, dict | MatrixData) else "probability"),
    ]
    """Probability that a pair of neurons is connected."""
    source: Citation = ()


class Roles(Data):
    """Which populations receive and send axons of each kind. Roles that are not given follow from the layers."""

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


class Surround(Data):
    """Surround inhibition as instance normalisation, without learned gain and bias: each hidden channel becomes
    (h - mean) / (std + semi_saturation), with mean and std over all columns of the area."""

    semi_saturation: Positive = 0.1
    """[hidden units]"""


class Column(Data):
    """How a column mixes its populations."""

    expansion: Positive = 2.0
    """Hidden channels of an excitatory population, as a multiple of its width."""
    minimum_probability: Fraction = 0.0
    """Connections less probable than this are left out."""
    dale: Flag = False
    """Dale's law: weights from excitatory populations are not negative."""
    surround: Surround | None = None
    """Instance normalisation of the hidden channels of the excitatory populations; none by default."""


class Circuit(Data):
    """A laminar circuit: populations, their connections and their roles."""

    description: Text | None = None
    sources: dict[Name, Source] = {}
    populations: dict[Name, Population] = Field(min_length=1)
    connections: Connections | None = None
    """By default all populations are connected."""
    roles: Roles = Roles()
    column: Column = Column()
    values: ValueMap = "one_to_one"
    values_from: ValuesFrom = "state"
    """Whether values are the state itself or the normalised state."""
    output: Literal["one_to_one", "dense"] = "one_to_one"
    """Whether a learned map follows the attention."""
    shared: Flag = False
    """Whether all areas of this circuit have the same column weights; by default each area has its own."""
    source: Citation = ()


class Area(Data):
    """A cortical area: a sheet of columns."""

    grid: Grid
    circuit: Name | None = None
    """By default a circuit of one excitatory population, `E`."""
    level: Number | None = None
    """Position in the hierarchy, in any unit: larger is higher."""
    surface_mm2: Positive | None = None
    """Surface of the area [mm2]. Used by the checker only; the model does not depend on it."""
    source: Citation = ()


class Lateral(Data):
    """The horizontal connections inside one area."""

    kernel: Kernel = All()
    weight: Positive = 1.0
    """On the scale of FLNe: relative to a projection of ``fln`` 1."""
    source: Citation = ()


class Projection(Data):
    """All axons from one area (or the input) to another."""

    origin: Name = Field(alias="from")
    target: Name = Field(alias="to")
    fln: Fraction | None = None
    """Extrinsic fraction of labelled neurons, FLNe: the fraction of the target's extrinsic input that it carries."""
    weight: Positive | None = None
    """Any other measure of strength; one of ``fln`` and ``weight``, or neither (1)."""
    sln: Fraction | None = None
    """Fraction of the labelled neurons that are supragranular."""
    distance_mm: Millimetres | None = None
    """[mm], along the white matter. Used by the checker and null models only; the model does not depend on it."""
    delay: Annotated[int, Strict(), Field(ge=0, le=MAX_DELAY)] | None = None
    """[steps]"""
    delay_ms: Milliseconds | None = None
    """[ms], in whole steps of ``dynamics.step_ms``."""
    direction: Literal["feedforward", "lateral", "feedback"] | None = None
    """By default it follows from ``sln``, or else from the levels."""
    mode: Literal["driving", "modulatory", "relay"] = "driving"
    topography: Kernel = Retinotopic(radius=1.0)
    """By default corresponding positions, within one column."""
    source: Citation = ()


class Attention(Data):
    """Settings of attention that all populations share."""

    heads: Width = 1
    key_width: Width = 8
    """Channels of a key and of a query, per head."""
    minimum_weight: NonNegative = 0.0
    """Pathways weaker than this are dropped [scale of FLNe]."""


class Dynamics(Data):
    """How often and in which order areas are updated."""

    sweeps: Annotated[int, Strict(), Field(ge=1, le=MAX_DELAY)] = 1
    """How often every area is updated."""
    order: Literal["hierarchical", "synchronous"] = "hierarchical"
    """Whether a sweep updates the areas from low to high, or all at once."""
    step_ms: Milliseconds | None = None
    """Duration of a step [ms]; needed where delays are in milliseconds."""


class Readout(Data):
    """The readout: the mean over the columns of an area, then a linear map to the classes."""

    area: Name
    classes: Annotated[int, Strict(), Field(ge=2, le=1_000_000)]
    populations: Names | None = None
    """By default the populations whose axons leave the area (supra- and infragranular)."""


class Allowance(Data):
    """A finding that is known and accepted: which rule, where, and why."""

    rule: Name
    """Code or name of a rule."""
    at: Text | None = None
    """Where in the spec it is accepted, as in ``areas.V4``, ``circuits.granular`` or ``V2 -> V1``; by default
    everywhere."""
    reason: Annotated[str, BeforeValidator(_as_written), Field(min_length=1)]


class Bounds(Data):
    """Upper limits of the size and cost of the model."""

    attention_parameters: Count | None = None
    parameters: Count | None = None
    flops: Positive | None = None
    """Of one image."""
    activation_mb: Positive | None = None
    """Memory for the activations that one training step keeps [10^6 bytes of float32]."""
    batch: Count = 128
    """Images in that step."""
    density: Positive | None = None
    """Fraction of all pairs of tokens that the densest attention op connects."""
    ops: Count | None = None
    """Length of the unrolled program."""


class Checker(Data):
    """Settings of the checker for this spec."""

    allow: tuple[Allowance, ...] = ()
    bounds: Bounds = Bounds()


class NullModel(Data):
    """Which properties of the original connectome a null model keeps, and which it destroys."""

    model: Name
    of: Name
    """Name of the original connectome."""
    seed: Annotated[int, Strict(), Field(ge=0)]
    kept: tuple[Text, ...]
    destroyed: tuple[Text, ...]


class Connectome(Located):
    """A whole spec with references resolved and defaults applied."""

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
    """Given if the connectome is a null model of another one."""
