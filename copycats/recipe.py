"""How a copycat is trained, as data: what a recipe file may say, and the learning rate that follows from it."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Gamma = Annotated[float, Field(gt=0, le=1)]
Milestones = tuple[Annotated[int, Field(ge=1)], ...]

LOOK = 1 / 3  # what a forward pass alone costs, in image-passes (a pass is forward and backward)


class SelfTraining(BaseModel):
    """What students learn of the whole pool's images, unlabelled, when passes are left that the labels cannot use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Positive  # unlabelled images for each labelled one; fewer where the pool is small beside the labels
    students: Annotated[int, Field(ge=1)] = 1  # at most so many, one after the other

    def per_label(self, images: int, pool: int) -> float:
        """Unlabelled images for each of so many labelled ones, with a pool of that size."""
        return min(self.images, pool / max(images, 1))


class FineTuning(BaseModel):
    """What changes when a trained copycat goes on with images of the problem's domain (NPDD-SL then PDD-SL)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: Positive
    epochs: Annotated[int, Field(ge=1)] | None = None
    image_passes: Annotated[int, Field(ge=1)] | None = None
    milestones: Milestones | None = None  # None: those of the recipe
    gamma: Gamma | None = None


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
    schedule: Literal["thirds", "milestones", "one-cycle", "cosine", "constant"]
    milestones: Milestones = ()  # after so many epochs the rate is multiplied by gamma
    gamma: Gamma = 0.1
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
    self_training: SelfTraining | None = None  # where images of the pool are left that nobody was asked about
    fine_tuning: FineTuning | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.image_passes is None):
            raise ValueError("give either epochs or image_passes")
        if self.fewest_epochs > self.most_epochs:
            raise ValueError("fewest_epochs is more than most_epochs")
        if self.milestones and self.schedule != "milestones":
            raise ValueError(f"milestones are given, but the schedule is {self.schedule}")
        if self.schedule == "milestones" and self.epochs is None:
            raise ValueError("milestones count epochs: give epochs, not image_passes")
        if self.self_training is not None and self.image_passes is None:
            raise ValueError("self_training uses the passes that are left: give image_passes instead of epochs")
        return self

    def epochs_for(self, images: int) -> int:
        """How often a transfer set of so many images is gone through."""
        if self.epochs is not None:
            return self.epochs
        assert self.image_passes is not None  # noqa: S101 - the validator holds it
        return min(max(round(self.image_passes / max(images, 1)), self.fewest_epochs), self.most_epochs)

    def epochs_of_students(self, images: int, pool: int) -> tuple[int, ...]:
        """How often each student goes through the labels; none where the passes are spent on the labels already."""
        how, found = self.self_training, list[int]()
        if how is None or self.image_passes is None or not pool:
            return ()
        left = self.image_passes - images * self.epochs_for(images)
        each = images * (1 + how.per_label(images, pool))
        for _ in range(how.students):
            epochs = min(int((left - self.looks(pool)) / each), self.most_epochs)
            if epochs < self.fewest_epochs:
                break
            found.append(epochs)
            left -= round(epochs * each) + self.looks(pool)
        return tuple(found)

    def looks(self, pool: int) -> int:
        """What one opinion of every image of a pool costs, in image-passes; mirrored images are looked at as well."""
        return round(pool * LOOK * (2 if self.flip else 1))

    def passes_for(self, images: int, pool: int = 0) -> int:
        """Image-passes of a training on so many labels, with students where there is a pool of unlabelled images."""
        students = self.epochs_of_students(images, pool)
        more = 0.0 if self.self_training is None else self.self_training.per_label(images, pool)
        return images * self.epochs_for(images) + sum(
            round(epochs * images * (1 + more)) + self.looks(pool) for epochs in students
        )

    def for_fine_tuning(self) -> Self:
        """The recipe of the second stage, without students; a tenth of the rate where the recipe says nothing of it."""
        changes: dict[str, Any] = {"rate": self.rate / 10, "fine_tuning": None, "self_training": None}
        if self.fine_tuning is not None:
            changes["rate"] = self.fine_tuning.rate
            if self.fine_tuning.epochs or self.fine_tuning.image_passes:
                changes |= {"epochs": self.fine_tuning.epochs, "image_passes": self.fine_tuning.image_passes}
            said = {"milestones": self.fine_tuning.milestones, "gamma": self.fine_tuning.gamma}
            changes |= {key: value for key, value in said.items() if value is not None}
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
    if recipe.schedule == "milestones":  # MultiStepLR of PyTorch, as copycat_framework uses it
        epoch = step * (recipe.epochs or 1) // steps
        return recipe.rate * recipe.gamma ** sum(milestone <= epoch for milestone in recipe.milestones)
    if recipe.schedule == "constant":
        return recipe.rate
    if done < recipe.rise:
        return recipe.rate * (step + 1) / (recipe.rise * steps + 1)
    left = (1 - done) / (1 - recipe.rise)
    if recipe.schedule == "one-cycle":
        return recipe.rate * left
    return recipe.rate * (1 - math.cos(math.pi * left)) / 2
