"""The data: what an experiment IS. Frozen pydantic models; the rules on how its parts fit together are in ``rules``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.json_schema import SkipJsonSchema

from cortexc.connectome.diagnostics.span import Span
from cortexc.connectome.locations import Locations
from cortexc.connectome.model import Count, Flag, Fraction, Name, Names, NonNegative, Positive, Text
from cortexc.datasets import DATASETS

Seed: TypeAlias = Annotated[int, Strict(), Field(ge=0, lt=2**32)]
Seeds: TypeAlias = Annotated[tuple[Seed, ...], Field(min_length=1)]
Severity: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=5)]
if TYPE_CHECKING:
    DatasetName: TypeAlias = str
else:
    DatasetName = Literal[*DATASETS]
FULL = "full"
"""The plan that is the experiment itself."""


class _Data(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_alias=True,
        validate_by_name=False,
        use_attribute_docstrings=True,
    )


class Images(_Data):
    """What is trained and tested on."""

    name: DatasetName = "cifar10"
    hold_out: Count | None = None
    """Test on so many of the last training images, which are then not trained on, instead of on the test images: for
    choices. Their corruptions are made while testing."""


class Recipe(_Data):
    """How an arm is trained. What is not given is as ``cortexc train`` has it."""

    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None
    """Highest learning rate of the course."""
    weight_decay: NonNegative | None = None
    warmup: Fraction | None = None
    """Fraction of all steps in which the learning rate rises."""
    label_smoothing: Fraction | None = None
    padding: Annotated[int, Strict(), Field(ge=0, le=31)] | None = None
    """Largest shift of the random crop [pixels]."""
    flip: Flag | None = None
    clip: Positive | None = None
    """Largest norm of the gradient."""


class NullModel(_Data):
    """A null model of the arm's connectome."""

    model: Name
    seed: Seed = 0
    """The one that is drawn, or where more are tried the first."""
    nulls: Count | Seeds | None = None
    """An ensemble: so many null models, or those of these seeds. Each is trained once, with its number in the ensemble
    (from 0) as the seed of the training."""
    match: tuple[Literal["parameters", "flops", "depth"], ...] = ()
    """Sizes of the compiled network that must be those of the original; seed after seed is tried until they are."""
    within: Fraction = 0.02
    """By which fraction of the original the sizes of ``match`` may differ."""
    draws: Count = 1000
    """How many seeds are tried for each null model."""

    @property
    def count(self) -> int:
        """How many null models the ensemble has; 1 for a null model that is none."""
        return self.nulls if isinstance(self.nulls, int) else len(self.nulls or (self.seed,))


class Arm(_Data):
    """One model among those that are compared."""

    title: Text | None = None
    """As tables and plots name it."""
    spec: Text | None = None
    """A spec, by path or shipped name. Either this or ``of``."""
    of: Name | None = None
    """Another arm that this one is a variant of."""
    overrides: dict[str, Any] = {}
    """Laid over the spec as one that ``extends`` it: mappings merge, null removes a key."""
    null_model: NullModel | None = None
    other_input: Text | None = None
    """Why it sees other tokens than the baseline, where that is meant."""
    recipe: Recipe = Recipe()
    """Where it is trained otherwise than the rest."""


def folder_name(arm: str) -> str:
    """Return what the folders of an arm's runs are called."""
    return "".join(c if c.isalnum() or c in "-_+" else "_" for c in arm)


class References(_Data):
    """Runs that tell which answers are hard. They are never among the compared ones."""

    arm: Name
    seeds: Seeds
    epochs: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    """One for each seed, where they are trained for different times: accuracies that differ give the line from which
    effective robustness is measured."""


class Evaluation(_Data):
    """What is measured, fixed before the runs."""

    corruptions: Literal["benchmark", "extra", "all"] = "benchmark"
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products while testing. ``auto`` is as in training: bfloat16 where the processor multiplies in it."""
    human: Text | None = None
    """Votes of people on the test images: ``cifar10h-counts.npy`` of CIFAR-10H."""
    margin: Fraction = 0.005
    """The clean accuracy that may be lost and still counts as no lower."""
    resamples: Annotated[int, Strict(), Field(ge=1000, le=1_000_000)] = 10_000
    """Of images and seeds, in the bootstrap."""
    level: Annotated[float, Strict(), Field(gt=0.5, lt=1)] = 0.95
    """Of the intervals."""


class Comparison(_Data):
    """An arm and the one that it is compared with."""

    arm: Name
    to: Name


class Plan(_Data):
    """A part of the experiment that can be afforded: what is given replaces what the experiment says."""

    description: Text | None = None
    arms: Names | None = None
    seeds: Seeds | None = None
    references: References | None = None
    """An explicit null: none."""
    recipe: Recipe = Recipe()


class Experiment(_Data):
    """A whole experiment file."""

    model_config = ConfigDict(title="cortexc experiment")

    cortexc_experiment: Literal[1]
    """Version of the language of experiments."""
    name: Name
    description: Text | None = None
    data: Images = Images()
    recipe: Recipe = Recipe()
    seeds: Seeds = (0,)
    baseline: Name
    """The arm that every other one is compared with."""
    headline: Name | None = None
    """The arm that the claim is about; the last that is no variant of another one where it is not given."""
    references: References | None = None
    evaluation: Evaluation = Evaluation()
    arms: dict[Name, Arm] = Field(min_length=1)
    comparisons: tuple[Comparison, ...] = ()
    """Beside those with the baseline, and those of each variant with what it is a variant of."""
    plans: dict[Name, Plan] = {}
    locations: SkipJsonSchema[Locations] = Field(default_factory=Locations, exclude=True, repr=False)

    def span(self, *path: str | int) -> Span:
        """Return the place of the value at ``path``, or of the nearest value around it that was written down."""
        return self.locations.span(path)

    def is_ensemble(self, arm: str) -> bool:
        """Whether the runs of an arm are those of several null models."""
        wanted = self.arms[arm].null_model
        return wanted is not None and wanted.nulls is not None

    @property
    def main(self) -> str:
        """The arm that the claim is about."""
        if self.headline is not None:
            return self.headline
        return [self.baseline, *(n for n, arm in self.arms.items() if arm.of is None and n != self.baseline)][-1]
