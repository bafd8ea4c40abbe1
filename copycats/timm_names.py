"""Which names timm knows, found without importing it where possible (its import costs 5 s)."""

import importlib.util
import re
from pathlib import Path


def names(pattern: str = "*") -> list[str]:
    """All architectures of timm that fit a shell pattern (imports timm: 5 s)."""
    import timm  # noqa: PLC0415 - 5 s that nobody pays who does not need it

    found: list[str] = timm.list_models(pattern)
    return found


def is_known(name: str) -> bool:
    """Whether timm has this architecture; a name without weights tag is looked up in timm's sources, without import."""
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.origin is None:
        return False
    if re.fullmatch(r"\w+", name):
        definition = re.compile(rf"^@register_model\s+def {name}\(", re.MULTILINE)
        sources = (Path(spec.origin).parent / "models").glob("*.py")
        if any(definition.search(source.read_text(encoding="utf-8")) for source in sources):
            return True
    import timm  # noqa: PLC0415

    if ":" in name or not timm.is_model(name):  # "hf-hub:..." would fetch code's configuration from elsewhere
        return False
    return "." not in name or name in timm.list_pretrained(f"{name.split('.', maxsplit=1)[0]}.*")
