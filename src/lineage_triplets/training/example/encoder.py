"""A small encoder of patches, and the loss that it learns by."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SIDE_PX = 32
_N_PROJECTED = 32


class Encoder(nn.Module):
    """Three convolutions and a mean over the patch; small enough for a CPU.

    Patches of any size are averaged down to 32 x 32 pixels first.

    Parameters
    ----------
    n_planes : int
        Slots times slices of a patch.
    width : int
        Maps of the first layer; the features are four times as many.
    """

    def __init__(self, n_planes: int, width: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_layer(n_planes, width, 5, stride=2),
            *_layer(width, 2 * width, 3, stride=2),
            *_layer(2 * width, 4 * width, 3, stride=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(4 * width, 4 * width), nn.ReLU(), nn.Linear(4 * width, _N_PROJECTED)
        )

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Give the features that are used after training.

        Parameters
        ----------
        patches : Tensor, shape (B, C, Z, Y, X)

        Returns
        -------
        Tensor, shape (B, 4 * width)
        """
        planes = functional.adaptive_avg_pool2d(patches.flatten(1, 2), SIDE_PX)
        features: torch.Tensor = self.body(planes)
        return features

    def project(self, patches: torch.Tensor) -> torch.Tensor:
        """Give what the loss compares, shape (B, 32): the features behind a head."""
        projected: torch.Tensor = self.head(self(patches))
        return projected


def _layer(n_in: int, n_out: int, size: int, *, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(n_in, n_out, size, stride=stride, padding=size // 2)
    return convolution, nn.BatchNorm2d(n_out), nn.ReLU()


def nt_xent(
    anchors: torch.Tensor,
    positives: torch.Tensor,
    temperature: float = 0.1,
    groups: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of finding each one's partner among all others of the batch, by cosine.

    Parameters
    ----------
    anchors, positives : Tensor, shape (B, D)
        Partners by row.
    temperature : float
    groups : Tensor of int64, shape (B,), optional
        Others of a pair's own group, such as its lineage, are not what it is to be told from.

    Returns
    -------
    Tensor, shape ()
    """
    n = len(anchors)
    both = functional.normalize(torch.cat([anchors, positives]), dim=1)
    partner = torch.arange(2 * n, device=both.device).roll(n)
    left_out = torch.eye(2 * n, dtype=torch.bool, device=both.device)
    if groups is not None:
        twice = groups.to(both.device).repeat(2)
        left_out = twice[:, None] == twice
        left_out[torch.arange(2 * n, device=both.device), partner] = False
    logits = (both @ both.T / temperature).masked_fill(left_out, -torch.inf)
    return functional.cross_entropy(logits, partner)
