"""Prototxt: Caffe's text files, in all the spellings of protobuf's text format, become messages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.caffe import messages
from converters.caffe.tokens import END, MARK, NUMBER, WORD, Tokens, skip, value
from converters.refusals import SourceDamaged

# the largest published ones hold some 300 KB; a MB takes about a second
_BYTES_LIMIT = 4 << 20
_DEPTH_LIMIT = 32
_UNKNOWN_LIMIT = 20
_CLOSING = {"{": "}", "<": ">"}


@dataclass
class _Open:
    """A message that is being read: None if unknown. `closing` ends it; `listed`: the list of messages it stands in."""

    message: Any
    closing: str
    listed: Any = None


def read_prototxt(path: Path, message: Any) -> tuple[str, ...]:
    """Fill a message from a text file; returns the fields that no Caffe we know has, which were skipped.

    Raises SourceDamaged, which names file and line; UnsupportedLayer for a V1 layer type that does not exist.
    """
    try:
        if path.stat().st_size > _BYTES_LIMIT:
            raise SourceDamaged(f"{path.name}: is larger than {_BYTES_LIMIT >> 20} MB, which no prototxt is.")
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise SourceDamaged(f"{path.name}: cannot be read ({error.strerror or error}).") from error
    return parse(text, message, path.name)


def parse(text: str, message: Any, name: str) -> tuple[str, ...]:
    """As read_prototxt, from a text; `name` is the file's in refusals."""
    if "\0" in text:
        raise SourceDamaged(f"{name}: is a binary file, not a prototxt.")
    reader = _Reader(Tokens(text, name))
    reader.read(message)
    missing = message.FindInitializationErrors()
    if missing:
        raise SourceDamaged(f"{name}: does not say {missing[0]}, which Caffe requires.")
    return tuple(reader.unknown)


class _Reader:
    """Reads the tokens of one text into a message; `unknown` fills with "Message.field" of fields that it lacks."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.unknown: dict[str, None] = {}
        self._open: list[_Open] = []

    def read(self, message: Any) -> None:
        """The whole text; a stack in place of recursion, so that depth is bounded here."""
        tokens = self.tokens
        self._open = [_Open(message, END)]
        while self._open:
            top = self._open[-1]
            if tokens.kind == (MARK if top.closing else END) and tokens.text == top.closing:
                self._close(top)
            else:
                self._field(top.message)

    def _close(self, top: _Open) -> None:
        """End a message; in a list, go on with the next one."""
        self._open.pop()
        if not self._open:
            return
        self.tokens.advance()
        if top.listed is not None and not self.tokens.take("]"):
            if not self.tokens.take(","):
                raise self.tokens.expected("a comma or ]")
            self._begin(top.listed, listed=True)
        else:
            self.tokens.take(",", ";")

    def _field(self, owner: Any) -> None:
        """One field: its name, and its value, list or the beginning of its message."""
        tokens = self.tokens
        name = self._name()
        field = None if owner is None else owner.DESCRIPTOR.fields_by_name.get(name)
        if field is None and owner is not None and len(self.unknown) < _UNKNOWN_LIMIT:
            self.unknown[f"{owner.DESCRIPTOR.name}.{name}"[:100]] = None
        colon = tokens.take(":")
        listed = (field is None or messages.repeated(field)) and bool(tokens.take("["))
        if listed and tokens.take("]"):
            tokens.take(",", ";")
        elif tokens.kind == MARK and tokens.text in _CLOSING and (field is None or field.message_type):
            self._begin(_Slot(owner, field), listed=listed)
        elif not colon or (field is not None and field.message_type):
            raise tokens.expected(f"{{ or : after {name}" if not field or not field.message_type else "{")
        else:
            self._values(_Slot(owner, field), listed=listed)

    def _name(self) -> str:
        """The name of a field; an extension's in brackets counts as unknown."""
        tokens = self.tokens
        if tokens.kind == WORD:
            return tokens.advance()
        if not tokens.take("["):
            raise tokens.expected("a field's name")
        parts = ["["]
        while tokens.kind in {WORD, NUMBER} or (tokens.kind == MARK and tokens.text in {".", "/", "-"}):
            parts.append(tokens.advance())
        if not tokens.take("]"):
            raise tokens.expected("]")
        return "".join([*parts, "]"])

    def _values(self, slot: "_Slot", listed: bool) -> None:
        """One value, or a list of them up to its ]."""
        tokens = self.tokens
        while True:
            if slot.field is None:
                skip(tokens)
            else:
                slot.store(value(tokens, slot.field), tokens)
            if not listed or tokens.take("]"):
                break
            if not tokens.take(","):
                raise tokens.expected("a comma or ]")
        tokens.take(",", ";")

    def _begin(self, slot: "_Slot", listed: bool) -> None:
        """Open a message at its { or <."""
        if len(self._open) > _DEPTH_LIMIT:
            raise self.tokens.refusal(f"is nested more than {_DEPTH_LIMIT} deep, which no net is")
        mark = self.tokens.take("{", "<")
        if not mark:
            raise self.tokens.expected("{")
        message = None if slot.field is None else slot.message(self.tokens)
        self._open.append(_Open(message, _CLOSING[mark], slot if listed else None))


@dataclass(frozen=True)
class _Slot:
    """A field of a message that is being read; no field if the message or the field is unknown."""

    owner: Any
    field: Any

    def message(self, tokens: Tokens) -> Any:
        """The message that the field holds from now on."""
        if messages.repeated(self.field):
            return getattr(self.owner, self.field.name).add()
        self._once(tokens)
        message = getattr(self.owner, self.field.name)
        message.SetInParent()
        return message

    def store(self, number: Any, tokens: Tokens) -> None:
        """Keep a value."""
        if messages.repeated(self.field):
            getattr(self.owner, self.field.name).append(number)
        else:
            self._once(tokens)
            setattr(self.owner, self.field.name, number)

    def _once(self, tokens: Tokens) -> None:
        if self.owner.HasField(self.field.name):
            raise tokens.refusal(f"{self.field.name} is said twice, and {self.owner.DESCRIPTOR.name} takes it once")
