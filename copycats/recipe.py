"""How a copycat is trained, as data: what a recipe file may say, and the learning rate that follows from it."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]

LOOK = 1 / 3  # what a forward pass alone costs, in image-passes (a pass is forward and backward)


class SelfTraining(BaseModel):
    """What a copycat learns from images of the pool that nobody was asked about: the opinion of its running average."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Positive  # unlabelled images for each labelled one
    rise: Share = 0.1  # share of the steps in which their weight climbs to its height
    temperature: Positive = 1.0  # below 1: opinions are sharpened


class FineTuning(BaseModel):
    """What changes when a trained copycat goes on with images of the problem's domain (NPDD-SL then PDD-SL)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: Positive
    epochs: Annotated[int, Field(ge=1)] | None = None
    image_passes: Annotated[int, Field(ge=1)] | None = None


class Recipe(BaseModel):
    """One way to train a copycat; every choice in it was made on stolen labels or is a paper's.

    Either `epochs` is given, or `image_passes`: then the epochs follow from the size of the transfer set and stay
    within `fewest_epochs` and `most_epochs`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: int = 1
    about: str = ""
    optimiser: Literal["sgd", "adamw", "muon"]  # muon: for kernels, the rest SGD
    rate: Positive  # the highest learning rate
    schedule: Literal["thirds", "one-cycle", "cosine", "constant"]
    rise: Share = 0.0  # share of the steps in which the rate climbs to its height (one-cycle, cosine)
    momentum: Share = 0.9  # sgd, and what muon leaves to it
    nesterov: bool = False  # likewise
    turning_momentum: Share = 0.6  # muon
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    decay: Literal["all", "kernels"] = "all"  # kernels: not biases, norms and other vectors
    batch: Annotated[int, Field(ge=2)]  # batch norm needs two
    epochs: Annotated[int, Field(ge=1)] | None = None
    image_passes: Annotated[int, Field(ge=1)] | None = None
    fewest_epochs: Annotated[int, Field(ge=1)] = 1
    most_epochs: Annotated[int, Field(ge=1)] = 100
    smoothing: Share = 0.0  # label smoothing
    clip: Positive | None = None  # largest norm of all gradients together
    crop: Annotated[int, Field(ge=0)] = 0  # pixels by which an image may be moved, border reflected
    flip: bool = False  # mirror half of the images
    cutout: Annotated[int, Field(ge=0)] = 0  # side of a grey square, pixels
    brightness: Share = 0.0
    contrast: Share = 0.0
    precision: Literal["auto", "float32", "bf16"] = "auto"
    average: Share = 0.0  # how much of the weights' running average stays at a step; 0: no average, the last weights
    self_training: SelfTraining | None = None  # where there are images that nobody was asked about
    fine_tuning: FineTuning | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.image_passes is None):
            raise ValueError("give either epochs or image_passes")
        if self.fewest_epochs > self.most_epochs:
            raise ValueError("fewest_epochs is more than most_epochs")
        if self.self_training is not None and not self.average:
            raise ValueError("self_training needs an average to learn from: give average, such as 0.998")
        return self

    def epochs_for(self, images: int) -> int:
        """How often a transfer set of so many images is gone through."""
        if self.epochs is not None:
            return self.epochs
        assert self.image_passes is not None  # noqa: S101 - the validator holds it
        wanted = round(self.image_passes / max(images * self.passes_per_label, 1))
        return min(max(wanted, self.fewest_epochs), self.most_epochs)

    @property
    def passes_per_label(self) -> float:
        """Image-passes for each labelled image that is learnt from: 1, and those of the unlabelled ones beside it."""
        return 1.0 if self.self_training is None else 1 + self.self_training.images * (1 + LOOK)

    @property
    def labelled_batch(self) -> int:
        """Labelled images in a batch: what unlabelled ones leave of it."""
        return self.batch if self.self_training is None else max(2, round(self.batch / (1 + self.self_training.images)))

    def on_labels_alone(self) -> Self:
        """The recipe where there are no unlabelled images: as many image-passes, all of them on labels."""
        return self if self.self_training is None else self.model_copy(update={"self_training": None})

    def for_fine_tuning(self) -> Self:
        """The recipe of the second stage; a tenth of the rate where the recipe says nothing of it."""
        changes: dict[str, Any] = {"rate": self.rate / 10, "fine_tuning": None}
        if self.fine_tuning is not None:
            changes["rate"] = self.fine_tuning.rate
            if self.fine_tuning.epochs or self.fine_tuning.image_passes:
                changes |= {"epochs": self.fine_tuning.epochs, "image_passes": self.fine_tuning.image_passes}
        return type(self).model_validate(self.model_dump() | changes)

    def for_problem(self, *, mirror: bool) -> Self:
        """The recipe without mirrored images where a mirrored image is another class (digits, signs)."""
        return self if mirror or not self.flip else self.model_copy(update={"flip": False})


def rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of one step of `steps`, counted from 0."""
    done = step / steps
    if (
        recipe.schedule == "thirds"
    ):  # Caffe's step policy, gamma .1, stepsize a third of the steps (the papers' solvers)
        return recipe.rate * 0.1 ** min(int(3 * step // steps), 2)
    if recipe.schedule == "constant":
        return recipe.rate
    if done < recipe.rise:
        return recipe.rate * (step + 1) / (recipe.rise * steps + 1)
    left = (1 - done) / (1 - recipe.rise)
    if recipe.schedule == "one-cycle":
        return recipe.rate * left
    return recipe.rate * (1 - math.cos(math.pi * left)) / 2
