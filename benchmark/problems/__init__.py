"""Problems: classes, image size, colour, and where the images of each role come from. One TOML file each, no code.

A problem, complete (`benchmark/problems/<name>.toml`, or any path handed to `load_problem`):

    version = 1
    about = "CIFAR-10: ten kinds of things in 32 x 32 colour photographs."
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    size = 32                       # or [height, width]
    colour = "rgb"                  # or "grey": three equal channels
    obtain = "CIFAR-10 (Krizhevsky 2009), cs.toronto.edu/~kriz/cifar.html: put cifar-10-batches-py under a data folder."
    terms = "not found"             # under which terms, as the owners publish them

    [[odd]]                         # roles odd, tdd, pdd: sources are tried in order, the first found wins
    kind = "torchvision"
    dataset = "CIFAR10"
    split = "train"

    [[tdd]]
    kind = "folder"                 # one folder per class; a number is a class id
    path = "cifar10/test"           # below any data folder
    classes = { plane = "airplane" }    # optional: what the source says -> class; what is not named is left out

    [[pdd]]
    kind = "builtin"                # drawn by benchmark/drawn, always found; put it last
    renderer = "objects"
    style = "studio"
    count = 2000
    seed = 1

Every source also takes `limit` (at most so many images, classes balanced, picked with `seed`), `stand_in` (default
true for builtin, false for the others) and `paper`, the published sources (`benchmark/reference`) whose very images
these are: without it no published number is shown beside them. One of a PDD whose classes are not told says
`labelled = false`, and what needs them is "data missing". The other kinds are in `benchmark/images/sources.py`. The
problem's name is its file's name. A role that is left out is "data missing" for the regimes that need it.
"""

from benchmark.problems.problem import ROLES, Problem, Role, load_problem, names, open_role

__all__ = ["ROLES", "Problem", "Role", "load_problem", "names", "open_role"]
