"""TOML files are read strictly, and their faults are named with file, line and key."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from benchmark.refusals import BadToml
from benchmark.strict_toml import read_toml


class Inner(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")

    depth: int


class Outer(BaseModel):
    """A whole."""

    model_config = ConfigDict(extra="forbid")

    name: str
    budgets: list[int] = []
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "a"\nbudget = [1]', ":2: unknown key 'budget'. Did you mean 'budgets'?"),
        ("budgets = [1]", "the key 'name' is missing"),
        ('name = "a"\n\nbudgets = "many"', ':3: budgets is "many": it should be a list. Mend the value.'),
        ('name = "a"\nbudgets = [1, "x"]', ':2: budgets.1 is "x": '),
        ('name = "a"\n[inner]\ndepth = 1\nwidth = 2', ":4: unknown key 'inner.width'"),
        ('name = "a', "not valid TOML"),
        ('name = "a"\nname = "b"', "not valid TOML"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, sentence: str, tmp_path: Path) -> None:
    """The sentence begins with the file, then the line where there is one, then what is wrong."""
    path = tmp_path / "some.toml"
    path.write_text(text)

    with pytest.raises(BadToml) as caught:
        read_toml(path, Outer)

    assert str(caught.value).startswith(str(path))
    assert sentence in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8: each has its sentence."""
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')

    for name, sentence in (("none.toml", "no such file"), (".", "cannot be read"), ("latin.toml", "UTF-8")):
        with pytest.raises(BadToml, match=sentence):
            read_toml(tmp_path / name, Outer)


def test_given_values_fill_what_the_file_leaves_out(tmp_path: Path) -> None:
    """A name may come from the file's own name; a file that says another one is refused."""
    path = tmp_path / "some.toml"
    path.write_text("budgets = [1]")

    assert read_toml(path, Outer, name="some") == Outer(name="some", budgets=[1])
    path.write_text('budgets = [1]\nname = "some"')
    assert read_toml(path, Outer, name="some") == Outer(name="some", budgets=[1])
    path.write_text('budgets = [1]\nname = "other"')
    with pytest.raises(BadToml, match=r'some.toml:2: name is "other", but the file is called "some". Leave that line'):
        read_toml(path, Outer, name="some")
