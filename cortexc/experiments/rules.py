"""Rules on experiment files and on their arms: what must hold before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cortexc.anatomy.nulls import MODELS
from cortexc.connectome.diagnostics.rule import Diagnostic, Rule, Severity, did_you_mean, rule
from cortexc.connectome.model import Connectome
from cortexc.datasets import DATASETS, IMAGE_SHAPE

from .model import FULL, Experiment, References, folder_name

SAME_INPUT = ("grid", "patch", "channels", "width", "mean", "std", "point_spread", "gain_control", "positions")
"""What arms must have in common for their tokens to be the same."""


@rule("X701", "unknown-arm")
def unknown_arm(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """An arm is named that the experiment does not have.

    Bad:

    ```yaml
    baseline: densse
    ```

    Good:

    ```yaml
    baseline: dense
    ```
    """
    named: list[tuple[str | None, tuple[str | int, ...]]] = [
        (experiment.baseline, ("baseline",)),
        (experiment.headline, ("headline",)),
        *((arm.of, ("arms", name, "of")) for name, arm in experiment.arms.items()),
        *((c.arm, ("comparisons", i, "arm")) for i, c in enumerate(experiment.comparisons)),
        *((c.to, ("comparisons", i, "to")) for i, c in enumerate(experiment.comparisons)),
        *((found.arm, (*at, "arm")) for found, at in _references(experiment)),
    ]
    for plan, given in experiment.plans.items():
        named += [(name, ("plans", plan, "arms", i)) for i, name in enumerate(given.arms or ())]
    for name, at in named:
        if name is not None and name not in experiment.arms:
            message = f"`{name}` is no arm of this experiment"
            yield rule.at(experiment.span(*at), message, help=did_you_mean(name, experiment.arms))


@rule("X702", "arm-without-spec")
def arm_without_spec(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """An arm names no spec, or a spec and also an arm that it is a variant of, or is a variant of itself.

    Bad:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      random: {null_model: {model: random}}
    ```

    Good:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: macaque-ventral}
      random: {of: cortex, null_model: {model: random}}
    ```
    """
    for name, arm in experiment.arms.items():
        span = experiment.locations.span(("arms", name), key=True)
        if arm.spec is None and arm.of is None:
            yield rule.at(span, f"the arm `{name}` has no spec", help="add `spec: NAME`, or `of: ARM` for a variant")
        elif arm.spec is not None and arm.of is not None:
            message = f"the arm `{name}` has a spec and is a variant of `{arm.of}`"
            yield rule.at(span, message, help="keep one of `spec` and `of`")
        chain = [name]
        while (following := experiment.arms[chain[-1]].of) is not None and following in experiment.arms:
            if following in chain:
                way = " -> ".join([*chain, following])
                yield rule.at(span, f"the arm `{name}` is a variant of itself: {way}", help="start from a `spec`")
                break
            chain.append(following)


@rule("X703", "shared-seed")
def shared_seed(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """A reference run is one of those that are compared. Its own mistakes would say what is hard, and every other arm
    would look better there than it is (regression to the mean).

    Bad:

    ```yaml
    seeds: [0, 1]
    references: {arm: dense, seeds: [1, 2]}
    ```

    Good:

    ```yaml
    seeds: [0, 1]
    references: {arm: dense, seeds: [100, 101]}
    ```
    """
    compared = {*experiment.seeds, *(s for plan in experiment.plans.values() for s in plan.seeds or ())}
    ensembles = [arm.null_model for arm in experiment.arms.values() if arm.null_model and arm.null_model.nulls]
    compared |= {number for ensemble in ensembles for number in range(ensemble.count)}
    for found, at in _references(experiment):
        for i, seed in enumerate(found.seeds):
            if seed in compared:
                message = f"seed {seed} is also among the compared runs"
                yield rule.at(experiment.span(*at, "seeds", i), message, help="give references seeds of their own")


@rule("X704", "repeated-entry")
def repeated_entry(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """A seed, an arm, a severity or a size is listed twice. The same run would count double.

    Bad:

    ```yaml
    seeds: [0, 0]
    ```

    Good:

    ```yaml
    seeds: [0, 1]
    ```
    """
    listed: list[tuple[tuple[object, ...], tuple[str | int, ...]]] = [
        (experiment.seeds, ("seeds",)),
        (experiment.evaluation.severities, ("evaluation", "severities")),
        *((found.seeds, (*at, "seeds")) for found, at in _references(experiment)),
    ]
    for name, plan in experiment.plans.items():
        listed += [(plan.seeds or (), ("plans", name, "seeds")), (plan.arms or (), ("plans", name, "arms"))]
    for name, arm in experiment.arms.items():
        if arm.null_model is not None:
            nulls = arm.null_model.nulls
            listed += [(arm.null_model.match, ("arms", name, "null_model", "match"))]
            listed += [(nulls if isinstance(nulls, tuple) else (), ("arms", name, "null_model", "nulls"))]
    for values, at in listed:
        for i, value in enumerate(values):
            if value in values[:i]:
                yield rule.at(experiment.span(*at, i), f"`{value}` is listed twice", help="take one of them out")


@rule("X705", "epochs-of-references")
def epochs_of_references(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """References have as many epochs as seeds, where epochs are given.

    Bad:

    ```yaml
    references: {arm: dense, seeds: [100, 101, 102], epochs: [10, 20]}
    ```

    Good:

    ```yaml
    references: {arm: dense, seeds: [100, 101, 102], epochs: [10, 20, 30]}
    ```
    """
    for found, at in _references(experiment):
        if found.epochs is not None and len(found.epochs) != len(found.seeds):
            message = f"{len(found.seeds)} seeds and {len(found.epochs)} numbers of epochs"
            yield rule.at(experiment.span(*at, "epochs"), message, help="give one for each seed, or none")


@rule("X706", "unknown-null-model")
def unknown_null_model(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """There is no null model of this name.

    Bad:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: macaque-ventral}
      control: {of: cortex, null_model: {model: shuffled}}
    ```

    Good:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: macaque-ventral}
      control: {of: cortex, null_model: {model: weights}}
    ```
    """
    for name, arm in experiment.arms.items():
        if arm.null_model is not None and arm.null_model.model not in MODELS:
            span = experiment.span("arms", name, "null_model", "model")
            message = f"there is no null model `{arm.null_model.model}`"
            yield rule.at(span, message, help=did_you_mean(arm.null_model.model, MODELS))


@rule("X713", "idle-null-option")
def idle_null_option(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """An option of a null model that would be ignored: ``within`` where no sizes are matched, ``draws`` where one seed
    is all that is tried, ``seed`` beside a list of seeds. Or an ensemble of null models is a reference: those are runs
    of one network.

    Bad:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: macaque-ventral}
      control: {of: cortex, null_model: {model: weights, within: 0.05}}
    ```

    Good:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: macaque-ventral}
      control: {of: cortex, null_model: {model: weights, match: [parameters, depth], within: 0.05}}
    ```
    """
    for name, arm in experiment.arms.items():
        wanted = arm.null_model
        if wanted is None:
            continue
        listed = isinstance(wanted.nulls, tuple)
        idle = {
            "within": "no sizes are matched" if not wanted.match else None,
            "draws": "one seed is all that is tried" if listed or not (wanted.match or wanted.nulls) else None,
            "seed": "the seeds are listed" if listed else None,
        }
        for option, why in idle.items():
            if why is not None and option in wanted.model_fields_set:
                span = experiment.span("arms", name, "null_model", option)
                yield rule.at(span, f"`{option}` is ignored: {why}", help=f"take `{option}` out")
    for found, at in _references(experiment):
        if found.arm in experiment.arms and experiment.is_ensemble(found.arm):
            message = f"`{found.arm}` is an ensemble of null models, and no reference"
            yield rule.at(experiment.span(*at, "arm"), message, help="name an arm that is one network")


@rule("X707", "incomplete-plan")
def incomplete_plan(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """A plan leaves out the baseline or the headline, so that nothing can be compared.

    Bad:

    ```yaml
    plans: {small: {arms: [cortex]}}
    ```

    Good:

    ```yaml
    plans: {small: {arms: [dense, cortex]}}
    ```
    """
    needed = dict.fromkeys(n for n in (experiment.baseline, experiment.main) if n in experiment.arms)
    for name, plan in experiment.plans.items():
        for arm in needed:
            if plan.arms is not None and arm not in plan.arms:
                span = experiment.span("plans", name, "arms")
                yield rule.at(span, f"the plan `{name}` leaves `{arm}` out", help=f"add `{arm}` to its arms")


@rule("X711", "same-name")
def same_name(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """The runs of two arms would lie in the same folder, or a plan is called ``full``, as the whole experiment is.
    Names of folders have letters, digits, ``-``, ``_`` and ``+``; what else a name has becomes ``_``. Some file systems
    do not tell small letters from capital ones.

    Bad:

    ```yaml
    arms:
      small net: {spec: vit-tiny}
      small_net: {spec: macaque-ventral}
    ```

    Good:

    ```yaml
    arms:
      small dense: {spec: vit-tiny}
      small_net: {spec: macaque-ventral}
    ```
    """
    seen: dict[str, str] = {}
    for name in experiment.arms:
        other = seen.setdefault(folder_name(name).lower(), name)
        if other != name:
            message = f"the runs of the arms `{other}` and `{name}` would lie in the same folder"
            yield rule.at(experiment.locations.span(("arms", name), key=True), message, help="rename one of them")
    if FULL in experiment.plans:
        message = f"a plan is called `{FULL}`, and so is the whole experiment"
        yield rule.at(experiment.locations.span(("plans", FULL), key=True), message, help="give the plan another name")


@rule("X712", "compared-with-itself")
def compared_with_itself(experiment: Experiment, rule: Rule) -> Iterator[Diagnostic]:
    """An arm is compared with itself: the headline is the baseline, or a comparison names one arm twice.

    Bad:

    ```yaml
    baseline: dense
    headline: dense
    ```

    Good:

    ```yaml
    baseline: dense
    headline: cortex
    ```
    """
    if experiment.headline == experiment.baseline:
        message = f"`{experiment.headline}` is the headline and the baseline"
        yield rule.at(experiment.span("headline"), message, help="name the arm that the claim is about, or none")
    for i, pair in enumerate(experiment.comparisons):
        if pair.arm == pair.to:
            message = f"`{pair.arm}` is compared with itself"
            yield rule.at(experiment.span("comparisons", i), message, help="name another arm, or take it out")


NO_NULL_MODEL = Rule(
    "X708",
    "no-null-model",
    """The null model cannot be drawn of this arm: what it keeps leaves nothing to change.

