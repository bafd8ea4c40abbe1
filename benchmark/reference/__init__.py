"""Published results, one TOML per source: `load_source` reads one, `published` lists the numbers of all.

A source, complete in the small (`benchmark/reference/<name>.toml`):

    kind = "paper"                  # or "software", "replication"
    year = 2021
    short = "Pattern Recognition 2021"
    title = "Copycat CNN: ..."
    authors = "J. R. Correia-Silva, ..."
    where = "doi 10.1016/j.patcog.2021.107830"

    [problems]                      # ours: problems here with these classes; the counts are of the source's own images
    goc9 = { printed = "GOC9", ours = ["goc9"], odd = 45_000, tdd = 9_000, pdd = 269_100 }

    [[tables]]                      # one per printed table and regime
    table = "data.csv"
    regime = "npdd-sl"
    budgets = [100_000, 500_000]

    [tables.problems]
    goc9 = { target = 0.951649, values = [0.881193, 0.918401], percents = [92.6, 96.5] }

That images are a source's own is said where they are found: `paper = ["paper-2021"]` in a [[tdd]], [[pdd]], [[odd]] of
a problem's TOML or in the [[sources]] of a pool's.
"""

from benchmark.reference.results import Published, Source, load_source, names, published, sources

__all__ = ["Published", "Source", "load_source", "names", "published", "sources"]
