"""BNS over probe distance in NumPyro: the same basis and priors as ours, κ and the hyperparameters where ours puts
them, the coefficients by NUTS."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.diagnostics import effective_sample_size, gelman_rubin
from numpyro.infer import MCMC, NUTS
from scipy.special import i0e

jax.config.update("jax_enable_x64", True)
CHAINS = 4


def _spectrum(tau, modes):
    """Fourier coefficients of the Wendland kernel."""
    nodes, weights = np.polynomial.legendre.leggauss(300)
    x, weights = 0.5 * (nodes + 1), 0.5 * weights
    value = weights * (1 + tau * x) * (1 - x) ** tau
    coefficients = np.array([(value * np.cos(np.pi * k * x)).sum() for k in range(modes + 1)])
    coefficients[1:] *= 2
    return np.maximum(coefficients, 1e-14)


def sample(cell, ours, draws):
    """(posterior means, sds and ESS of our coefficients, R-hat, seconds of CPU, of wall) at our κ and
    hyperparameters."""
    hyper, modes, kappa = ours["hyperparameters"], ours["posterior"]["modes"], ours["emission"]["kappa"]
    scales = hyper["scale"] * np.sqrt(_spectrum(hyper["tau_probe"], modes))
    offsets = cell.probe[:, 1:]
    k = np.arange(modes + 1)
    features = np.where(k == 0, 1.0, np.sqrt(2) * np.cos(k * offsets[..., None]))
    log_emission = kappa * (np.cos(cell.errors) - 1) - np.log(2 * np.pi * i0e(kappa))
    log_emission = jnp.asarray(np.concatenate([np.full((len(log_emission), 1), -np.log(2 * np.pi)), log_emission], 1))
    features, scales = jnp.asarray(features), jnp.asarray(scales)

    def model():
        guess = numpyro.sample("guess", dist.Normal(-2.0, 2.0))
        level = numpyro.sample("level", dist.Normal(-2.0, 2.0))
        w = numpyro.sample("w", dist.Normal(0.0, 1.0).expand([modes + 1]).to_event(1))
        f = level + features @ (scales * w)
        logits = jnp.concatenate([jnp.full((f.shape[0], 1), guess), jnp.zeros((f.shape[0], 1)), f], 1)
        likelihood = jax.nn.logsumexp(logits + log_emission, 1) - jax.nn.logsumexp(logits, 1)
        numpyro.factor("likelihood", likelihood.sum())

    mcmc = MCMC(NUTS(model), num_warmup=500, num_samples=draws, num_chains=CHAINS, chain_method="sequential", progress_bar=False)
    cpu, wall = time.process_time(), time.perf_counter()
    mcmc.run(jax.random.PRNGKey(1))
    chains = {name: np.asarray(value) for name, value in mcmc.get_samples(group_by_chain=True).items()}
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    # [chains, draws, coefficients] in our order and on our scale.
    all = np.concatenate([chains["guess"][..., None], chains["level"][..., None], chains["w"] * np.asarray(scales)], 2)
    return {
        "mean": all.mean((0, 1)),
        "sd": all.std((0, 1)),
        "ess": float(np.min(effective_sample_size(all))),
        "rhat": float(np.max(gelman_rubin(all))),
        "cpu": cpu,
        "wall": wall,
    }
