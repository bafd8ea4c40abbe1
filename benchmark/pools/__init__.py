"""Pools: ordered unlabelled images that an attacker draws from. One TOML file each, or any folder, list, tar or npz.

A pool, complete (`benchmark/pools/<name>.toml`):

    version = 1
    about = "Natural photographs of no particular domain."
    obtain = "Tiny-ImageNet's training photographs: put them, flat, into natural/ under a data folder."

    [[sources]]                     # tried in order, the first found wins; the kinds are in benchmark/images/sources.py
    kind = "folder"
    path = "natural"

    [[sources]]
    kind = "builtin"
    renderer = "natural"
    style = "mixed"
    count = 20000

A source that holds the very images that a paper asked says so: `paper = ["framework-2022"]` (names of
`benchmark/reference`); no pool that comes with the benchmark does.
"""

from benchmark.pools.pool import PoolFile, load_pool, names, open_pool

__all__ = ["PoolFile", "load_pool", "names", "open_pool"]
