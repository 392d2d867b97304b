"""Which scores there are: one line an entry."""

from __future__ import annotations

from gmmbench.scores import (
    dice,
    gmm_posthoc,
    kl_matching,
    knn,
    mahalanobis,
    mahalanobis_class,
    mahalanobis_pp,
    react,
    relative_mahalanobis,
    sml,
    vim,
)
from gmmbench.scores.ash import ash
from gmmbench.scores.energy import energy
from gmmbench.scores.ensemble_entropy import ensemble_entropy
from gmmbench.scores.ensemble_mi import ensemble_mi
from gmmbench.scores.entropy import entropy
from gmmbench.scores.gen import gen
from gmmbench.scores.gmm_lse import gmm_lse
from gmmbench.scores.gmm_max import gmm_max
from gmmbench.scores.margin import margin
from gmmbench.scores.max_logit import max_logit
from gmmbench.scores.mc_dropout_entropy import mc_dropout_entropy
from gmmbench.scores.mc_dropout_mi import mc_dropout_mi
from gmmbench.scores.msp import msp
from gmmbench.scores.odin import odin
from gmmbench.scores.rba import rba
from gmmbench.scores.scale import scale
from gmmbench.scores.score import FittedScore, Score
from gmmbench.scores.void import void

FAST = ("gmm_max", "gmm_lse", "msp", "max_logit", "entropy", "margin", "energy")
"""Scores that cost next to nothing beside the forward."""

SCORES: dict[str, Score] = {
    "gmm_max": Score(gmm_max, "density", "-max_c d_c"),
    "gmm_lse": Score(gmm_lse, "density", "-log 1/C sum_c exp(d_c)"),
    "msp": Score(msp, "logits", "1 - max_c p_c"),
    "max_logit": Score(max_logit, "logits", "-max_c z_c"),
    "entropy": Score(entropy, "logits", "-sum_c p_c log p_c, in nats"),
    "margin": Score(margin, "logits", "1 - (p_(1) - p_(2)), the two largest p_c"),
    "energy": Score(energy, "logits", "-log sum_c exp(z_c)"),
    "gen": Score(gen, "logits", "sum_c (p_c (1 - p_c))^gamma over the top likeliest c; gamma=0.1, top=100"),
    "rba": Score(rba, "logits", "-sum_c tanh(z_c), meant for mask classifiers"),
    "ash": Score(ash, "head", "-log sum_c exp(z_c), z = W f' + b, f' = f pruned, then scaled; percentile=90"),
    "scale": Score(scale, "head", "-log sum_c exp(z_c), z = W s f + b, s from f's largest channels; percentile=85"),
    "void": Score(void, "void", "log p_void / (1 - p_void) = z_void - log sum_c exp(z_c)"),
    "odin": Score(
        odin,
        "perturbed",
        "log (1 / max_c p_c - 1) / (C - 1), p = softmax(z(x~) / T), x~ = x a step surer;"
        " temperature=1000, epsilon=0.0014",
    ),
    "mc_dropout_entropy": Score(mc_dropout_entropy, "dropout", "H(E p) over passes with dropout; passes=8, seed=0"),
    "mc_dropout_mi": Score(mc_dropout_mi, "dropout", "H(E p) - E H(p) over passes with dropout; passes=8, seed=0"),
    "ensemble_entropy": Score(ensemble_entropy, "ensemble", "H(E p) over checkpoints"),
    "ensemble_mi": Score(ensemble_mi, "ensemble", "H(E p) - E H(p) over checkpoints"),
}
"""Pure scores by name, in the order of tables. On a GMM model the logits scores read its posterior."""

FITTED: dict[str, FittedScore] = {
    "kl_matching": FittedScore(
        kl_matching.fit, kl_matching.kl_matching, "logits", "min_k KL(p || d_k), d_k = mean p of pixels predicted as k"
    ),
    "sml": FittedScore(
        sml.fit,
        sml.sml,
        "logits",
        "-(max_c z_c - mu_k) / sigma_k at pixels predicted as k, boundaries suppressed, smoothed;"
        " suppress=true, smooth=true",
        whole=True,
    ),
    "react": FittedScore(
        react.fit, react.react, "head", "-log sum_c exp(z_c), z = W min(f, q) + b, q a quantile of f; quantile=0.9"
    ),
    "dice": FittedScore(
        dice.fit, dice.dice, "head", "-log sum_c exp(z_c), z = (W * M) f + b, M the weights that add most; sparsity=0.7"
    ),
    "mahalanobis": FittedScore(
        mahalanobis.fit, mahalanobis.mahalanobis, "features", "min_c (f - mu_c)^T S^-1 (f - mu_c), S tied"
    ),
    "mahalanobis_class": FittedScore(
        mahalanobis_class.fit,
        mahalanobis_class.mahalanobis_class,
        "features",
        "min_c (f - mu_c)^T S_c^-1 (f - mu_c), S_c drawn towards the tied S; prior=1 where the name does not say"
        " otherwise",
    ),
    "relative_mahalanobis": FittedScore(
        relative_mahalanobis.fit,
        relative_mahalanobis.relative_mahalanobis,
        "features",
        "min_c M_c - M_0, M = Mahalanobis distance, S tied, M_0 to all pixels' one Gaussian",
    ),
    "mahalanobis_pp": FittedScore(
        mahalanobis_pp.fit, mahalanobis_pp.mahalanobis_pp, "features", "mahalanobis of f / |f|"
    ),
    "knn": FittedScore(
        knn.fit,
        knn.knn,
        "features",
        "distance of f / |f| to its k-th nearest, of a bank of training pixels, an equal share from each class;"
        " k=1, bank=512 where the name does not say otherwise",
    ),
    "vim": FittedScore(vim.fit, vim.vim, "head", "alpha |residual of f| - log sum_c exp(z_c), z = W f + b"),
    "gmm_posthoc": FittedScore(
        gmm_posthoc.fit,
        gmm_posthoc.gmm_posthoc,
        "features",
        "-log 1/C sum_c p(g | c), g = f / |f|, Gaussians fitted to training features; covariance=full, components=1,"
        " unit=true, floor=0.1 where the name does not say otherwise",
    ),
}
"""Scores that are fitted to the training set, by name, in the order of tables."""
