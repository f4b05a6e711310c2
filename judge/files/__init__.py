"""Files a person edits: read with places, found by name, wrong in a helpful way, saved in place."""

from judge.files.library import Library, bundled, is_id
from judge.files.node import NOWHERE, Data, Entry, Node, Place, Trail
from judge.files.read import read_file, read_text
from judge.files.report import (
    Problem,
    as_error,
    did_you_mean,
    fault,
    in_order,
    problems,
    validate,
)

__all__ = [
    "NOWHERE",
    "Data",
    "Entry",
    "Library",
    "Node",
    "Place",
    "Problem",
    "Trail",
    "as_error",
    "bundled",
    "did_you_mean",
    "fault",
    "in_order",
    "is_id",
    "problems",
    "read_file",
    "read_text",
    "validate",
]
