"""Handwritten digits bundled with scikit-learn: 1 797 images of 8 x 8 pixels, no network needed.

Source: E. Alpaydin and C. Kaynak, UCI machine learning repository, 1998.
"""

from __future__ import annotations

import torch

from agents.tasks.base import StoredTask, stored_task

NAME = "digits"
TEST_SHARE = 0.2


def load() -> StoredTask:
    """Pixels divided by 16, less their training means, and a constant: 65 features, 10 classes.

    1 437 training and 360 test records by one fixed stratified split, the same in every run. The mean image is taken
    as public, as the ranges of other tasks are: left in, it would use up most of every clipped gradient's length
    without telling two digits apart.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels / 16, labels, test_size=TEST_SHARE, stratify=labels, random_state=0
    )
    mean = train_x.mean(axis=0)
    return stored_task(
        NAME,
        10,
        train=(torch.from_numpy(train_x - mean), torch.from_numpy(train_y)),
        test=(torch.from_numpy(test_x - mean), torch.from_numpy(test_y)),
    )
