"""Rewards of a response's steps that cannot be earned by making more steps (arXiv 2410.15115)."""

from __future__ import annotations

import numpy as np

from judge.transforms.judged import Values, judged


def clip_steps(steps: Values, *, eta: float = 0.0) -> list[float | None]:
    """The clip form: min(q_k - eta, 0), so that a good step adds nothing.

    Args:
        steps: K rewards of one response's steps, in order.
        eta: What counts as good enough; the paper's value is not known to us.

    Returns:
        K values <= 0; None where the step is not judged.
    """
    known = judged(steps=steps)
    return known.back(np.minimum(known.columns[0] - eta, 0.0))


def delta_steps(steps: Values) -> list[float | None]:
    """The delta form: q_k - q_{k+1}, and q_k for the last step.

    The return from any step to the end telescopes to that step's own q: it is bounded, whatever
    the number of steps. A step that is not judged is passed over: its neighbours are subtracted
    from each other. (The paper may give the last step 0 and keep the one before; not checked.)

    Args:
        steps: K rewards of one response's steps, in order.
    """
    known = judged(steps=steps)
    (q,) = known.columns
    return known.back(q - np.append(q, 0.0)[1:])
