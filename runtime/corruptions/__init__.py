"""The corruptions of CIFAR-10-C: what they are, how they are made, and sets of corrupted images.

>>> from cortexc.runtime import corruptions
>>> corruptions.BENCHMARK[:3]
('gaussian_noise', 'shot_noise', 'impulse_noise')
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
