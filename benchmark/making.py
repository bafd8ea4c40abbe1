"""How a target is made: trained in its own framework, left as that framework's files, and converted from them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from benchmark.problems import Problem
from benchmark.recipes import load_recipe
from benchmark.refusals import Mismatch
from converters.caffe import writing
from converters.caffe.convert import convert as convert_caffe
from converters.caffe.net import Transform
from converters.conversion import Conversion, Source, Wishes
from converters.pytorch import convert as pytorch
from copycats import architectures
from copycats.copycat import Copycat
from copycats.small_nets import Pooled
from copycats.training import train
from copycats.transfer_set import TransferSet

Framework = Literal["PyTorch", "Caffe", "scikit-learn"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """What is to be learnt: ODD as a transfer set with its true labels, an architecture, a recipe and a seed.

    `folder`: where the framework leaves its files; they are read again until the oracle is sealed.
    """

    problem: Problem
    odd: TransferSet
    arch: str
    recipe: str
    seed: int
    folder: Path

    @property
    def channels(self) -> int:
        """1 for grey problems, else 3."""
        return 1 if self.problem.colour == "grey" else 3


@dataclass(frozen=True)
class Made:
    """A conversion, what its card must say beyond it, and the story of the training."""

    conversion: Conversion
    keys: dict[str, Any]
    story: dict[str, Any]


def make(framework: Framework, task: Task, say: Say) -> Made:
    """Train for the task in a framework. The same task and thread count give the same weights. Raises Refused."""
    return _MAKERS[framework](task, say)


def _of_pytorch(task: Task, say: Say) -> Made:
    copycat, story = _trained(task, say)
    conversion = pytorch.from_module(copycat, size=task.problem.size)
    return Made(conversion, {"layout": "nchw", "order": "rgb", "range": (0, 255)}, story)


def _of_caffe(task: Task, say: Say) -> Made:
    """Trained by torch, written as Caffe's two files, and read back from them: the weights travel through Caffe."""
    copycat, story = _trained(task, say)
    if not isinstance(copycat.net, Pooled) or copycat.enlarged_to is not None:
        raise Mismatch(f"architecture {task.arch}: no plain row of layers, which Caffe's files want. Take small_vgg.")
    row = [*copycat.net.body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), copycat.net.head, nn.Softmax(1)]
    means, spread = copycat.mean.flatten().tolist(), copycat.spread.flatten().tolist()
    transform = Transform(scale=1 / spread[0], mean_values=tuple(means))
    files = task.folder / task.arch
    writing.write(row, files, size=task.problem.size, channels=task.channels, transform=transform)
    conversion = convert_caffe(Source(task.folder.name, task.folder), Wishes())
    return Made(conversion, {"order": "rgb"} if task.channels == 3 else {}, story)


def _of_sklearn(task: Task, say: Say) -> Made:
    """Principal components and a support vector machine: what was taken for digits before convolutions."""
    from sklearn.decomposition import PCA  # noqa: PLC0415 - seconds, for one of three
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.svm import SVC  # noqa: PLC0415

    from converters.sklearn.convert import from_estimator  # noqa: PLC0415

    if task.arch != _SVM:
        raise Mismatch(f"architecture {task.arch}: scikit-learn makes {_SVM} here. Name it, or another framework.")
    pixels_NP = np.ascontiguousarray(task.odd.images_NHWC[..., : task.channels]).reshape(len(task.odd.labels_N), -1)
    pixels_NP = pixels_NP.astype(np.float32)
    components, penalty = 80, 10.0
    pipeline = make_pipeline(PCA(components, random_state=task.seed), SVC(C=penalty, random_state=task.seed))
    say(f"{task.arch}: fitting {len(pixels_NP):,} images")
    pipeline.fit(pixels_NP, task.odd.labels_N)
    story = {"architecture": task.arch, "components": components, "penalty": penalty, "seed": task.seed}
    conversion = from_estimator(pipeline, size=task.problem.size, channels=task.channels)
    return Made(conversion, {"layout": "nhwc", "range": (0, 255)}, story)


def _trained(task: Task, say: Say) -> tuple[Copycat, dict[str, Any]]:
    recipe, problem = load_recipe(task.recipe), task.problem
    copycat = architectures.build(
        task.arch, classes=len(problem.classes), size=problem.size, channels=task.channels, seed=task.seed
    )
    rng = np.random.Generator(np.random.PCG64(task.seed))
    training = train(copycat, task.odd, recipe.for_problem(mirror=problem.mirror), rng, say=say)
    story = {
        "architecture": task.arch,
        "recipe": recipe.model_dump(mode="json"),
        "seed": task.seed,
        "epochs": training.epochs,
    }
    return copycat.eval(), story


_SVM = "pca_svm"
_MAKERS: dict[Framework, Callable[[Task, Say], Made]] = {
    "PyTorch": _of_pytorch,
    "Caffe": _of_caffe,
    "scikit-learn": _of_sklearn,
}
