"""Generate waves.csv: 900 days of two variables, each the sum of a trend, a weekly cycle and Gaussian noise.

python write_waves.py
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

DAYS = 900
NOISE = 1.0
"""The standard deviation of the noise of `visits`; that of `sales` is half of it."""

generator = np.random.default_rng(0)
day = np.arange(DAYS)
week = 2 * np.pi * day / 7
visits = 40 + 0.01 * day + 4 * np.sin(week) + NOISE * generator.standard_normal(DAYS)
sales = 20 + 0.005 * day + 2 * np.cos(week) + 0.5 * NOISE * generator.standard_normal(DAYS)

lines = ["date,visits,sales"]
for number in day:
    lines.append(f"{date(2022, 1, 1) + timedelta(days=int(number))},{visits[number]:.2f},{sales[number]:.2f}")
(Path(__file__).parent / "waves.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
