"""Write plain data as YAML 1.2 that reads back as the same data; long lines are left long."""

from __future__ import annotations

import json
import re

from judge.errors import FileError
from judge.files.node import Data, Plain
from judge.files.read import read_text

STEP = 2
# What must be escaped inside double quotes beyond what JSON escapes.
_UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_FLOW_MARKS = re.compile(r"[,\[\]{}]")


def scalar(value: Plain, form: str = "plain", *, flow: bool = False) -> str:
    """One value on one line, in the form (plain, ' or ") it had before where that is possible."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return repr(value).replace("inf", ".inf").replace("nan", ".nan")
    if form == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if form == '"' or not _reads_plainly(value, flow):
        quoted = json.dumps(value, ensure_ascii=False)
        return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", quoted)
    return value


def _reads_plainly(text: str, flow: bool) -> bool:
    """Whether an unquoted text is read back as itself, as a value and as a key."""
    if not text.isprintable() or (flow and _FLOW_MARKS.search(text)):
        return False
    try:
        return (
            read_text(f"k: {text}").data() == {"k": text}
            and read_text(f"{text}: 1").data() == {text: 1}
            and (not flow or read_text(f"{{{text}: [{text}]}}").data() == {text: [text]})
        )
    except FileError:
        return False


def entry(key: str, value: Data, indent: int, form: str = "plain") -> str:
    """A key of a block mapping with its value, without the last line end."""
    name = scalar(key)
    return " " * indent + _joined(f"{name}:", value, indent, form)


def item(value: Data, indent: int) -> str:
    """An item of a block list, without the last line end."""
    if isinstance(value, dict) and value:
        return " " * indent + "- " + block(value, indent + STEP).lstrip(" ")
    return " " * indent + _joined("-", value, indent, "plain")


def block(value: dict[str, Data] | list[Data], indent: int) -> str:
    """A block mapping or list, without the last line end."""
    if isinstance(value, dict):
        return "\n".join(entry(key, part, indent) for key, part in value.items())
    return "\n".join(item(part, indent) for part in value)


def flow(value: Data) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        parts = (f"{scalar(key, flow=True)}: {flow(part)}" for key, part in value.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(part) for part in value) + "]"
    return scalar(value, flow=True)


def _joined(head: str, value: Data, indent: int, form: str) -> str:
    if isinstance(value, dict | list) and value:
        return f"{head}\n{block(value, indent + STEP)}"
    if isinstance(value, dict | list):
        return f"{head} {flow(value)}"
    if isinstance(value, str) and (form == "|" or "\n" in value) and _fits_block(value):
        return f"{head} {literal(value, indent + STEP)}"
    return f"{head} {scalar(value, form)}"


def _fits_block(text: str) -> bool:
    lines = text.rstrip("\n").split("\n")
    clean = all(line.replace("\t", "").isprintable() for line in lines)
    return clean and bool(lines[0]) and not lines[0][0].isspace() and "\r" not in text


def literal(text: str, indent: int) -> str:
    """A block text (`|`), line ends as they are."""
    body = text.rstrip("\n")
    tail = len(text) - len(body)
    lines = [" " * indent + line if line else "" for line in body.split("\n")]
    return "|" + ("-", "", "+")[min(tail, 2)] + "\n" + "\n".join(lines) + "\n" * max(0, tail - 1)
