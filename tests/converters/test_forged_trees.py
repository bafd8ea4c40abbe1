"""Files of boosted trees that lie, or end too early, or are of the binary kind."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from boosters import BEST, DIGITS, NUMBERS, TEN, boosted, light, opened, xgboost

from converters.boosting import ubjson
from converters.refusals import SourceDamaged


def test_ubjson_is_read_as_the_json_of_the_same_booster(tmp_path: Path) -> None:
    """Numbers in both are the same float32; hand-made documents of the other kinds of value."""
    booster = boosted(tmp_path / "trees.json", NUMBERS, **TEN)
    booster.save_model(tmp_path / "trees.ubj")
    binary, text = (
        ubjson.loads((tmp_path / "trees.ubj").read_bytes()),
        json.loads((tmp_path / "trees.json").read_bytes()),
    )
    ours, theirs = (d["learner"]["gradient_booster"]["model"]["trees"][7] for d in (binary, text))
    assert ours["left_children"] == theirs["left_children"]
    assert np.array_equal(np.float32(ours["split_conditions"]), np.float32(theirs["split_conditions"]))
    assert ubjson.loads(b"{i\x01a[Ti\x05FZ]i\x01b[#i\x02SU\x02hid\x3f\x80\x00\x00}") == {
        "a": [True, 5, False, None],
        "b": ["hi", 1.0],
    }
    for wrong in (b"", b"{", b"[$Z#L\x7f" + b"\xff" * 7, b"[" * 9999, b"Si\xff", b"Q", b"[$d#l\x7f\xff\xff\xff"):
        with pytest.raises(ValueError, match=r"document|length|list|begins"):
            ubjson.loads(wrong)


FUZZ = """
import json, random, re, sys
import numpy as np
from pathlib import Path
from converters.boosting.convert import convert
from converters.conversion import Source, Wishes
from converters.refusals import ConversionRefused

def shuffled(value, chance):
    if isinstance(value, dict):
        return {k: shuffled(v, chance) for k, v in value.items() if chance.random() > .0005}
    if isinstance(value, list):
        return [shuffled(v, chance) for v in value if chance.random() > .0005]
    if isinstance(value, (int, float)) and chance.random() < .002:
        return chance.choice([-1, 0, 1, 2, 7, 64, 10**6, 2**31, -2**31, 1e30, 2**63, 0.5, None, "x", []])
    return value

def numbers(text, chance):
    return re.sub(r"-?[0-9][0-9.e+-]*", lambda m: str(chance.choice([-9, 0, 3, 64, 10**6, -2**31, 1e30]))
        if chance.random() < .002 else m[0], text)

file, ended = Path(sys.argv[1]), [0, 0]
whole = file.read_bytes()
for seed in range(int(sys.argv[2])):
    chance = random.Random(seed)
    if file.suffix == ".json":
        file.write_text(json.dumps(shuffled(json.loads(whole), chance)))
    elif file.suffix == ".txt":
        file.write_text(numbers(whole.decode(), chance))
    else:
        forged = bytearray(whole)
        for _ in range(3):
            forged[chance.randrange(len(forged))] = chance.randrange(256)
        file.write_bytes(forged)
    try:
        conversion = convert(Source(str(file), file), Wishes(size=(8, 8)))
        conversion.reference.scores(np.zeros((3, 64), np.float32))
        ended[0] += 1
    except ConversionRefused as refusal:
        assert "\\n" not in str(refusal)
        ended[1] += 1
print(*ended)
"""


@pytest.mark.parametrize("suffix", ["json", "txt", "ubj"])
def test_forged_files_end_in_a_verdict(tmp_path: Path, suffix: str) -> None:
    """Lengths, children, classes and types that lie: no crash of the library, which would end this child process."""
    file = tmp_path / f"trees.{suffix}"
    if suffix == "txt":
        light(file, NUMBERS, **BEST, num_iterations=2)
    else:
        xgboost.train({**TEN, "max_depth": 2, "nthread": 1}, xgboost.DMatrix(DIGITS, NUMBERS), 2).save_model(file)
    child = subprocess.run(
        [sys.executable, "-c", FUZZ, str(file), "250"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert child.returncode == 0, child.stderr[-2000:]
    accepted, refused = (int(number) for number in child.stdout.split()[-2:])
    assert accepted + refused == 250
    assert refused > 50


def test_every_truncation_ends_in_a_sentence(tmp_path: Path) -> None:
    """Cut at random places, in all three formats."""
    boosted(tmp_path / "trees.json", NUMBERS, **TEN).save_model(tmp_path / "trees.ubj")
    light(tmp_path / "trees.txt", NUMBERS, **BEST)
    chance = random.Random(0)
    for file in list(tmp_path.iterdir()):
        whole = file.read_bytes()
        end = whole.find(b"end of trees") if file.suffix == ".txt" else len(whole) - 1
        for length in (chance.randrange(end) for _ in range(30)):
            file.write_bytes(whole[:length])
            with pytest.raises(SourceDamaged):
                opened(file)
