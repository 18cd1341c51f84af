"""Published figures that measures of robustness use."""

from __future__ import annotations

from .catalogue import Cell

ALEXNET_ERROR = {
    "gaussian_noise": (0.1938, 0.2590, 0.3388, 0.3781, 0.4211),
    "shot_noise": (0.1721, 0.2013, 0.2828, 0.3243, 0.3933),
    "impulse_noise": (0.2186, 0.2883, 0.3663, 0.5034, 0.6005),
    "defocus_blur": (0.1455, 0.1499, 0.1591, 0.1689, 0.2035),
    "motion_blur": (0.1634, 0.1859, 0.2223, 0.2256, 0.2578),
    "zoom_blur": (0.1605, 0.1561, 0.1597, 0.1626, 0.1722),
    "glass_blur": (0.2753, 0.2781, 0.2523, 0.3690, 0.3469),
    "snow": (0.1815, 0.2403, 0.2589, 0.2782, 0.2829),
    "frost": (0.1676, 0.2035, 0.2572, 0.2648, 0.3301),
    "fog": (0.1487, 0.1626, 0.1903, 0.2462, 0.4039),
    "brightness": (0.1459, 0.1502, 0.1568, 0.1702, 0.2064),
    "contrast": (0.1509, 0.1874, 0.2238, 0.2891, 0.5546),
    "elastic_transform": (0.1891, 0.1801, 0.1789, 0.1982, 0.2338),
    "pixelate": (0.1527, 0.1652, 0.1728, 0.1771, 0.2499),
    "jpeg_compression": (0.1722, 0.1919, 0.2002, 0.2048, 0.2167),
}
"""Error of an AlexNet on CIFAR-10-C at severity 1 to 5.

Source: one minus column 6 of resources/results/cifar10_alexnet_dnn_corrupted.csv in
https://github.com/xxxnell/how-do-vits-work, revision 9571ff1.
"""

HARD_CELLS = (
    *(Cell("impulse_noise", 5), Cell("gaussian_noise", 5), Cell("gaussian_noise", 4), Cell("shot_noise", 5)),
    *(Cell("gaussian_noise", 3), Cell("impulse_noise", 4), Cell("pixelate", 5), Cell("glass_blur", 4)),
    *(Cell("shot_noise", 4), Cell("glass_blur", 5), Cell("defocus_blur", 5), Cell("contrast", 5)),
    *(Cell("glass_blur", 1), Cell("shot_noise", 3), Cell("glass_blur", 2)),
)
"""The 15 of the 75 cells in which the standard WRN-28-10 of RobustBench is worst, the worst first.

Source: model_info/cifar10/corruptions/unaggregated_results.csv in https://github.com/RobustBench/robustbench, revision
78fcc9e, model ``Standard``; F. Croce et al. (2021), RobustBench, https://arxiv.org/abs/2010.09670
"""
