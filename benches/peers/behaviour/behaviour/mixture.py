"""The three-component mixture (Bays, Catalao & Husain 2009), twice: by EM in NumPy as the field's toolbox does it, and by
maximum likelihood in SciPy. Both take the toolbox's starts."""

from itertools import product

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import i0e, i1e

KAPPA = (1.0, 10.0, 100.0)
WEIGHT = (0.01, 0.1, 0.4)
MAX_KAPPA = 1e4


def _starts(set_size):
    for kappa, guess in product(KAPPA, WEIGHT):
        for swap in WEIGHT if set_size > 1 else (0.0,):
            yield kappa, swap, guess


def _log_von_mises(errors, kappa):
    return kappa * (np.cos(errors) - 1.0) - np.log(2 * np.pi * i0e(kappa))


def _concentration(length):
    """The κ whose mean resultant length is `length`."""
    if length < 1e-8:
        return 0.0
    ratio = lambda kappa: i1e(kappa) / i0e(kappa) - length
    return MAX_KAPPA if ratio(MAX_KAPPA) < 0 else brentq(ratio, 1e-9, MAX_KAPPA, xtol=1e-10)


def expectation_maximisation(errors):
    """(log likelihood, κ, weights of target, non-targets, guesses) at the best end of all starts."""
    trials, items = errors.shape
    unit = np.exp(1j * errors)
    best = (-np.inf, None, None)
    for kappa, swap, guess in _starts(items):
        target = 1.0 - swap - guess
        last = -np.inf
        for _ in range(10_000):
            density = np.exp(_log_von_mises(errors, kappa))
            w_target = target * density[:, 0]
            w_swap = swap / max(items - 1, 1) * density[:, 1:]
            w_guess = guess / (2 * np.pi)
            total = w_target + w_swap.sum(1) + w_guess
            value, here = np.log(total).sum(), (kappa, (target, swap, guess))
            if abs(value - last) < 1e-8:
                break
            last = value
            r_target, r_swap = w_target / total, w_swap / total[:, None]
            target, swap = r_target.mean(), r_swap.sum() / trials
            guess = (w_guess / total).mean()
            responsibility = np.concatenate([r_target[:, None], r_swap], 1)
            kappa = _concentration(abs((responsibility * unit).sum()) / responsibility.sum())
        # Where it ends, not the best it passed: κ from the resultant length is not the maximum in κ.
        if value > best[0]:
            best = (value, *here)
    return best


def maximum_likelihood(errors):
    """The same by SciPy's L-BFGS-B on unconstrained parameters, derivatives by differences."""
    _, items = errors.shape
    swaps = items > 1

    def loss(x):
        kappa = min(np.exp(x[0]), MAX_KAPPA)
        logits = np.array([0.0, x[1], x[2]] if swaps else [0.0, x[1]])
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        density = np.exp(_log_von_mises(errors, kappa))
        total = weights[0] * density[:, 0] + weights[1] / (2 * np.pi)
        if swaps:
            total = total + weights[2] / (items - 1) * density[:, 1:].sum(1)
        return -np.log(total).sum()

    best = (-np.inf, None, None)
    for kappa, swap, guess in _starts(items):
        target = 1.0 - swap - guess
        start = [np.log(kappa), np.log(guess / target)] + ([np.log(swap / target)] if swaps else [])
        bounds = [(-5.0, np.log(MAX_KAPPA))] + [(-30.0, 30.0)] * (len(start) - 1)
        end = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 2000})
        if -end.fun > best[0]:
            logits = np.array([0.0, end.x[1], end.x[2] if swaps else -np.inf])
            weights = np.exp(logits - logits.max())
            weights /= weights.sum()
            best = (-end.fun, float(np.exp(end.x[0])), (weights[0], weights[2], weights[1]))
    return best