Bad:

```yaml
arms:
  dense: {spec: vit-tiny}
  cortex: {spec: vit-tiny}
  control: {of: cortex, null_model: {model: laminar}}
```

Good:

```yaml
arms:
  dense: {spec: vit-tiny}
  cortex: {spec: macaque-ventral}
  control: {of: cortex, null_model: {model: laminar}}
```""",
)


@dataclass(frozen=True, eq=False)
class Arms:
    """An experiment, and the connectomes of those of its arms that can be compiled."""

    experiment: Experiment
    connectomes: dict[str, Connectome]


@rule("X709", "unmatched-arms", Severity.WARNING)
def unmatched_arms(arms: Arms, rule: Rule) -> Iterator[Diagnostic]:
    """Two arms do not see the same tokens: grid, patch, width, mean, deviation or gain control of their inputs differ,
    or their classes do. What the comparison then shows is not the connectivity alone. Where this is meant, the arm says
    why under `other_input`.

    Bad:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: vit-tiny, overrides: {input: {width: 48}, attention: {key_width: 16}}}
    ```

    Good:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
      cortex: {spec: vit-tiny, overrides: {attention: {key_width: 16}}}
    ```
    """
    experiment = arms.experiment
    base = arms.connectomes.get(experiment.baseline)
    for name, found in arms.connectomes.items():
        if base is None or experiment.arms[name].other_input is not None:
            continue
        if other := [field for field in SAME_INPUT if getattr(found.input, field) != getattr(base.input, field)]:
            message = f"the arm `{name}` and the baseline `{experiment.baseline}` differ in `input.{other[0]}`"
            hint = "give it the same input, or say under `other_input` why it has another one"
            yield rule.at(experiment.locations.span(("arms", name), key=True), message, help=hint)


@rule("X710", "unfit-data")
def unfit_data(arms: Arms, rule: Rule) -> Iterator[Diagnostic]:
    """An arm takes images of another shape than the data have, or has another number of classes.

    Bad:

    ```yaml
    arms:
      dense: {spec: vit-tiny, overrides: {readout: {classes: 100}}}
    ```

    Good:

    ```yaml
    arms:
      dense: {spec: vit-tiny}
    ```
    """
    data = arms.experiment.data
    record, hold_out = DATASETS[data.name], data.hold_out or 0
    if hold_out >= record.training_images:
        message = f"{hold_out:,} images are held out, and {record.name} has {record.training_images:,} to train on"
        yield rule.at(arms.experiment.span("data", "hold_out"), message, help="hold fewer out")
    for name, found in arms.connectomes.items():
        span = arms.experiment.locations.span(("arms", name), key=True)
        seen = (found.input.channels, *(side * found.input.patch for side in found.input.grid))
        if seen != IMAGE_SHAPE:
            message = f"the arm `{name}` takes images of {_by(seen)}, and the data have {_by(IMAGE_SHAPE)}"
            yield rule.at(span, message, help="change `input.grid` or `input.patch`")
        if found.readout.classes != record.classes:
            message = f"the arm `{name}` has {found.readout.classes} classes, and {record.name} has {record.classes}"
            yield rule.at(span, message, help="change `readout.classes`")


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


OF_FILE: tuple[Rule, ...] = (
    unknown_arm,
    arm_without_spec,
    shared_seed,
    repeated_entry,
    epochs_of_references,
    unknown_null_model,
    idle_null_option,
    incomplete_plan,
    same_name,
    compared_with_itself,
)
OF_ARMS: tuple[Rule, ...] = (unmatched_arms, unfit_data)
RULES: tuple[Rule, ...] = (*OF_FILE, NO_NULL_MODEL, *OF_ARMS)


def _references(experiment: Experiment) -> Iterator[tuple[References, tuple[str | int, ...]]]:
    if experiment.references is not None:
        yield experiment.references, ("references",)
    for name, plan in experiment.plans.items():
        if plan.references is not None:
            yield plan.references, ("plans", name, "references")
