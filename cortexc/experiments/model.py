"""The experiment file as frozen pydantic models; what must hold between its entries is checked in ``rules``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, Strict

from cortexc.connectome.model import Count, Data, Flag, Fraction, Located, Name, Names, NonNegative, Positive, Text
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


class Images(Data):
    """What is trained and tested on."""

    name: DatasetName = "cifar10"
    hold_out: Count | None = None
    """How many of the last training images are held out: the runs are tested on these, instead of on the test images.
    For choices. Their corruptions are made while testing."""


class Recipe(Data):
    """How an arm is trained. The defaults are those of ``cortexc train``."""

    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None
    """Highest learning rate of the schedule."""
    weight_decay: NonNegative | None = None
    warmup: Fraction | None = None
    """Fraction of all steps in which the learning rate rises."""
    label_smoothing: Fraction | None = None
    padding: Annotated[int, Strict(), Field(ge=0, le=31)] | None = None
    """Largest shift of the random crop [pixels]."""
    flip: Flag | None = None
    clip: Positive | None = None
    """Largest norm of the gradient."""


class NullModel(Data):
    """A null model of the arm's connectome."""

    model: Name
    seed: Seed = 0
    """The seed, or the first one if several are tried."""
    nulls: Count | Seeds | None = None
    """An ensemble: so many null models, or those of these seeds. Each is trained once, with its number in the ensemble
    (from 0) as the seed of the training."""
    match: tuple[Literal["parameters", "flops", "depth"], ...] = ()
    """Sizes of the compiled network that must equal those of the original; seeds are tried in order until they do."""
    within: Fraction = 0.02
    """By which fraction of the original the sizes of ``match`` may differ."""
    draws: Count = 1000
    """How many seeds are tried for each null model."""

    @property
    def count(self) -> int:
        """How many null models the ensemble has; 1 for a null model that is none."""
        return self.nulls if isinstance(self.nulls, int) else len(self.nulls or (self.seed,))


class Arm(Data):
    """One model among those that are compared."""

    title: Text | None = None
    """As tables and plots name it."""
    spec: Text | None = None
    """A spec, by path or shipped name. Either this or ``of``."""
    of: Name | None = None
    """Another arm that this one is a variant of."""
    overrides: dict[str, Any] = Field({})
    """Laid over the spec as one that ``extends`` it: mappings merge, null removes a key."""
    null_model: NullModel | None = None
    other_input: Text | None = None
    """Why its input differs from the baseline's, if that is intended."""
    recipe: Recipe = Recipe()
    """In what its training differs from the other arms'."""


def folder_name(arm: str) -> str:
    """Return what the folders of an arm's runs are called."""
    return "".join(c if c.isalnum() or c in "-_+" else "_" for c in arm)


class References(Data):
    """Runs that define which answers are hard. They are never among the compared ones."""

    arm: Name
    seeds: Seeds
    epochs: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    """One for each seed, if they differ: runs of different accuracies give the line from which effective robustness is
    measured."""


class Evaluation(Data):
    """What is measured, fixed before the runs."""

    corruptions: Literal["benchmark", "extra", "all"] = "benchmark"
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products while testing. ``auto`` is as in training: bfloat16 where the processor multiplies in it."""
    human: Text | None = None
    """Votes of people on the test images: ``cifar10h-counts.npy`` of CIFAR-10H."""
    margin: Fraction = 0.005
    """The largest loss of clean accuracy that still counts as no lower."""
    resamples: Annotated[int, Strict(), Field(ge=1000, le=1_000_000)] = 10_000
    """Of images and seeds, in the bootstrap."""
    level: Annotated[float, Strict(), Field(gt=0.5, lt=1)] = 0.95
    """Of the intervals."""


class Comparison(Data):
    """An arm and the one that it is compared with."""

    arm: Name
    to: Name


class Plan(Data):
    """A smaller version of the experiment: what is given replaces the entry of the experiment."""

    description: Text | None = None
    arms: Names | None = None
    seeds: Seeds | None = None
    references: References | None = None
    """An explicit null: none."""
    recipe: Recipe = Recipe()


class Experiment(Located):
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
    """The arm that the claim is about; the default is the last one that is no variant of another arm."""
    references: References | None = None
    evaluation: Evaluation = Evaluation()
    arms: dict[Name, Arm] = Field(min_length=1)
    comparisons: tuple[Comparison, ...] = ()
    """In addition to those with the baseline, and of each variant with the arm that it is a variant of."""
    plans: dict[Name, Plan] = Field({})

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
