"""What an answer may look like, and how it is read back: `OutputSpec`.

One object compiles to a JSON Schema, a regex or a choice (whatever the engine takes) and holds the
reader beside it, so that grammar and reader cannot drift apart. The answer is one flat JSON object
whose key order is the order of generation (critique or reasons first, verdicts after); where
nothing but a single verdict is wanted it is the bare code.

Verdicts are one-token codes: digits 1..9 for levels and scores (0 = does not apply), the letters
A, B and C (tie) for pairs. Every verdict stands right after a fixed text, its *marker*, such as
`"answers_question": `; the marker tells the engine where label log-probabilities are wanted and the
reader where the verdict stands. `OutputSpec.fitted` chooses the spacing in which every code is one
token of the engine's tokenizer after its marker, and refuses an engine where none is.
"""

from judge.decoding.answers import NOT_APPLICABLE, Answer, Reading, Slot
from judge.decoding.codes import OVERALL, PAIR_CODES, PAIR_SCORES, SIDES, PairCode
from judge.decoding.lists import Column, ListSpec
from judge.decoding.spec import EVIDENCE_CHARS, OutputSpec
from judge.decoding.wording import COMPACT, PLAIN, SPACED

__all__ = [
    "COMPACT",
    "EVIDENCE_CHARS",
    "NOT_APPLICABLE",
    "OVERALL",
    "PAIR_CODES",
    "PAIR_SCORES",
    "PLAIN",
    "SIDES",
    "SPACED",
    "Answer",
    "Column",
    "ListSpec",
    "OutputSpec",
    "PairCode",
    "Reading",
    "Slot",
]
